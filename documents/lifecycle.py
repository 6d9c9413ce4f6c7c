"""The states of a document and the only ways between them, each a compare-and-set on its row.

A *build* is one run from file to chunks, numbered by `generation`. Whoever works on a build names its
number; when the row has moved on (cancelled, deleted, begun anew), his update touches no row.
"""

from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from config.queues import enqueue
from documents import events
from documents.ingestion import storage
from documents.models import UNFINISHED, Chunk, Document, DocumentPart, Rebuild, Stage, Status

CLEARED: dict[str, Any] = {"lease_owner": "", "lease_until": None}
NO_BUILD: dict[str, Any] = {
    **CLEARED,
    "stage": Stage.FINISHED,
    "building_generation": None,
    "building_model": "",
    "building_standby": False,
    "next_source": None,
}
NEW_BUILD: dict[str, Any] = {
    **CLEARED,
    "status": Status.QUEUED,
    "stage": Stage.WAITING,
    "generation": F("generation") + 1,
    "building_generation": F("generation") + 1,
    "build_facts": None,
    "attempts": 0,
    "parts_total": 0,
    "parts_done": 0,
    "chunk_count": 0,
    "token_count": 0,
    "last_part_at": None,
    "part_seconds": None,
}
_parts_served = DocumentPart.objects.filter(document=OuterRef("pk"), generation=OuterRef("active_generation"))
_count_served = Coalesce(
    Subquery(_parts_served.order_by().values("document").annotate(n=Count("pk")).values("n")), 0
)
RESTING: dict[str, Any] = {  # counts of a document of which only what is served is left
    "parts_total": _count_served,
    "parts_done": _count_served,
    "chunk_count": F("served_chunks"),
    "token_count": F("served_tokens"),
}
STILL_SERVED = "The earlier version still answers."
DROP_ROWS = 20_000  # per transaction: what nobody reads any more may go slowly


def building(document_id: int, generation: int) -> QuerySet[Document]:
    """The row, if that build is still wanted."""
    return Document.objects.filter(
        pk=document_id, building_generation=generation, status__in=(Status.QUEUED, Status.PROCESSING)
    )


def build_locked(document: Document, generation: int) -> bool:
    """Hold the build until the transaction ends; False when it is not wanted any more.

    Collection, then document, then parts: everybody locks in this order, whoever deletes or cancels too, so
    that no two wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM collections_app_collection WHERE id = %s FOR KEY SHARE", [document.collection_id]
        )
        if cursor.fetchone() is None:
            return False
    held = building(document.pk, generation).select_for_update(no_key=True)
    return held.values_list("pk").first() is not None


def model_locked(collection_id: int) -> str:
    """The embedding model that the collection's documents are built with now, until the transaction ends.

    Whoever begins a build, names new bytes or swaps models holds this lock: so no build is begun with a
    model that a rebuild replaces in the same moment, and no bytes are taken twice.

    Raises:
        VerbatimError: NOT_FOUND, when the collection is gone.
    """
    rows = Collection.objects.select_for_update(no_key=True).filter(pk=collection_id)
    model = rows.values_list("embedding_model", flat=True).first()
    if model is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return model


def build_begin(*, document_id: int, model: str, next_source: dict[str, Any] | None = None) -> bool:
    """Queue a new build, unless somebody's runs. Chunks that readers see stay until it is done.

    A build of the collection's rebuild gives way; what it or an earlier one prepared is dropped, and the
    rebuild takes the document up again afterwards.

    Args:
        model: from `model_locked`, in the same transaction.
        next_source: newer bytes that take the document's place when they are built.

    Returns:
        Whether it was begun; the caller then enqueues the splitting.
    """
    rows = Document.objects.filter(Q(building_standby=True) | ~Q(status__in=UNFINISHED), pk=document_id)
    begun = rows.update(
        **NEW_BUILD,
        building_model=model,
        building_standby=False,
        next_source=next_source,
        standby_generation=None,
        rebuild_error=None,
        version=F("version") + (0 if next_source else 1),
        error_code="",
        error_message="",
        error_next_step="",
        started_at=None,
        completed_at=None,
        changed_at=timezone.now(),
    )
    Document.objects.filter(pk=document_id, active_generation__isnull=True).update(warnings=[])
    return bool(begun)


def build_fail(*, document_id: int, generation: int, error: VerbatimError) -> bool:
    """End a build that cannot succeed: its rows go, the reason stays. Older chunks are still served."""
    return _end(document_id, generation, Status.FAILED, error)


def build_cancel(*, document_id: int, generation: int, error: VerbatimError) -> bool:
    """End a build because somebody asked for it."""
    return _end(document_id, generation, Status.CANCELLED, error)


def rebuild_begin(*, document_id: int, model: str) -> bool:
    """Queue a build of the collection's rebuild for a document that is served and at rest.

    Args:
        model: the one that the rebuild goes to.
    """
    rows = Document.objects.filter(
        pk=document_id,
        building_generation__isnull=True,
        active_generation__isnull=False,
        standby_generation__isnull=True,
        rebuild_error__isnull=True,
    ).exclude(status__in=UNFINISHED)
    return bool(
        rows.update(**NEW_BUILD, building_model=model, building_standby=True, changed_at=timezone.now())
    )


def resting_status(document: Document) -> Status:
    """What a served document's status is when no build of it is in work: an earlier failure stays told."""
    if not document.error_code:
        return Status.COMPLETED
    return Status.CANCELLED if document.error_code == ErrorCode.CANCELLED else Status.FAILED


def drop_generation(document_id: int, generation: int) -> None:
    """Delete one build's chunks and parts, inside the caller's transaction, however many they are."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
    Chunk.objects.filter(document_id=document_id, generation=generation)._raw_delete(using="default")
    DocumentPart.objects.filter(document_id=document_id, generation=generation)._raw_delete(using="default")


def leftovers() -> QuerySet[DocumentPart]:
    """Parts of builds that are neither served nor in work nor on standby: given up or replaced."""
    wanted = Q(generation=F("document__active_generation"))
    wanted |= Q(generation=F("document__building_generation"))
    wanted |= Q(generation=F("document__standby_generation"))
    return DocumentPart.objects.exclude(wanted)


def leftovers_drop() -> int:
    """Delete them with their chunks, some at a time. Returns of how many builds."""
    builds = list(leftovers().order_by().values_list("document_id", "generation").distinct())
    for document_id, generation in builds:
        chunks = Chunk.objects.filter(document_id=document_id, generation=generation)
        while ids := list(chunks.order_by().values_list("pk", flat=True)[:DROP_ROWS]):
            Chunk.objects.filter(pk__in=ids)._raw_delete(using="default")
        drop_generation(document_id, generation)
    return len(builds)


def rebuild_nudge(collection_id: int) -> None:
    """After the commit, let the collection's rebuild go on, if there is one."""
    if Rebuild.objects.filter(collection_id=collection_id).exists():
        from documents.tasks import advance_rebuild

        enqueue(advance_rebuild, collection_id)


def as_facts(error: VerbatimError) -> dict[str, str]:
    """An error as a row keeps it."""
    return {"code": str(error.code), "message": error.message, "next_step": error.next_step}


def from_facts(facts: dict[str, str]) -> VerbatimError:
    """And back."""
    return VerbatimError(ErrorCode(facts["code"]), facts["message"], next_step=facts["next_step"])


def _end(document_id: int, generation: int, status: Status, error: VerbatimError) -> bool:
    with transaction.atomic():
        document = building(document_id, generation).select_for_update(no_key=True).first()
        if document is None:
            return False
        standby = document.building_standby
        told = _rebuild_outcome(document, error) if standby else _outcome(document, status, error)
        counts = {"chunk_count": document.served_chunks, "token_count": document.served_tokens}
        ended = NO_BUILD | counts | told | {"build_facts": None, "changed_at": timezone.now()}
        building(document_id, generation).update(**ended)
        if document.next_source:
            storage.discard(document.next_source["stored_name"])
        drop_generation(document_id, generation)
        rebuild_nudge(document.collection_id)
        events.document_changed(collection_id=document.collection_id, document_id=document_id)
    return True


def _outcome(document: Document, status: Status, error: VerbatimError) -> dict[str, Any]:
    """What the document says after a build that somebody asked for."""
    message, next_step = error.message, error.next_step
    if document.active_generation is not None:
        message = f"{message} {STILL_SERVED}"
    if document.next_source and (error.retryable or status == Status.CANCELLED):
        next_step = "Upload the new file again to replace it."
    return {
        "status": status,
        "error_code": str(error.code),
        "error_message": message,
        "error_next_step": next_step,
        "completed_at": timezone.now(),
    }


def _rebuild_outcome(document: Document, error: VerbatimError) -> dict[str, Any]:
    """The document rests as before, whatever became of the rebuild's build; that one tells why it waits."""
    return RESTING | {"status": resting_status(document), "rebuild_error": as_facts(error)}
