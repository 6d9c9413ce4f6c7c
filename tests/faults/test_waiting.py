"""Nobody is there to do the work, or a big file is before a small one."""

import time

from tests.documents.files import make_pdf
from tests.faults.truth import assert_as_undisturbed, assert_completed, book, settle, table

SILENCE_SECONDS = 60  # after which the product says that no worker is there


def worker_missing(stack, collection: int) -> bool:
    """What the page and the readiness address say."""
    said = stack.health()["checks"]["worker"] == "no ingestion worker is running"
    return said and stack.pages().get(f"/models/{collection}/counts").json()["worker_alive"] is False


def test_without_worker_and_beat_a_document_waits_says_so_and_is_done_later(stack, record):
    content, collection = book(1500), stack.collection()
    for program in (*stack.workers, stack.beat):
        program.kill()
    document = stack.upload(content, collection=collection)
    stack.redis_client().flushall()  # the message is lost as well, and with it the worker's last sign
    stack.wait(lambda: worker_missing(stack, collection), 10)
    answer = stack.document(document)
    assert (answer["status"], answer["stage"]) == ("queued", "waiting")
    page = stack.pages().get(f"/models/{collection}").text
    assert "No ingestion worker is running" in page
    time.sleep(3)
    started = time.monotonic()
    stack.worker()  # beat stays away
    settle(stack, document)
    seconds = time.monotonic() - started
    count = assert_as_undisturbed(stack, document, content)
    record(
        "Upload while neither worker nor beat runs, its message lost; a worker started later",
        "waited, and the page said why; completed",
        seconds,
        count,
    )


def test_a_small_pdf_behind_a_huge_table_is_not_kept_waiting(stack, record):
    for worker in stack.workers:
        worker.stop()
    stack.worker(EMBEDDING_BACKEND="fake")
    huge = stack.upload(table(2_500_000), "huge.csv")
    stack.wait(lambda: stack.parts(huge, "done") > 3, 120)
    started = time.monotonic()
    small = stack.upload(
        make_pdf([f"Page {n} speaks of the harbour and of {n} ships." for n in range(20)]), "small.pdf"
    )
    settle(stack, small)
    seconds = time.monotonic() - started
    state = stack.document(huge)
    assert state["status"] == "processing"
    count = assert_completed(stack, small)
    share = f"{state['progress']['parts_done']} of {state['progress']['parts_total']}"
    record(
        "A 20-page PDF uploaded behind a CSV of 100 MB that is in work",
        f"completed while the CSV was at part {share}",
        seconds,
        count,
    )
    assert stack.client.delete(f"/api/documents/{huge}").status_code == 204
    for worker in stack.workers:
        worker.stop()
