"""Workers, their processes and their readers die in the middle."""

import os
import signal
import threading
import time

import psutil
import pytest

from tests.faults.stack import Program, Stack
from tests.faults.truth import (
    assert_as_undisturbed,
    assert_completed,
    assert_ended,
    book,
    settle,
)


def in_the_middle(stack: Stack, document_id: int) -> None:
    """Until some part is done and another is being worked on."""
    stack.wait(lambda: stack.parts(document_id, "done") and stack.parts(document_id, "running"), 60)


def struck(stack: Stack, point: str, action: str, seconds: float = 60) -> None:
    """Until a worker came to that point and was struck there."""
    order = stack.order(point, action)
    stack.wait(lambda: not order.exists(), seconds)


@pytest.mark.parametrize(
    ("point", "where"),
    [
        ("part-worked", "between embedding a part and writing it"),
        ("part-copied", "inside the transaction that writes a part"),
        ("part-committed", "after a part's commit, before it takes the next"),
        ("ring", "after it has taken the next part, before it tells the queue"),
    ],
)
def test_a_pool_process_killed_at_this_point_loses_nothing(stack, record, point, where):
    content = book(3000)
    document = stack.upload(content)
    in_the_middle(stack, document)
    struck(stack, point, "process SIGKILL")
    seconds = settle(stack, document)
    count = assert_as_undisturbed(stack, document, content)
    record(f"SIGKILL of a pool process {where}", "completed", seconds, count)


def test_a_pool_process_killed_while_it_splits_loses_nothing(stack, record):
    content = book(1500)
    stack.order("split-looked", "process SIGKILL")
    document = stack.upload(content)
    seconds = settle(stack, document)
    assert not (stack.root / "orders" / "split-looked").exists()
    count = assert_as_undisturbed(stack, document, content)
    record("SIGKILL of a pool process while it splits the file", "completed", seconds, count)


def test_a_killed_worker_is_replaced_by_a_new_one(stack, record):
    content = book()
    document = stack.upload(content)
    in_the_middle(stack, document)
    started = time.monotonic()
    stack.workers[0].kill()
    time.sleep(3)
    stack.worker()
    settle(stack, document)
    seconds = time.monotonic() - started
    count = assert_as_undisturbed(stack, document, content)
    record("SIGKILL of the whole worker, a new one after 3 s", "completed", seconds, count)


def test_the_processes_of_a_worker_do_not_outlive_it(stack, record):
    content = book()
    document = stack.upload(content)
    in_the_middle(stack, document)
    worker = stack.workers[0]
    family = psutil.Process(worker.pid).children(recursive=True)
    assert len(family) >= 3, "two pool processes and a reader"
    started = time.monotonic()
    os.kill(worker.pid, signal.SIGKILL)
    worker.process.wait(10)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    stack.worker()
    settle(stack, document)
    count = assert_as_undisturbed(stack, document, content)
    seconds = time.monotonic() - started
    record(
        "SIGKILL of a worker's main process alone", "its others end; completed by a new one", seconds, count
    )


def test_a_worker_killed_every_few_seconds_still_completes(stack, record):
    content = book(9000)
    document = stack.upload(content)
    in_the_middle(stack, document)
    started = time.monotonic()
    for _ in range(10):
        stack.workers[-1].kill()
        killed = {row["lease_owner"] for row in stack.rows(HELD, document)}
        stack.worker()
        stack.wait(lambda gone=killed: {row["lease_owner"] for row in stack.rows(HELD, document)} - gone, 60)
        time.sleep(1)
    settle(stack, document)
    seconds = time.monotonic() - started
    count = assert_as_undisturbed(stack, document, content)
    most = stack.value("SELECT max(attempts) FROM documents_documentpart WHERE document_id = %s", document)
    record(
        "SIGKILL of the worker, ten times, each a second after it had begun a part",
        f"completed (no part was begun more than {most} times)",
        seconds,
        count,
    )


HELD = "SELECT lease_owner FROM documents_documentpart WHERE document_id = %s AND status = 'running'"


def killing_readers(worker: Program, number: int, stop: threading.Event) -> threading.Thread:
    """Kill every reader of the worker as soon as it shows, again and again."""

    def run() -> None:
        while not stop.wait(0.02):
            for reader in worker.readers():
                try:
                    reader.send_signal(number)
                except Exception:
                    continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_reader_killed_while_it_reads_is_tried_again(stack, record, name):
    content = book(3000)
    document = stack.upload(content)
    in_the_middle(stack, document)
    stop = threading.Event()
    thread = killing_readers(stack.workers[0], signal.Signals[name], stop)
    attempts = (
        "SELECT count(*) FROM documents_documentpart WHERE document_id = %s AND attempts > 0 "
        "AND status = 'waiting'"
    )
    stack.wait(lambda: stack.value(attempts, document), 30)  # one was hit in the middle of a part
    stop.set()
    thread.join()
    seconds = settle(stack, document)
    count = assert_as_undisturbed(stack, document, content)
    record(f"{name} of the guarded reader in the middle of a part", "completed", seconds, count)


def test_a_file_that_always_crashes_its_reader_fails_and_others_go_on(stack, record):
    stop = threading.Event()
    thread = killing_readers(stack.workers[0], signal.SIGSEGV, stop)
    document = stack.upload(book(500))
    seconds = settle(stack, document)
    stop.set()
    thread.join()
    assert_ended(stack, document, "failed", "parser_crashed")
    record("SIGSEGV of the guarded reader each time", "failed: parser_crashed, after 3 attempts", seconds, 0)
    other = stack.upload(book(100))
    settle(stack, other)
    assert_completed(stack, other)
