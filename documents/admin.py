"""Documents in the superadmin's console: what came in, how far it got, and what to do about it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from config.errors import VerbatimError
from documents import services
from documents.api.serializers import percent
from documents.models import Document, DocumentPart


class ReadOnly:
    """A ledger: rows are made and changed by the workers alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PartInline(ReadOnly, TabularInline):
    """The parts of the build that runs or ran last."""

    model = DocumentPart
    fields = ("index", "status", "attempts", "chunk_count", "milliseconds", "lease_owner", "lease_until")
    readonly_fields = fields
    extra = 0
    per_page = 20
    show_change_link = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Document)
class DocumentAdmin(ReadOnly, ModelAdmin):
    """Chunks are not listed: a document may have a hundred thousand of them."""

    list_display = (
        "name",
        "collection",
        "status",
        "done",
        "chunk_count",
        "size",
        "uploaded_by",
        "created_at",
    )
    list_filter = ("status", "media_type", "error_code", "collection")
    list_select_related = ("collection", "uploaded_by")
    list_per_page = 50
    search_fields = ("name", "title", "sha256")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    show_full_result_count = False
    inlines = (PartInline,)
    actions = ("reprocess", "cancel", "delete_documents")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """Without the files of private chats: nobody reads another person's."""
        rows = super().get_queryset(request).filter(session_id__isnull=True)
        return rows.defer("reading", "warnings", "error_next_step")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # Django's own deletion would leave the file; `delete_documents` does not

    @admin.display(description="done")
    def done(self, document: Document) -> str:
        return f"{percent(document)} %"

    @admin.action(description="Process again")
    def reprocess(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self._each(request, queryset, services.document_reprocess)

    @admin.action(description="Cancel processing")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self._each(request, queryset, services.document_cancel)

    @admin.action(description="Delete with file and passages")
    def delete_documents(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self._each(request, queryset, services.document_delete)

    def _each(self, request: HttpRequest, queryset: QuerySet[Document], action: Any) -> None:
        done = 0
        for document in queryset:
            try:
                action(actor=request.user, document=document)
                done += 1
            except VerbatimError as error:
                self.message_user(request, f"{document.name}: {error.message}", messages.WARNING)
        if done:
            self.message_user(request, f"Done for {done} document(s).", messages.SUCCESS)
