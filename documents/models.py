"""Documents, the parts they are worked on in, and the chunks that answers cite."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from pgvector.django import HalfVectorField, HnswIndex

from collections_app.models import Collection
from documents.fields import Lexemes, TextSearchConfigField

EMBEDDING_DIMENSION = 384
# Deleting a document with a million chunks must not load them: PostgreSQL cascades, Django looks away.
# The constraints are in documents/migrations/0002_cascades.py.
BY_DATABASE: dict[str, Any] = {"on_delete": models.DO_NOTHING, "db_constraint": False}


class MediaType(models.TextChoices):
    """What a file is, by its content."""

    PDF = "application/pdf", "PDF"
    CSV = "text/csv", "CSV"
    TEXT = "text/plain", "Text"
    MARKDOWN = "text/markdown", "Markdown"


class Status(models.TextChoices):
    """A document's state. The last three are final; `completed` means embedded chunks = chunks > 0."""

    UPLOADING = "uploading", "Uploading"
    QUEUED = "queued", "Queued"
    PROCESSING = "processing", "Processing"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (Status.UPLOADING, Status.QUEUED, Status.PROCESSING)


class Stage(models.TextChoices):
    """What the workers are doing to an unfinished document."""

    WAITING = "waiting", "Waiting for a worker"
    SPLITTING = "splitting", "Reading the structure"
    EMBEDDING = "embedding", "Reading and embedding"
    FINISHED = "finished", "Finished"


class PartStatus(models.TextChoices):
    """A part's state; the row, not the broker, is the truth."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"


class Document(models.Model):
    """One uploaded file of a collection, or of one chat session alone when `session_id` is set.

    `generation` numbers the builds of its chunks: readers see `active_generation` only, workers write
    `building_generation`, and finalising swaps them in one transaction.
    """

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    session_id = models.UUIDField(null=True, blank=True, help_text="Set: visible to this chat session alone.")
    name = models.CharField(max_length=255, help_text="As the client called it; for display only.")
    title = models.CharField(max_length=255, blank=True, help_text="From the file itself, when it has one.")
    media_type = models.CharField(max_length=32, choices=MediaType.choices)
    size = models.BigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    stored_name = models.CharField(max_length=64, blank=True, help_text="Empty: the original was not kept.")
    version = models.PositiveIntegerField(default=1)

    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.WAITING)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_next_step = models.TextField(blank=True)
    warnings = models.JSONField(default=list, help_text="[{code, message}]")
    parts_total = models.PositiveIntegerField(default=0)
    parts_done = models.PositiveIntegerField(default=0)
    chunk_count = models.PositiveIntegerField(default=0)
    token_count = models.BigIntegerField(default=0)
    page_count = models.PositiveIntegerField(null=True)
    row_count = models.BigIntegerField(null=True)
    reading = models.JSONField(
        default=dict, help_text="How the file was read: encoding, delimiter, header, language."
    )

    generation = models.PositiveIntegerField(default=0, help_text="The last number given to a build.")
    active_generation = models.PositiveIntegerField(null=True)
    building_generation = models.PositiveIntegerField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Of splitting this build.")
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    embedding_model = models.CharField(
        max_length=200, blank=True, help_text="Of the vectors that readers search (active_generation)."
    )
    building_model = models.CharField(max_length=200, blank=True, help_text="Of the build in work.")
    building_standby = models.BooleanField(default=False, help_text="The build in work is the rebuild's.")
    build_facts = models.JSONField(
        null=True,
        help_text="What the build in work (or the one on standby) found: {title, page_count, row_count, "
        "reading, warnings}, on standby {chunks, tokens} too. The columns of these names tell of what is "
        "served.",
    )
    standby_generation = models.PositiveIntegerField(
        null=True,
        help_text="Built for the collection's rebuild; active when that is done.",
    )
    rebuild_error = models.JSONField(
        null=True, help_text="Why the rebuild could not build it: {code, message, next_step}."
    )
    served_chunks = models.PositiveIntegerField(default=0, help_text="Of active_generation.")
    served_tokens = models.BigIntegerField(default=0, help_text="Of active_generation.")
    next_source = models.JSONField(
        null=True,
        help_text="Newer bytes that the build in work reads: {name, media_type, size, sha256, stored_name, "
        "uploaded_by}. They take the place of the document's own when it is done.",
    )
    last_part_at = models.DateTimeField(null=True, help_text="When the build's last part ended.")
    part_seconds = models.FloatField(null=True, help_text="Between the ends of its parts, moving average.")

    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "sha256"],
                condition=Q(session_id__isnull=True),
                name="document_bytes_once_per_collection",
            ),
            models.UniqueConstraint(
                fields=["session_id", "sha256"],
                condition=Q(session_id__isnull=False),
                name="document_bytes_once_per_session",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.COMPLETED) | Q(chunk_count__gt=0, active_generation__isnull=False),
                name="document_completed_has_chunks",
            ),
            models.CheckConstraint(
                condition=Q(active_generation__isnull=True) | ~Q(embedding_model=""),
                name="document_served_names_its_model",
            ),
        ]
        indexes = [
            models.Index(fields=["collection", "status"]),
            models.Index(
                fields=["lease_until"], name="document_unfinished", condition=Q(status__in=UNFINISHED)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DocumentPart(models.Model):
    """A run of pages, a block of rows or a stretch of text: 1-3 s of work, one idempotent task.

    A worker holds a part by a lease that it renews; the sweeper gives away what nobody holds.
    """

    document = models.ForeignKey(Document, related_name="parts", **BY_DATABASE)
    generation = models.PositiveIntegerField()
    index = models.PositiveIntegerField(help_text="From 0, in the order of the document.")
    span = models.JSONField(help_text="What to read, as its parser understands it.")
    status = models.CharField(max_length=8, choices=PartStatus.choices, default=PartStatus.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    chunk_count = models.PositiveIntegerField(default=0)
    gathers = models.BooleanField(default=False, help_text="Begun when all the others are done.")
    error = models.JSONField(
        null=True, help_text="Why the last attempt ended early: {code, message, next_step}."
    )
    profile = models.JSONField(null=True, help_text="What a table's columns hold in this part's rows.")
    warnings = models.JSONField(default=list)
    milliseconds = models.JSONField(default=dict, help_text="Time per step: parse, chunk, embed, write.")

    class Meta:
        ordering = ("document_id", "generation", "index")
        constraints = [models.UniqueConstraint(fields=["document", "generation", "index"], name="part_once")]
        indexes = [
            models.Index(
                fields=["lease_until"],
                name="part_unfinished",
                condition=Q(status__in=(PartStatus.WAITING, PartStatus.RUNNING)),
            )
        ]

    def __str__(self) -> str:
        return f"part {self.index} of document {self.document_id}"


class Chunk(models.Model):
    """A passage: what is embedded, found and cited. `content == text[char_start:char_end]` of its source.

    The source of the offsets is the extracted text of page `page_from` (PDF), the part's rendered rows
    (CSV) or the whole decoded file (text).
    """

    document = models.ForeignKey(Document, related_name="chunks", **BY_DATABASE)
    collection = models.ForeignKey(Collection, related_name="+", db_index=False, **BY_DATABASE)
    session_id = models.UUIDField(null=True)
    generation = models.PositiveIntegerField()
    part_index = models.PositiveIntegerField()
    index = models.PositiveIntegerField(help_text="Within the part, from 0.")
    content = models.TextField()
    context = models.TextField(
        blank=True, help_text="Document and section title; embedded and indexed before the content."
    )
    section = models.CharField(max_length=255, blank=True)
    page_from = models.PositiveIntegerField(null=True, help_text="From 1.")
    page_to = models.PositiveIntegerField(null=True)
    row_from = models.BigIntegerField(null=True, help_text="From 1, the header not counted.")
    row_to = models.BigIntegerField(null=True)
    line_from = models.PositiveIntegerField(null=True, help_text="From 1.")
    line_to = models.PositiveIntegerField(null=True)
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    token_count = models.PositiveSmallIntegerField()
    embedding = HalfVectorField(dimensions=EMBEDDING_DIMENSION)
    language = TextSearchConfigField(default="english")
    search_vector = models.GeneratedField(
        expression=Lexemes("language", "context", "content"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        ordering = ("document_id", "generation", "part_index", "index")
        constraints = [
            models.UniqueConstraint(
                fields=["document", "generation", "part_index", "index"], name="chunk_once"
            )
        ]
        indexes = [
            models.Index(fields=["collection"], name="chunk_collection"),
            models.Index(fields=["session_id"], name="chunk_session", condition=Q(session_id__isnull=False)),
            GinIndex(fields=["search_vector"], name="chunk_search_vector"),
            HnswIndex(
                fields=["embedding"],
                name="chunk_embedding_hnsw",
                m=16,
                ef_construction=64,
                opclasses=["halfvec_ip_ops"],
            ),
        ]

    def __str__(self) -> str:
        return f"chunk {self.part_index}.{self.index} of document {self.document_id}"


class EmbeddingCache(models.Model):
    """Identical text is embedded once: (embedding model, sha256 of the embedded text) -> vector."""

    embedding_model = models.CharField(max_length=200)
    sha256 = models.BinaryField(max_length=32)
    embedding = HalfVectorField(dimensions=EMBEDDING_DIMENSION)
    used_on = models.DateField(default=timezone.localdate, help_text="When a document last held this text.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["embedding_model", "sha256"], name="embedding_cached_once")
        ]

    def __str__(self) -> str:
        return f"{self.embedding_model} {bytes(self.sha256).hex()[:12]}"


class SameName(models.TextChoices):
    """What happens to new bytes under a name that the collection already has."""

    KEEP = "keep", "Keep both"
    REPLACE = "replace", "Replace: the older version serves until the new one is complete"
    REFUSE = "refuse", "Refuse, and name the document that is there"


class Upload(models.Model):
    """A file on its way in pieces; it goes on where it stopped. A draft holds the `received` bytes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    session_id = models.UUIDField(null=True, blank=True)
    name = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text="Bytes in all, as announced.")
    received = models.BigIntegerField(default=0, help_text="Bytes that are safely on disk.")
    same_name = models.CharField(max_length=8, choices=SameName.choices, default=SameName.KEEP)
    replaces = models.ForeignKey(Document, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return f"{self.name}, {self.received} of {self.size} bytes"


class Rebuild(models.Model):
    """All documents of a collection being built anew beside what is served; one swap at the end.

    Its row exists while it runs or waits for a decision; done or abandoned, it is gone.
    """

    collection = models.OneToOneField(Collection, on_delete=models.CASCADE, related_name="rebuild")
    embedding_model = models.CharField(max_length=200)
    text_search_config = models.CharField(max_length=63)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.collection} with {self.embedding_model}"
