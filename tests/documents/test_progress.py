"""Rate and time left: from the build's own parts, never invented."""

from datetime import timedelta

import pytest
from django.utils import timezone

from documents.ingestion import progress
from documents.ingestion.part import part_process
from documents.ingestion.split import document_split
from documents.models import Document, Status


def in_work(**changes) -> Document:
    facts = {
        "status": Status.PROCESSING,
        "parts_total": 100,
        "parts_done": 20,
        "chunk_count": 800,
        "part_seconds": 0.5,
        "last_part_at": timezone.now(),
    }
    return Document(**facts | changes)


def test_rate_and_time_left_follow_the_parts():
    document = in_work()
    assert progress.rate(document) == pytest.approx(80)
    assert progress.seconds_left(document) == 40


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.COMPLETED},
        {"status": Status.QUEUED, "parts_total": 0, "parts_done": 0},
        {"last_part_at": timezone.now() - timedelta(minutes=5)},
    ],
)
def test_nothing_is_said_when_nothing_moves(changes):
    assert progress.rate(in_work(**changes)) is None
    assert progress.seconds_left(in_work(**changes)) is None


def test_before_the_first_parts_the_installations_usual_speed_tells(db, monkeypatch):
    monkeypatch.setattr(progress, "_usual", None)
    document = in_work(parts_done=0, part_seconds=None, parts_total=1000)
    assert progress.rate(document) is None
    assert progress.seconds_left(document) == 1000 * progress.USUAL_SECONDS


def test_the_parts_own_transactions_keep_the_average(db, upload):
    text = "\n".join(f"Line {n} says that the harbour has {n * 7} boats." for n in range(6000))
    document = upload(text.encode(), "a.txt")
    waiting = document_split(document_id=document.pk)
    assert len(waiting) > 2
    for part_id in waiting[:2]:
        part_process(part_id=part_id)
    document.refresh_from_db()
    assert document.part_seconds > 0
    assert progress.rate(document) > 0
    assert progress.seconds_left(document) >= 0
    silent = document.last_part_at - timedelta(minutes=10)
    Document.objects.filter(pk=document.pk).update(last_part_at=silent)
    part_process(part_id=waiting[2])
    before, now = document.part_seconds, Document.objects.get(pk=document.pk)
    assert now.part_seconds == before  # a pause is no measure of speed
