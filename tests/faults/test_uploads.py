"""Uploads are cut, by the client or by the death of the web server."""

import time

import httpx

from tests.faults.sending import Sending
from tests.faults.truth import assert_as_undisturbed, book, settle

HALF = 2_000_000


def begun(stack, collection: int, content: bytes) -> Sending:
    """An upload of which the first half has been sent."""
    return Sending(stack, collection, content, "book.txt", HALF)


def nothing_came(stack, collection: int) -> None:
    query = "SELECT count(*) FROM documents_document WHERE collection_id = %s"
    assert stack.value(query, collection) == 0
    assert [path for path in (stack.data / "tmp").rglob("*") if path.is_file()] == []


def test_an_upload_cut_by_the_client_leaves_nothing(stack, record):
    collection, content = stack.collection(), book(50_000)
    connection = begun(stack, collection, content)
    time.sleep(1)
    started = time.monotonic()
    connection.close()
    time.sleep(1)
    nothing_came(stack, collection)
    record("Upload cut in the middle by the client", "no document, no file", time.monotonic() - started, 0)
    small = content[:100_000]
    document = stack.upload(small, collection=collection)
    settle(stack, document)
    assert_as_undisturbed(stack, document, small)


def test_a_web_server_killed_during_an_upload_leaves_nothing(stack, record):
    collection, content = stack.collection(), book(50_000)
    connection = begun(stack, collection, content)
    time.sleep(1)
    started = time.monotonic()
    stack.web.kill()
    connection.close()
    stack.start_web()
    nothing_came(stack, collection)
    seconds = time.monotonic() - started
    record("SIGKILL of the web server during an upload", "no document, no file", seconds, 0)


def test_a_web_server_killed_right_after_its_answer_has_kept_the_document(stack, record):
    content = book(1500)
    document = stack.upload(content)
    started = time.monotonic()
    stack.web.kill()
    settle(stack, document)
    seconds = time.monotonic() - started
    try:
        stack.client.get("/health/live")
    except httpx.TransportError:
        stack.start_web()
    count = assert_as_undisturbed(stack, document, content)
    record("SIGKILL of the web server after an upload's answer", "completed", seconds, count)
