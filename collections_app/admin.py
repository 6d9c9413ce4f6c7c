"""Models in the superadmin's console: settings, who may use them, and a key that goes in but never out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanWidget,
)

from accounts.console import RefusalsAsMessages
from accounts.permissions import caller
from collections_app import languages, selectors, services, validation
from collections_app.models import Collection
from collections_app.validation import EDITABLE
from config.errors import VerbatimError


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != self.to_python(data)


class CollectionForm(forms.ModelForm):
    """A model's settings. The key is write-only: the field is always rendered empty."""

    suggested_questions = LinesField(required=False, help_text="One a line, at most six.")
    text_search_config = forms.ChoiceField(
        label="Language",
        choices=languages.choices,
        initial="english",
        widget=UnfoldAdminSelectWidget,
        help_text="Of the documents. Where there are some, they are rebuilt in the background first.",
    )
    new_api_key = forms.CharField(
        required=False,
        label="New API key",
        max_length=validation.MAX_KEY_CHARS,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
        help_text="Left empty, the stored key stays, unless the provider or the address changes.",
    )
    clear_api_key = forms.BooleanField(
        required=False, label="Remove the stored API key", widget=UnfoldBooleanWidget
    )

    class Meta:
        model = Collection
        fields = (*sorted(EDITABLE), "users", "groups")

    def clean_new_api_key(self) -> str:
        key = self.cleaned_data["new_api_key"]
        if key:
            self._collect(validation.check_key, key)
        return key

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            self._collect(validation.check, self.instance)

    def _collect(self, check: Any, value: Any) -> None:
        try:
            check(value)
        except VerbatimError as error:
            for field, reasons in error.details.items():
                self.add_error({"api_key": "new_api_key"}.get(field, field), reasons)

    def key_change(self) -> dict[str, str]:
        """The `api_key` argument for the service; empty when the key is not touched."""
        if self.cleaned_data["new_api_key"]:
            return {"api_key": self.cleaned_data["new_api_key"]}
        return {"api_key": ""} if self.cleaned_data["clear_api_key"] else {}


@admin.register(Collection)
class CollectionAdmin(RefusalsAsMessages, ModelAdmin):
    """Models. Every change goes through `collections_app.services`."""

    form = CollectionForm
    list_display = (
        "name",
        "llm_provider",
        "llm_model_name",
        "people",
        "documents_",
        "passages",
        "created_at",
    )
    list_filter = ("llm_provider", "answer_mode")
    search_fields = ("name", "description")
    filter_horizontal = ("users", "groups")
    readonly_fields = ("stored_key", "embedding_model", "documents_", "passages", "created_by", "created_at")
    fieldsets = (
        (None, {"fields": ("name", "description", "suggested_questions")}),
        ("Access", {"fields": ("users", "groups")}),
        (
            "LLM",
            {
                "fields": (
                    "llm_provider",
                    "llm_model_name",
                    "llm_base_url",
                    "stored_key",
                    "new_api_key",
                    "clear_api_key",
                    "system_prompt",
                    "temperature",
                    "max_tokens",
                    "context_tokens",
                )
            },
        ),
        ("Retrieval", {"fields": ("answer_mode", "top_k", "similarity_threshold", "history_length")}),
        (
            "Documents",
            {
                "fields": (
                    "text_search_config",
                    "chunk_strategy",
                    "chunk_size",
                    "chunk_overlap",
                    "embedding_model",
                )
            },
        ),
        ("Numbers", {"fields": ("documents_", "passages", "created_by", "created_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        return selectors.collections_with_counts(caller(request))

    @admin.display(description="people", ordering="user_count")
    def people(self, collection: Collection) -> int:
        return collection.user_count  # type: ignore[attr-defined]

    @admin.display(description="documents", ordering="document_count")
    def documents_(self, collection: Collection) -> int:
        return getattr(collection, "document_count", 0)

    @admin.display(description="passages", ordering="chunk_count")
    def passages(self, collection: Collection) -> int:
        return getattr(collection, "chunk_count", 0)

    @admin.display(description="API key")
    def stored_key(self, collection: Collection) -> str:
        if collection.api_key_unreadable:
            return "A key is stored that can no longer be decrypted: enter it again."
        if not collection.has_api_key:
            return "None"
        return f"Stored, ends in {collection.api_key_hint}" if collection.api_key_hint else "Stored"

    def save_model(self, request: HttpRequest, obj: Collection, form: CollectionForm, change: bool) -> None:
        touched = set(form.changed_data) if change else set(form.cleaned_data)
        fields = {name: form.cleaned_data[name] for name in sorted(touched & EDITABLE)}
        if change:
            services.collection_update(actor=caller(request), collection=obj, **fields, **form.key_change())
        else:
            made = services.collection_create(actor=caller(request), **fields, **form.key_change())
            obj.pk = made.pk

    def save_related(self, request: HttpRequest, form: CollectionForm, formsets: Any, change: bool) -> None:
        if {"users", "groups"} & set(form.changed_data):
            services.access_set(
                actor=caller(request),
                collection=form.instance,
                user_ids=[user.pk for user in form.cleaned_data["users"]],
                group_ids=[group.pk for group in form.cleaned_data["groups"]],
            )

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        services.collection_delete(actor=caller(request), collection=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        with transaction.atomic():
            for collection in queryset:
                services.collection_delete(actor=caller(request), collection=collection)
