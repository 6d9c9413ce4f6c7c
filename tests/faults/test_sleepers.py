"""Workers are stopped for longer than their lease and wake up when others have done their work."""

import signal
import time

import pytest

from tests.faults.test_people import QUIET_SECONDS
from tests.faults.truth import assert_as_undisturbed, assert_completed, book, chunks, long, settle

LEASE_SECONDS = 60


@long
@pytest.mark.parametrize(
    ("point", "whom", "where"),
    [
        (
            "split-looked",
            "process",
            "a pool process that has looked at the file and not yet planned its parts",
        ),
        ("part-worked", "process", "a pool process that has a part's chunks and has not yet written them"),
        ("part-copied", "process", "a pool process inside the transaction that writes a part"),
        ("part-worked", "worker", "a whole worker that has a part's chunks, another worker beside it"),
    ],
)
def test_who_wakes_after_his_lease_changes_nothing(stack, record, point, whom, where):
    content, sleeper = book(1500), stack.workers[0]
    order = stack.order(point, f"{whom} SIGSTOP")
    document = stack.upload(content)
    stack.wait(lambda: not order.exists(), 60)
    started = time.monotonic()
    try:
        if whom == "worker":
            stack.worker("b")
        settle(stack, document, 240)
        seconds = time.monotonic() - started
        assert_completed(stack, document)
        before = chunks(stack, document)
    finally:
        sleeper.signal(signal.SIGCONT)
    time.sleep(QUIET_SECONDS)
    assert chunks(stack, document) == before
    count = assert_as_undisturbed(stack, document, content)
    for other in stack.workers[1:]:
        other.stop()
    record(
        f"SIGSTOP of {where}; woken when the document is final",
        "completed by others meanwhile; what it did when it woke changed nothing",
        seconds,
        count,
    )


@long
def test_who_wakes_when_others_have_done_his_part_of_an_unfinished_document_changes_nothing(stack, record):
    content, sleepers = book(15_000), stack.workers[0]
    orders = [stack.order("part-worked", "process SIGSTOP")]
    document = stack.upload(content)
    stack.wait(lambda: not orders[0].exists(), 60)
    stack.order("part-worked", "process SIGSTOP")
    stack.wait(lambda: not orders[0].exists(), 60)  # now both pool processes sleep
    started = time.monotonic()
    held = stack.rows(
        "SELECT id FROM documents_documentpart WHERE document_id = %s AND status = 'running'", document
    )
    assert len(held) == 2
    ids = [row["id"] for row in held]
    done = "SELECT count(*) FROM documents_documentpart WHERE id = ANY(%s) AND status = 'done'"
    try:
        time.sleep(LEASE_SECONDS - 5)
        stack.worker("b")
        stack.wait(lambda: stack.value(done, ids) > 0, 120)
        assert stack.document(document)["status"] == "processing"
    finally:
        sleepers.signal(signal.SIGCONT)
    settle(stack, document)
    seconds = time.monotonic() - started
    count = assert_as_undisturbed(stack, document, content)
    for other in stack.workers[1:]:
        other.stop()
    record(
        "SIGSTOP of both pool processes with a part's chunks each; woken when another worker has done one of "
        "these parts and the document is still in work",
        "completed; no chunk twice",
        seconds,
        count,
    )
