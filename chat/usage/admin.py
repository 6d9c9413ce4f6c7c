"""The ledger and the limits in the superadmin's console."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.console import ReadOnly, RefusalsAsMessages
from accounts.permissions import caller
from chat.usage import services
from chat.usage.models import UsageEntry, UsageLimit


@admin.register(UsageEntry)
class UsageEntryAdmin(ReadOnly, ModelAdmin):
    """Who asked which model when, and what it cost."""

    list_display = (
        *("id", "user", "kind", "collection_name", "llm_provider", "llm_model_name"),
        *("prompt_tokens", "completion_tokens", "estimated", "asked_at"),
    )
    list_filter = ("kind", "llm_provider", "estimated")
    search_fields = ("user__email", "collection_name", "llm_model_name")
    list_select_related = ("user",)
    date_hierarchy = "asked_at"


class LimitForm(forms.ModelForm):
    """A limit of a user, or of a group."""

    class Meta:
        model = UsageLimit
        fields = ("user", "group", "together", "messages_per_minute", "tokens_per_day")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("messages_per_minute") is None and data.get("tokens_per_day") is None:
            raise ValidationError("Set one of the two, or delete this limit.")
        return data


@admin.register(UsageLimit)
class UsageLimitAdmin(RefusalsAsMessages, ModelAdmin):
    """Who may ask how much. Changes go through `chat.usage.services`, and into the ledger of changes."""

    form = LimitForm
    list_display = ("__str__", "messages_per_minute", "tokens_per_day")
    list_filter = ("together", "group")
    search_fields = ("user__email", "group__name")
    list_select_related = ("user", "group")
    autocomplete_fields = ("user", "group")

    def get_readonly_fields(self, request: HttpRequest, obj: UsageLimit | None = None) -> tuple[str, ...]:
        return ("user", "group", "together") if obj else ()  # another one's limit is another row

    def save_model(self, request: HttpRequest, obj: UsageLimit, form: Any, change: bool) -> None:
        self._set(request, obj, messages=obj.messages_per_minute, tokens=obj.tokens_per_day)
        obj.pk = UsageLimit.objects.get(user=obj.user, group=obj.group, together=obj.together).pk

    def delete_model(self, request: HttpRequest, obj: UsageLimit) -> None:
        self._set(request, obj, messages=None, tokens=None)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[UsageLimit]) -> None:
        for limit in queryset:
            self._set(request, limit, messages=None, tokens=None)

    def _set(
        self, request: HttpRequest, limit: UsageLimit, *, messages: int | None, tokens: int | None
    ) -> None:
        services.limit_set(
            actor=caller(request),
            user=limit.user,
            group=limit.group,
            together=limit.together,
            messages_per_minute=messages,
            tokens_per_day=tokens,
        )
