"""Every few seconds and at a worker's start: find work that nobody holds, and what was given up on.

The broker may have lost any message and a worker may have died at any point; the rows know.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from django.core.cache import cache
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from config import queues
from config.errors import ErrorCode, PermanentError
from documents import lifecycle
from documents.embedding.cache import forget_unused
from documents.ingestion import lease, storage
from documents.ingestion.part import part_exhausted
from documents.ingestion.split import WINDOW, parts_take
from documents.models import Document, DocumentPart, PartStatus, Rebuild, Status
from documents.tables import files as tables
from documents.uploads.services import uploads_expire

log = logging.getLogger(__name__)

LOST_AFTER = timedelta(seconds=45)  # in the queue and not begun: rung for again (a second ring is harmless)
LOST_WHEN_IDLE = timedelta(seconds=10)  # the same, when the broker's queue is empty
PER_MESSAGE = timedelta(seconds=2)  # of work: what waits in a long queue is not lost
LEFT_KEY, LEFT_SECONDS = "ingestion-leftovers", 60
CLEAN_KEY, CLEAN_SECONDS = "ingestion-cleaned", 3600
ORPHAN_SECONDS = 3600
BATCH = 500


@dataclass
class Found:
    """Ids to enqueue."""

    documents: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    rebuilds: list[int] = field(default_factory=list)  # collections
    leftovers: bool = False  # of builds that were given up


def sweep() -> Found:
    """Free what dead workers held, fail what was tried too often, and list what to ring for."""
    _free_dead()
    lost = lost_after(queues.waiting())
    found = Found(
        documents=_documents(lost),
        parts=_parts(lost),
        rebuilds=list(Rebuild.objects.values_list("collection_id", flat=True)),
        leftovers=cache.add(LEFT_KEY, 1, LEFT_SECONDS) and lifecycle.leftovers().exists(),
    )
    if cache.add(CLEAN_KEY, 1, CLEAN_SECONDS):
        clean()
    if found.documents or found.parts:
        log.info("sweeper: %s documents and %s parts to do", len(found.documents), len(found.parts))
    return found


def lost_after(waiting: int | None) -> timedelta:
    """How old a ring is that has not been answered because its message was lost.

    In a queue of hundreds messages wait for minutes; to ring for them anew would make it longer and longer.

    Args:
        waiting: messages in the queue; None when nobody knows.
    """
    if waiting == 0:
        return min(LOST_AFTER, LOST_WHEN_IDLE)
    return max(LOST_AFTER, PER_MESSAGE * (waiting or 0))


def clean() -> int:
    """Remove files that no document owns (their model, chat or user was deleted), drafts of uploads that
    never ended, and cached vectors that nothing uses. Returns how many files.
    """
    forget_unused()
    removed = storage.remove_forgotten_drafts() + uploads_expire()
    # with bytes that are about to take the place of a document's own; in one look, for they may do so now
    rows = Document.objects.values_list("stored_name", "next_source__stored_name")
    owned = {name for names in rows for name in names}
    for path in storage.files_older_than(ORPHAN_SECONDS):
        if path.name not in owned:
            path.unlink(missing_ok=True)
            removed += 1
    removed += tables.remove_orphans(owned, older_than=ORPHAN_SECONDS)
    if removed:
        log.info("sweeper: %s orphaned files removed", removed)
    return removed


def _free_dead() -> None:
    """End the leases of processes on this host that are gone, without waiting for the time."""
    for model in (Document, DocumentPart):
        held = model._default_manager.filter(lease_until__gt=timezone.now()).exclude(lease_owner="")
        for owner in set(held.values_list("lease_owner", flat=True)[:BATCH]):
            if lease.owner_is_dead(owner):
                model._default_manager.filter(lease_owner=owner).update(lease_until=timezone.now())


def _documents(lost: timedelta) -> list[int]:
    """Documents that wait to be split, or whose splitter died."""
    now = timezone.now()
    rows = Document.objects.filter(
        Q(lease_until__lte=now) | Q(lease_until=None, changed_at__lt=now - lost),
        status__in=(Status.QUEUED, Status.PROCESSING),
        parts_total=0,
        building_generation__isnull=False,
    )
    ids = list(rows.order_by("changed_at").values_list("pk", flat=True)[:BATCH])
    Document.objects.filter(pk__in=ids, lease_until=None).update(changed_at=now)  # rung for now
    return ids


def _parts(lost: timedelta) -> list[int]:
    """Parts whose worker died, parts whose message was lost, and the next ones of idle documents."""
    now = timezone.now()
    current = DocumentPart.objects.filter(
        document__building_generation=F("generation"), document__status=Status.PROCESSING
    )
    dead = current.filter(status=PartStatus.RUNNING, lease_until__lte=now)
    for part in dead.filter(attempts__gte=lease.MAX_ATTEMPTS):
        if part.attempts < lease.most_attempts(part.lease_owner):
            continue
        error = lifecycle.from_facts(part.error) if part.error else PermanentError(ErrorCode.WORKER_LOST)
        part_exhausted(part_id=part.pk, error=error)
    silent = current.filter(status=PartStatus.WAITING, queued_at__lt=now - lost, lease_until=None)
    silent = silent.order_by("queued_at")
    ids = [*dead.values_list("pk", flat=True)[:BATCH], *silent.values_list("pk", flat=True)[:BATCH]]
    DocumentPart.objects.filter(pk__in=ids).update(queued_at=now)
    return ids + _starved()


def _starved() -> list[int]:
    """Documents with waiting parts of which none is queued or held (their last message was lost)."""
    own = DocumentPart.objects.filter(
        document=OuterRef("pk"), generation=OuterRef("building_generation")
    ).exclude(status=PartStatus.DONE)
    waiting = Q(status=PartStatus.WAITING, queued_at=None)
    idle = Document.objects.filter(
        Exists(own.filter(waiting)), ~Exists(own.exclude(waiting)), status=Status.PROCESSING
    )
    ids: list[int] = []
    for document_id, generation in idle.values_list("pk", "building_generation")[:BATCH]:
        ids += parts_take(document_id=document_id, generation=generation or 0, count=WINDOW)
    return ids
