"""Workers are stopped for longer than their lease and wake up when others have done their work."""

import signal
import time

import pytest

from tests.faults.test_people import QUIET_SECONDS
from tests.faults.truth import assert_as_undisturbed, assert_completed, book, chunks, long, settle


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
