"""The states of a document and the only ways between them, each a compare-and-set on its row.

A *build* is one run from file to chunks, numbered by `generation`. Whoever works on a build names its
number; when the row has moved on (cancelled, deleted, begun anew), his update touches no row.
"""

from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from config.errors import VerbatimError
from documents import events
from documents.models import UNFINISHED, Chunk, Document, DocumentPart, Stage, Status

CLEARED: dict[str, Any] = {"lease_owner": "", "lease_until": None}


def building(document_id: int, generation: int) -> QuerySet[Document]:
    """The row, if that build is still wanted."""
    return Document.objects.filter(
        pk=document_id, building_generation=generation, status__in=(Status.QUEUED, Status.PROCESSING)
    )


def build_begin(*, document_id: int) -> bool:
    """Queue a new build, unless one runs. Chunks that readers see stay until it is done.

    Returns:
        Whether it was begun; the caller then enqueues the splitting.
    """
    rows = Document.objects.filter(pk=document_id).exclude(status__in=UNFINISHED)
    begun = rows.update(
        status=Status.QUEUED,
        stage=Stage.WAITING,
        generation=F("generation") + 1,
        building_generation=F("generation") + 1,
        version=F("version") + 1,
        attempts=0,
        parts_total=0,
        parts_done=0,
        chunk_count=0,
        token_count=0,
        warnings=[],
        error_code="",
        error_message="",
        error_next_step="",
        started_at=None,
        completed_at=None,
        changed_at=timezone.now(),
        **CLEARED,
    )
    return bool(begun)


def build_fail(*, document_id: int, generation: int, error: VerbatimError) -> bool:
    """End a build that cannot succeed: its rows go, the reason stays. Older chunks are still served."""
    return _end(
        document_id,
        generation,
        status=Status.FAILED,
        error_code=str(error.code),
        error_message=error.message,
        error_next_step=error.next_step,
    )


def build_cancel(*, document_id: int, generation: int, error: VerbatimError) -> bool:
    """End a build because somebody asked for it."""
    return _end(
        document_id,
        generation,
        status=Status.CANCELLED,
        error_code=str(error.code),
        error_message=error.message,
        error_next_step=error.next_step,
    )


def drop_generation(document_id: int, generation: int) -> None:
    """Delete one build's chunks and parts, inside the caller's transaction, however many they are."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
    Chunk.objects.filter(document_id=document_id, generation=generation)._raw_delete(using="default")
    DocumentPart.objects.filter(document_id=document_id, generation=generation)._raw_delete(using="default")


def _end(document_id: int, generation: int, **changes: Any) -> bool:
    with transaction.atomic():
        document = building(document_id, generation).select_for_update(no_key=True).first()
        if document is None:
            return False
        served = Chunk.objects.filter(document_id=document_id, generation=document.active_generation or 0)
        building(document_id, generation).update(
            **changes,
            **CLEARED,
            stage=Stage.FINISHED,
            building_generation=None,
            chunk_count=served.count(),
            completed_at=timezone.now(),
            changed_at=timezone.now(),
        )
        drop_generation(document_id, generation)
        events.document_changed(collection_id=document.collection_id, document_id=document_id)
    return True
