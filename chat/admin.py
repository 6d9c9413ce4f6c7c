"""Chats in the superadmin's console: that they happened, how they went, never what was said."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from chat import services
from chat.feedback.selectors import passages_of
from chat.models import (
    ChatSession,
    EvaluationQuestion,
    EvaluationRun,
    Feedback,
    Message,
    MessageSource,
    MessageTrace,
)
from chat.usage import admin as usage_admin

__all__ = ["usage_admin"]  # Django looks for an app's console here

SHOWN_OF_TRACE = ("passed", "refused", "prompt", "ms")  # the rest quotes the question and the documents


class ReadOnly(ModelAdmin):
    """A ledger. Rows go only with what they belong to (a user, a model), from that one's own page."""

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what is offered. Django takes every column: `?content__contains=` would tell what was said."""
        offered = [name for name in (*self.list_filter, self.date_hierarchy) if isinstance(name, str)]
        is_offered = any(lookup == name or lookup.startswith(f"{name}__") for name in offered)
        return is_offered and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        match = request.resolver_match
        own_pages = f"{self.opts.app_label}_{self.opts.model_name}_"
        return match is not None and not (match.url_name or "").startswith(own_pages)


@admin.register(ChatSession)
class ChatSessionAdmin(ReadOnly):
    """Conversations without titles: a title is what somebody asked. They can be deleted."""

    list_display = ("id", "user", "collection", "messages_", "created_at", "updated_at")
    list_filter = ("collection",)
    search_fields = ("id", "user__email")
    list_select_related = ("user", "collection")
    date_hierarchy = "updated_at"
    fields = ("id", "user", "collection", "created_at", "updated_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatSession]:
        return super().get_queryset(request).defer("title").annotate(message_count=Count("messages"))

    @admin.display(description="messages", ordering="message_count")
    def messages_(self, session: Any) -> int:
        """How many there are."""
        return session.message_count

    def delete_model(self, request: HttpRequest, obj: ChatSession) -> None:
        services.session_delete(session=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ChatSession]) -> None:
        for session in queryset:
            services.session_delete(session=session)


@admin.register(Message)
class MessageAdmin(ReadOnly):
    """Questions and answers by status, without their text."""

    list_display = ("id", "user", "collection", "role", "status", "error_code", "llm", "created_at")
    list_filter = ("status", "role", "llm_provider", "error_code", "session__collection")
    search_fields = ("=id", "session__user__email", "=session__id")
    list_select_related = ("session__user", "session__collection")
    ordering = ("-id",)
    date_hierarchy = "created_at"
    fields = (
        *("id", "user", "collection", "role", "status", "finish_reason", "parent_id"),
        *("error_code", "error_message", "llm", "usage", "passages", "trace_", "created_at", "completed_at"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).defer("content", "session__title")

    @admin.display(ordering="session__user__email")
    def user(self, message: Message) -> str:
        """Whose chat it is in."""
        return str(message.session.user)

    @admin.display(description="model", ordering="session__collection__name")
    def collection(self, message: Message) -> str:
        """The model that was asked."""
        return str(message.session.collection)

    @admin.display(description="LLM")
    def llm(self, message: Message) -> str:
        """Provider and model."""
        return " ".join(filter(None, (message.llm_provider, message.llm_model_name)))

    @admin.display(description="passages found / cited")
    def passages(self, message: Message) -> str:
        """Counts, no quotes."""
        found = list(message.sources.values_list("cited", flat=True))
        return f"{len(found)} / {sum(found)}"

    @admin.display(description="trace")
    def trace_(self, message: Message) -> str:
        """Times, tokens and decisions; neither the question nor the passages."""
        trace = MessageTrace.objects.filter(message=message).first()
        data = trace.data if trace else {}
        return json.dumps({name: data[name] for name in SHOWN_OF_TRACE if name in data}, indent=1)


@admin.register(Feedback)
class FeedbackAdmin(ReadOnly):
    """What readers thought; the comment is meant for the operators. The passages are the model's own."""

    list_display = ("message_id", "rating", "collection", "llm", "comment", "cited", "updated_at")
    list_filter = ("rating", "message__session__collection", "message__llm_model_name")
    search_fields = ("comment",)
    list_select_related = ("message__session__collection",)
    date_hierarchy = "updated_at"
    fields = ("message_id", "rating", "comment", "collection", "llm", "passages", "created_at", "updated_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        sources = MessageSource.objects.select_related("document").defer("content")
        found = super().get_queryset(request).defer("message__content", "message__session__title")
        return found.prefetch_related(Prefetch("message__sources", sources))

    @admin.display(description="LLM", ordering="message__llm_model_name")
    def llm(self, feedback: Feedback) -> str:
        """Provider and model."""
        return " ".join(filter(None, (feedback.message.llm_provider, feedback.message.llm_model_name)))

    @admin.display(description="cited documents")
    def cited(self, feedback: Feedback) -> str:
        """Names, each once."""
        passages = passages_of(feedback.message)
        return ", ".join(dict.fromkeys(one["document_name"] for one in passages if one["cited"]))

    @admin.display(description="passages")
    def passages(self, feedback: Feedback) -> str:
        """Where they stand and what was made of them; not of files attached to the chat."""
        return json.dumps(passages_of(feedback.message), indent=1)

    @admin.display(description="model", ordering="message__session__collection__name")
    def collection(self, feedback: Feedback) -> str:
        """The model that answered."""
        return str(feedback.message.session.collection)


@admin.register(EvaluationQuestion)
class EvaluationQuestionAdmin(ReadOnly):
    """Test questions: admins wrote them about their models' documents, nobody asked them in a chat."""

    list_display = ("id", "collection", "question", "answerable", "updated_at")
    list_filter = ("collection", "answerable")
    search_fields = ("question", "places__document_name")
    list_select_related = ("collection",)
    fields = ("collection", "question", "answerable", "places_", "created_by", "created_at", "updated_at")
    readonly_fields = fields

    @admin.display(description="places")
    def places_(self, question: EvaluationQuestion) -> str:
        """Where the answer stands, one line a place."""
        return "\n".join(
            " · ".join(
                part
                for part in (one.document_name, f"page {one.page}" if one.page else "", one.passage)
                if part
            )
            for one in question.places.all()
        )


@admin.register(EvaluationRun)
class EvaluationRunAdmin(ReadOnly):
    """Runs of test questions, how they went and what they measured."""

    list_display = ("id", "collection", "label", "status", "questions_done", "questions_total", "created_at")
    list_filter = ("status", "collection")
    search_fields = ("=id", "label")
    list_select_related = ("collection",)
    date_hierarchy = "created_at"
    fields = (
        *("collection", "label", "status", "with_answers", "questions_done", "questions_total"),
        *("settings_", "metrics_", "error_code", "error_message", "created_by"),
        *("created_at", "started_at", "completed_at"),
    )
    readonly_fields = fields

    @admin.display(description="settings")
    def settings_(self, run: EvaluationRun) -> str:
        """What was in force."""
        return json.dumps(run.settings, indent=1)

    @admin.display(description="metrics")
    def metrics_(self, run: EvaluationRun) -> str:
        """What was measured."""
        return json.dumps(run.metrics, indent=1)
