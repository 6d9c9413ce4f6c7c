"""The contract's shapes of documents and chunks."""

from typing import Any

from rest_framework import serializers

from documents.ingestion import progress
from documents.models import Chunk, Document, SameName, Status

COLUMNS_SHOWN = 50  # a table may have thousands, and a list many tables


class DocumentSerializer(serializers.ModelSerializer):
    """A document as the contract's GET answers it; the documents socket sends the same."""

    model_id = serializers.IntegerField(source="collection_id", read_only=True)
    progress = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    uploaded_by = serializers.SerializerMethodField()
    has_original = serializers.SerializerMethodField()
    reading = serializers.SerializerMethodField()
    serving = serializers.SerializerMethodField(help_text="Readers get answers from a finished version now.")
    replacing = serializers.SerializerMethodField(help_text="The newer bytes that are being built.")
    rebuilding = serializers.SerializerMethodField(help_text="Waits for the rebuild of the whole model.")

    class Meta:
        model = Document
        fields = (
            "id",
            "name",
            "title",
            "model_id",
            "session_id",
            "status",
            "stage",
            "progress",
            "error",
            "warnings",
            "media_type",
            "size",
            "sha256",
            "page_count",
            "row_count",
            "reading",
            "version",
            "serving",
            "replacing",
            "rebuilding",
            "has_original",
            "uploaded_by",
            "created_at",
            "completed_at",
        )
        read_only_fields = fields

    def get_serving(self, document: Document) -> bool:
        return document.active_generation is not None

    def get_replacing(self, document: Document) -> dict[str, Any] | None:
        newer = document.next_source
        return {"name": newer["name"], "size": newer["size"]} if newer else None

    def get_rebuilding(self, document: Document) -> bool:
        return document.building_standby or document.standby_generation is not None

    def get_progress(self, document: Document) -> dict[str, int | float | None]:
        return {
            "parts_done": document.parts_done,
            "parts_total": document.parts_total,
            "chunks": document.chunk_count,
            "percent": percent(document),
            "rate": progress.rate(document),
            "seconds_left": progress.seconds_left(document),
        }

    def get_error(self, document: Document) -> dict[str, str] | None:
        if not document.error_code:
            return None
        return {
            "code": document.error_code,
            "message": document.error_message,
            "next_step": document.error_next_step,
        }

    def get_uploaded_by(self, document: Document) -> dict[str, Any] | None:
        user = document.uploaded_by
        return {"id": user.pk, "full_name": user.full_name, "email": user.email} if user else None

    def get_reading(self, document: Document) -> dict[str, Any]:
        """How it was read; of a table's columns the first COLUMNS_SHOWN, and how many there are."""
        columns = document.reading.get("columns")
        if columns is None:
            return document.reading
        return document.reading | {"columns": columns[:COLUMNS_SHOWN], "column_count": len(columns)}

    def get_has_original(self, document: Document) -> bool:
        return bool(document.stored_name)


def percent(document: Document) -> int:
    """How much is done, 0 to 100; 100 only for what is completed."""
    if document.status == Status.COMPLETED:
        return 100
    if not document.parts_total:
        return 0
    return min(99, document.parts_done * 100 // document.parts_total)


class ChunkSerializer(serializers.ModelSerializer):
    """A chunk as a citation shows it."""

    document_id = serializers.IntegerField(read_only=True)
    page = serializers.IntegerField(source="page_from", read_only=True)
    rows = serializers.SerializerMethodField()
    lines = serializers.SerializerMethodField()

    class Meta:
        model = Chunk
        fields = (
            "id",
            "document_id",
            "content",
            "context",
            "section",
            "page",
            "page_to",
            "rows",
            "lines",
            "char_start",
            "char_end",
            "token_count",
        )
        read_only_fields = fields

    def get_rows(self, chunk: Chunk) -> list[int | None] | None:
        return [chunk.row_from, chunk.row_to] if chunk.row_from is not None else None

    def get_lines(self, chunk: Chunk) -> list[int | None] | None:
        return [chunk.line_from, chunk.line_to] if chunk.line_from is not None else None


class UploadSerializer(serializers.Serializer):
    """The multipart form of an upload."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)
    same_name = serializers.ChoiceField(
        choices=SameName.choices,
        default=SameName.KEEP,
        help_text="What happens to new bytes under a name that is there already.",
    )


class ReplaceSerializer(serializers.Serializer):
    """The multipart form of a newer version."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)


class RefusedSerializer(serializers.Serializer):
    """A file of many that was not taken, and why."""

    name = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    next_step = serializers.CharField(allow_blank=True)


class BulkSerializer(serializers.Serializer):
    """What became of many files."""

    documents = DocumentSerializer(many=True)
    refused = RefusedSerializer(many=True)
