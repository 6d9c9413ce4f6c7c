"""One part's work: read, cut, embed, write. The unit of progress, of failure and of fairness."""

import logging
import time
from dataclasses import dataclass, field

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from config.errors import ErrorCode, PermanentError, TransientError, VerbatimError
from documents import events, lifecycle
from documents.chunking.base import ChunkDraft, ChunkPlan, content_limit
from documents.chunking.registry import chunk_blocks
from documents.embedding.cache import embed_cached
from documents.embedding.registry import get_embedder
from documents.ingestion import lease, outages, progress
from documents.ingestion.finalise import document_finalise
from documents.ingestion.places import placed
from documents.ingestion.profile import table_profile
from documents.ingestion.source import facts_of, source_of
from documents.ingestion.split import parts_take
from documents.ingestion.titles import display_title
from documents.ingestion.write import copy_chunks, remember_chunks
from documents.models import Document, DocumentPart, PartStatus
from documents.parsing.guards import parser_child

log = logging.getLogger(__name__)

CRASHES = (ErrorCode.PARSER_CRASHED,)  # may be the machine's fault: tried again in a fresh child


@dataclass
class Work:
    """What came of a part before it is written."""

    drafts: list[ChunkDraft] = field(default_factory=list)
    vectors: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    fresh: list[int] = field(default_factory=list)  # indices of vectors that the cache did not have
    warnings: list[dict] = field(default_factory=list)
    profile: dict | None = None  # of a table's rows, for the part that gathers
    milliseconds: dict[str, int] = field(default_factory=dict)


class Stopwatch:
    """Milliseconds between laps, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, int] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000)
        self._last = now


def part_process(*, part_id: int) -> list[int]:
    """Do one part, if nobody else holds it and the document still wants it.

    Returns:
        Ids of the parts to enqueue next.

    Raises:
        TransientError: to be tried again; the part is released, as after any other error.
    """
    owner = lease.new_owner()
    part = _claim(part_id, owner)
    if part is None:
        return []
    document = part.document
    try:
        with lease.Heartbeat(DocumentPart, part_id, owner):
            try:
                work = part_work(part, document)
            except VerbatimError as error:
                raise placed(error, part.span) from error
            if not _write(part, document, owner, work):
                return []
    except VerbatimError as error:
        if isinstance(error, TransientError) or error.code in CRASHES:
            _release(part_id, owner, error)
            raise TransientError(error.code, error.message) from error
        log.info("part %s of document %s failed: %s", part.index, document.pk, error)
        lifecycle.build_fail(document_id=document.pk, generation=part.generation, error=error)
        return []
    except Exception as error:  # a fault of ours: nobody need wait for the lease to run out
        _release(part_id, owner, error)
        raise
    return parts_take(document_id=document.pk, generation=part.generation, count=1)


def part_work(part: DocumentPart, document: Document) -> Work:
    """Read, cut and embed; touches no row but the embedding cache.

    Raises:
        VerbatimError: the file cannot be read, or the passages cannot be embedded.
    """
    collection = document.collection
    watch = Stopwatch()
    source, facts = source_of(document), facts_of(document)
    if part.gathers:
        reading = table_profile(part, source.name, facts["reading"])
    elif not source.is_there:  # taken away since the splitting
        raise PermanentError(ErrorCode.ORIGINAL_NOT_KEPT)
    else:
        reading = parser_child().read(source.path, source.media_type, facts["reading"] | part.span)
    watch.lap("parse")
    embedder = get_embedder(document.building_model)
    size = min(collection.chunk_size, content_limit(embedder))
    plan = ChunkPlan(size, collection.chunk_overlap, display_title(source.name, facts["title"]))
    strategy = "recursive" if part.gathers else collection.chunk_strategy
    drafts = chunk_blocks(reading.blocks, strategy=strategy, plan=plan, embedder=embedder)
    watch.lap("chunk")
    vectors, fresh = embed_cached(embedder, [draft.embedded_text for draft in drafts])
    watch.lap("embed")
    return Work(drafts, vectors, fresh, list(reading.warnings), reading.profile, watch.laps)


def part_exhausted(*, part_id: int, error: VerbatimError) -> None:
    """Fail the document of a part that was tried often enough."""
    part = DocumentPart.objects.filter(pk=part_id).first()
    if part is not None:
        error = placed(error, part.span)
        lifecycle.build_fail(document_id=part.document_id, generation=part.generation, error=error)


def _claim(part_id: int, owner: str) -> DocumentPart | None:
    """Take the part, counting the attempt before any work; None when there is nothing to do."""
    now = timezone.now()
    rows = DocumentPart.objects.filter(
        Q(lease_until=None) | Q(lease_until__lt=now),
        pk=part_id,
        status__in=(PartStatus.WAITING, PartStatus.RUNNING),
        document__building_generation=F("generation"),
        document__status="processing",
    )
    part = rows.select_related("document__collection").first()
    if part is None:
        return None
    if part.attempts >= lease.most_attempts(part.lease_owner):
        lost = PermanentError(ErrorCode.WORKER_LOST)
        part_exhausted(part_id=part_id, error=lifecycle.from_facts(part.error) if part.error else lost)
        return None
    taken = rows.filter(attempts=part.attempts).update(
        status=PartStatus.RUNNING,
        attempts=F("attempts") + 1,
        error=None,
        lease_owner=owner,
        lease_until=now + lease.LEASE,
    )
    return part if taken else None


def _release(part_id: int, owner: str, error: Exception) -> None:
    """Free it again and keep what went wrong; after an outage of the database, when that is back."""
    rows = DocumentPart.objects.filter(pk=part_id, lease_owner=owner)
    told = lifecycle.as_facts(outages.as_told(error))
    freed = {"status": PartStatus.WAITING, "error": told, **lifecycle.CLEARED}
    if outages.is_outage(error):
        freed |= outages.cost(error)
        outages.when_back(lambda: rows.update(**freed, queued_at=timezone.now()))
    else:
        rows.update(**freed, queued_at=timezone.now())


def _write(part: DocumentPart, document: Document, owner: str, work: Work) -> bool:
    """Chunks, the part's end, the document's progress and perhaps its end: all or nothing.

    Returns:
        False when the part or the document was taken away meanwhile; then nothing is written.
    """
    started = time.perf_counter()
    try:
        with transaction.atomic():
            if not lifecycle.build_locked(document, part.generation):
                transaction.set_rollback(True)
                return False
            copy_chunks(document, part, work.drafts, work.vectors)
            remember_chunks(document, part, work.fresh)
            spent = work.milliseconds | {"write": round((time.perf_counter() - started) * 1000)}
            ours = DocumentPart.objects.filter(pk=part.pk, lease_owner=owner, status=PartStatus.RUNNING)
            done = ours.update(
                status=PartStatus.DONE,
                chunk_count=len(work.drafts),
                warnings=work.warnings,
                profile=work.profile,
                milliseconds=spent,
                **lifecycle.CLEARED,
            )
            rows = lifecycle.building(document.pk, part.generation)
            if not done or not rows.update(
                parts_done=F("parts_done") + 1,
                chunk_count=F("chunk_count") + len(work.drafts),
                token_count=F("token_count") + sum(draft.token_count for draft in work.drafts),
                changed_at=timezone.now(),
                **progress.part_ended(),
            ):
                transaction.set_rollback(True)
                return False
            row = rows.get()
            if row.parts_done == row.parts_total:
                document_finalise(row, part.generation)
            events.document_changed(collection_id=document.collection_id, document_id=document.pk)
    except IntegrityError as error:  # the document was deleted: its chunks have nothing to point at
        if Document.objects.filter(pk=document.pk).exists():
            raise TransientError(ErrorCode.PROCESSING_FAILED) from error
        return False
    return True
