"""A document that fails in its middle says where."""

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from config.errors import ErrorCode, PermanentError
from documents import tasks
from documents.ingestion import lease, part, storage, sweeper
from documents.ingestion.places import place_of, placed
from documents.ingestion.split import document_split
from documents.models import DocumentPart, PartStatus, Status
from tests.documents.files import make_pdf

PAGES = make_pdf([f"Words on page {n}." for n in range(1, 18)])
TABLE = b"id,text\n" + b"".join(b"%d,%s\n" % (n, b"word " * 20) for n in range(1, 1001))
TEXT = b"One line of a long book about nothing at all.\n" * 3000
REFUSED = PermanentError(ErrorCode.PARSE_TIMEOUT)


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (PAGES, "a.pdf", "It happened on pages 5 to 8."),
        (TABLE, "a.csv", "It happened in rows {row:,} to {end:,}, from line {line:,} of the file on."),
        (TEXT, "a.txt", "It happened from line {line:,} on."),
    ],
)
def test_a_part_that_cannot_be_read_names_its_pages_rows_or_line(
    db, upload, monkeypatch, content, name, says
):
    def refuse(*args):
        raise REFUSED

    document = upload(content, name)
    document_split(document_id=document.pk)
    second = document.parts.get(index=1)
    monkeypatch.setattr("documents.parsing.guards.ParserChild.read", refuse)
    assert part.part_process(part_id=second.pk) == []
    document.refresh_from_db()
    assert (document.status, document.error_code) == (Status.FAILED, "parse_timeout")
    end = second.span.get("row", 0) + second.span.get("count", 0) - 1
    assert document.error_message == f"{REFUSED.message} {says.format(end=end, **second.span)}"
    assert document.error_next_step == REFUSED.next_step


def test_the_numbers_are_those_of_the_file(db, upload):
    document = upload(TABLE, "a.csv")
    document_split(document_id=document.pk)
    span = document.parts.get(index=1).span
    assert TABLE.decode().splitlines()[span["line"] - 1].startswith(f"{span['row']},")


def test_one_page_and_parts_that_are_no_place():
    assert place_of({"first": 3, "last": 3}) == "It happened on page 3."
    assert place_of({"kind": "profile"}) == ""
    once = placed(REFUSED, {"first": 3, "last": 3})
    assert placed(once, {"first": 3, "last": 3}) is once


def test_a_part_that_takes_too_long_or_loses_its_workers_names_its_pages(db, upload, monkeypatch):
    def slow(*args):
        raise SoftTimeLimitExceeded

    document = upload(PAGES, "slow.pdf")
    [part_id, *_] = document_split(document_id=document.pk)
    with monkeypatch.context() as patched:
        patched.setattr(part, "part_work", slow)
        tasks.process_part.apply(args=[part_id])
    document.refresh_from_db()
    assert (document.status, document.error_code) == (Status.FAILED, "parse_timeout")
    assert document.error_message.endswith("It happened on pages 1 to 4.")
    lost = upload(PAGES + b"\n", "lost.pdf")
    document_split(document_id=lost.pk)
    DocumentPart.objects.filter(document=lost, index=2).update(
        status=PartStatus.RUNNING,
        attempts=lease.MAX_ATTEMPTS,
        lease_owner="x:1:1:1.a",
        lease_until=timezone.now(),
    )
    sweeper.sweep()
    lost.refresh_from_db()
    assert (lost.status, lost.error_code) == (Status.FAILED, "worker_lost")
    assert lost.error_message.endswith("It happened on pages 9 to 12.")


def test_a_file_that_disappears_in_the_middle_is_not_taken_for_a_damaged_one(db, upload):
    document = upload(TEXT, "a.txt")
    [part_id, *_] = document_split(document_id=document.pk)
    storage.path_of(document.stored_name).unlink()
    part.part_process(part_id=part_id)
    document.refresh_from_db()
    assert (document.status, document.error_code) == (Status.FAILED, "original_not_kept")
