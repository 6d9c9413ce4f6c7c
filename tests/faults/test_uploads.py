"""Uploads are cut, by the client or by the death of the web server."""

import threading
import time

import httpx

from tests.faults.disk import MEGABYTE
from tests.faults.sending import Sending, announce, bulky, patch, received
from tests.faults.stack import Stack
from tests.faults.truth import assert_as_undisturbed, assert_completed, book, settle

HALF = 2_000_000


def begun(stack, collection: int, content: bytes) -> Sending:
    """An upload of which the first half has been sent."""
    return Sending(stack, collection, content, "book.txt", HALF)


def nothing_came(stack, collection: int) -> None:
    query = "SELECT count(*) FROM documents_document WHERE collection_id = %s"
    assert stack.value(query, collection) == 0
    assert [path for path in (stack.data / "tmp").rglob("*") if path.is_file()] == []


def assert_kept(stack: Stack, document: int, content: bytes) -> int:
    """Completed, from all of its bytes; it is removed then, because of its size."""
    settle(stack, document)
    count = assert_completed(stack, document)
    name = stack.value("SELECT stored_name FROM documents_document WHERE id = %s", document)
    assert (stack.data / "files" / name[:2] / name).read_bytes() == content
    assert stack.client.delete(f"/api/documents/{document}").status_code == 204
    return count


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


def sent_slowly(content: bytes):
    """A request's body of which a bit comes every tenth of a second."""
    for at in range(0, len(content), 500_000):
        yield content[at : at + 500_000]
        time.sleep(0.1)


def test_a_resumable_upload_goes_on_after_the_death_of_the_web_server(stack, record):
    collection, content = stack.collection(), bulky(20)
    path = announce(stack, collection, content, "bulky.pdf")
    piece, lost = sent_slowly(content), []

    def send_all() -> None:
        try:
            patch(stack, path, 0, piece)
        except httpx.TransportError as error:
            lost.append(error)

    sender = threading.Thread(target=send_all)
    sender.start()
    query = "SELECT received FROM documents_upload WHERE id = %s"
    upload_id = path.rsplit("/", 1)[1]
    stack.wait(lambda: stack.value(query, upload_id) > 6 * MEGABYTE, 30)
    started = time.monotonic()
    stack.web.kill()
    sender.join()
    assert lost
    stack.start_web()
    offset = received(stack, path)
    assert 6 * MEGABYTE < offset < len(content)
    answer = patch(stack, path, offset, content[offset:])
    assert answer.status_code == 200, answer.text
    count = assert_kept(stack, answer.json()["document"]["id"], content)
    seconds = time.monotonic() - started
    record(
        "SIGKILL of the web server in the middle of a resumable upload of 20 MB, started again at once",
        f"went on at {offset / MEGABYTE:.0f} MB of which each byte had been kept; completed",
        seconds,
        count,
    )
