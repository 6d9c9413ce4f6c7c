"""From a document to its parts: look at the file once, plan, and ring for the first few."""

import logging

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from config.errors import ErrorCode, PermanentError, TransientError, VerbatimError
from documents import events, lifecycle
from documents.ingestion import lease, outages
from documents.ingestion.notices import for_people
from documents.ingestion.source import source_of
from documents.models import Document, DocumentPart, PartStatus, Stage, Status
from documents.parsing.base import Structure
from documents.parsing.clean import clean_line
from documents.parsing.guards import parser_child

log = logging.getLogger(__name__)

WINDOW = 4  # parts of one document in the queue at once: so that documents take turns
CREATED_AT_ONCE = 1000
REBUILD_WINDOW = 1  # of a rebuild's document, while anybody waits for one of his own


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
            source = source_of(document)
            if not source.is_there:
                raise PermanentError(ErrorCode.ORIGINAL_NOT_KEPT)
            structure = parser_child().split(source.path, source.media_type, source.name)
        return _plan(document, generation, owner, structure)
    except Exception as error:  # free again at once, whatever it was; only a flaw of the file is final
        if not isinstance(error, VerbatimError) or isinstance(error, TransientError):
            _release(document_id, owner, error)
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
    """Mark the next parts of a document as queued; their ids, for the caller to enqueue.

    A rebuild's document fills its window while nobody waits for a document of his own, else keeps one part
    in the queue: uploads go first.
    """
    with transaction.atomic():
        row = Document.objects.filter(pk=document_id, building_generation=generation)
        if row.values_list("building_standby", flat=True).first():
            queued = DocumentPart.objects.filter(document_id=document_id, generation=generation)
            queued = queued.exclude(status=PartStatus.DONE).filter(queued_at__isnull=False)
            count = max(0, (REBUILD_WINDOW if people_wait() else WINDOW) - queued.count())
        waiting = DocumentPart.objects.filter(
            document_id=document_id, generation=generation, status="waiting", queued_at=None
        ).order_by("index")
        if _others_at_work(document_id, generation):
            waiting = waiting.filter(gathers=False)
        ids = list(waiting.select_for_update(skip_locked=True).values_list("pk", flat=True)[:count])
        DocumentPart.objects.filter(pk__in=ids).update(queued_at=timezone.now())
    return ids


def _others_at_work(document_id: int, generation: int) -> bool:
    """Whether a part that gathers has to wait: it needs what all the others found."""
    parts = DocumentPart.objects.filter(document_id=document_id, generation=generation, gathers=False)
    return parts.filter(status__in=(PartStatus.WAITING, PartStatus.RUNNING)).exists()


def people_wait() -> bool:
    """Whether a document is in work that somebody uploaded or changed, anywhere in the installation."""
    return Document.objects.filter(
        status__in=(Status.QUEUED, Status.PROCESSING), building_standby=False
    ).exists()


def _release(document_id: int, owner: str, error: Exception) -> None:
    """Free it again and keep what went wrong; after an outage of the database, when that is back."""
    rows = Document.objects.filter(pk=document_id, lease_owner=owner)
    told = {"error": lifecycle.as_facts(outages.as_told(error))}
    freed = lifecycle.CLEARED | {"build_facts": told}
    if outages.is_outage(error):
        freed |= outages.cost(error)
        outages.when_back(lambda: rows.update(**freed))
    else:
        rows.update(**freed)


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
    if document.attempts >= lease.most_attempts(document.lease_owner):
        told = (document.build_facts or {}).get("error")
        lifecycle.build_fail(
            document_id=document_id,
            generation=document.building_generation or 0,
            error=lifecycle.from_facts(told) if told else PermanentError(ErrorCode.WORKER_LOST),
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
    facts = {
        "title": clean_line(structure.title),
        "page_count": structure.page_count,
        "row_count": structure.row_count,
        "reading": structure.reading,
        "warnings": for_people(structure.warnings),
    }
    shown = facts if document.active_generation is None else {}  # else they are those of what is served
    window = REBUILD_WINDOW if document.building_standby and people_wait() else WINDOW
    with transaction.atomic():
        planned = (
            lifecycle.building(document.pk, generation)
            .filter(lease_owner=owner)
            .update(
                stage=Stage.EMBEDDING,
                parts_total=len(structure.spans) + (structure.gathers is not None),
                build_facts=facts,
                last_part_at=timezone.now(),
                changed_at=timezone.now(),
                **shown,
                **lifecycle.CLEARED,
            )
        )
        if not planned:
            return []
        ids = _create_parts(document, generation, structure, window)
        events.document_changed(collection_id=document.collection_id, document_id=document.pk)
    return ids


def _create_parts(document: Document, generation: int, structure: Structure, window: int) -> list[int]:
    """Write the parts' rows, a thousand at a time; ids of the first `window`, which count as queued."""
    now, ids = timezone.now(), []
    spans = [*structure.spans, *([structure.gathers] if structure.gathers is not None else [])]
    for at in range(0, len(spans), CREATED_AT_ONCE):
        made = DocumentPart.objects.bulk_create(
            DocumentPart(
                document=document,
                generation=generation,
                index=index,
                span=span,
                gathers=index == len(structure.spans),
                queued_at=now if index < min(window, len(structure.spans)) else None,
            )
            for index, span in enumerate(spans[at : at + CREATED_AT_ONCE], start=at)
        )
        ids += [part.pk for part in made if part.queued_at is not None]
    return ids
