"""From a document to its parts: look at the file once, plan, and ring for the first few."""

import logging

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from config.errors import ErrorCode, PermanentError, TransientError, VerbatimError
from documents import events, lifecycle
from documents.ingestion import lease, storage
from documents.ingestion.notices import for_people
from documents.models import Document, DocumentPart, Stage, Status
from documents.parsing.base import Structure
from documents.parsing.clean import clean_line
from documents.parsing.guards import parser_child

log = logging.getLogger(__name__)

WINDOW = 4  # parts of one document in the queue at once: so that documents take turns


def document_split(*, document_id: int) -> list[int]:
    """Plan a queued document.

    Returns:
        Ids of the parts to enqueue; empty when there was nothing (left) to do.

    Raises:
        TransientError: to be tried again; the document is released, as after any other error.
    """
    owner = lease.new_owner()
    document = _claim(document_id, owner)
    if document is None or document.building_generation is None:
        return []
    generation = document.building_generation
    try:
        with lease.Heartbeat(Document, document_id, owner):
            path = storage.path_of(document.stored_name)
            if not document.stored_name or not path.exists():
                raise PermanentError(ErrorCode.ORIGINAL_NOT_KEPT)
            structure = parser_child().split(path, document.media_type, document.name)
        return _plan(document, generation, owner, structure)
    except Exception as error:  # free again at once, whatever it was; only a flaw of the file is final
        if not isinstance(error, VerbatimError) or isinstance(error, TransientError):
            Document.objects.filter(pk=document_id, lease_owner=owner).update(**lifecycle.CLEARED)
            raise
        log.info("document %s cannot be split: %s", document_id, error)
        lifecycle.build_fail(document_id=document_id, generation=generation, error=error)
        return []


def document_exhausted(*, document_id: int, error: VerbatimError) -> None:
    """Fail a document whose splitting was tried often enough."""
    document = Document.objects.filter(pk=document_id, building_generation__isnull=False).first()
    if document is not None and document.building_generation is not None:
        lifecycle.build_fail(document_id=document_id, generation=document.building_generation, error=error)


def parts_take(*, document_id: int, generation: int, count: int) -> list[int]:
    """Mark the next parts of a document as queued; their ids, for the caller to enqueue."""
    with transaction.atomic():
        waiting = DocumentPart.objects.filter(
            document_id=document_id, generation=generation, status="waiting", queued_at=None
        ).order_by("index")
        ids = list(waiting.select_for_update(skip_locked=True).values_list("pk", flat=True)[:count])
        DocumentPart.objects.filter(pk__in=ids).update(queued_at=timezone.now())
    return ids


def _claim(document_id: int, owner: str) -> Document | None:
    """Take the document, counting the attempt before any work; None when somebody else has it."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = Document.objects.filter(
        free,
        pk=document_id,
        status__in=(Status.QUEUED, Status.PROCESSING),
        building_generation__isnull=False,
        parts_total=0,
    )
    document = rows.first()
    if document is None:
        return None
    if document.attempts >= lease.MAX_ATTEMPTS:
        lifecycle.build_fail(
            document_id=document_id,
            generation=document.building_generation or 0,
            error=PermanentError(ErrorCode.WORKER_LOST),
        )
        return None
    taken = rows.filter(attempts=document.attempts, building_generation=document.building_generation).update(
        status=Status.PROCESSING,
        stage=Stage.SPLITTING,
        attempts=F("attempts") + 1,
        lease_owner=owner,
        lease_until=now + lease.LEASE,
        started_at=document.started_at or now,
        changed_at=now,
    )
    if not taken:
        return None
    events.document_changed(collection_id=document.collection_id, document_id=document_id)
    return document


def _plan(document: Document, generation: int, owner: str, structure: Structure) -> list[int]:
    with transaction.atomic():
        planned = (
            lifecycle.building(document.pk, generation)
            .filter(lease_owner=owner)
            .update(
                stage=Stage.EMBEDDING,
                parts_total=len(structure.spans),
                title=clean_line(structure.title),
                page_count=structure.page_count,
                row_count=structure.row_count,
                reading=structure.reading,
                warnings=for_people(structure.warnings),
                changed_at=timezone.now(),
                **lifecycle.CLEARED,
            )
        )
        if not planned:
            return []
        now = timezone.now()
        parts = [
            DocumentPart(
                document=document,
                generation=generation,
                index=index,
                span=span,
                queued_at=now if index < WINDOW else None,
            )
            for index, span in enumerate(structure.spans)
        ]
        made = DocumentPart.objects.bulk_create(parts, batch_size=1000)
        events.document_changed(collection_id=document.collection_id, document_id=document.pk)
    return [part.pk for part in made[:WINDOW]]
