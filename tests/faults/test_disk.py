"""The disk of the files is full, or fills up while an upload arrives."""

import signal
import time
from typing import Any

import pytest

from tests.documents.tus import VERSION, metadata
from tests.faults.disk import MEGABYTE, Disk, small_disk
from tests.faults.sending import Sending, announce, bulky, patch, received
from tests.faults.stack import Stack
from tests.faults.test_uploads import assert_kept, nothing_came

DISK = 600  # megabytes; the product leaves 256 of a disk to others
NAME = "bulky.pdf"
THEN = "sent again when there is room"
SAID = "507 storage_full, no file left; completed the second time"


@pytest.fixture
def disk(stack):
    """Everything that the product stores as files is on it."""
    with small_disk(stack.data, DISK) as disk:
        yield disk


def assert_refused(status: int, answer: dict[str, Any]) -> None:
    """Insufficient storage, in words that help."""
    error = answer["error"]
    assert (status, error["code"]) == (507, "storage_full")
    assert error["message"] == "The server's disk is full."
    assert error["details"]["next_step"] == "Tell the operator; then upload it again."


def assert_taken_again(stack: Stack, disk: Disk, collection: int, content: bytes) -> int:
    """There is room again: the same file is taken and read; its chunks."""
    disk.make_room()
    return assert_kept(stack, stack.upload(content, NAME, collection), content)


def test_a_disk_with_too_little_room_refuses_an_upload(stack, disk, record):
    collection, content = stack.collection(), bulky(3)
    disk.fill(free=200 * MEGABYTE)
    started = time.monotonic()
    answer = stack.send(content, NAME, collection)
    assert_refused(answer.status_code, answer.json())
    nothing_came(stack, collection)
    count = assert_taken_again(stack, disk, collection, content)
    seconds = time.monotonic() - started
    record(f"Upload to a disk with less than 256 MB free, {THEN}", SAID, seconds, count)


def test_a_disk_that_fills_up_while_an_upload_arrives_refuses_it(stack, disk, record):
    collection, content = stack.collection(), bulky(20)
    before = disk.used()
    sending = Sending(stack, collection, content, NAME, 12 * MEGABYTE)
    stack.wait(lambda: disk.used() > before + 8 * MEGABYTE, 10)  # it is written as it comes
    disk.fill()
    started = time.monotonic()
    sending.send_rest()
    assert_refused(*sending.answer())
    nothing_came(stack, collection)
    stack.wait(lambda: disk.used() == before, 10)  # the request's own copy goes just after the answer
    count = assert_taken_again(stack, disk, collection, content)
    seconds = time.monotonic() - started
    record(f"Disk full while an upload arrives, {THEN}", SAID, seconds, count)


def stopped_while_storing(stack: Stack) -> bool:
    """Stop the web server as soon as an upload, all of which has come, gets a file."""
    if not any((stack.data / "tmp").iterdir()):
        return False
    stack.web.signal(signal.SIGSTOP)
    return True


def test_a_disk_that_fills_up_while_an_upload_is_stored_refuses_it(stack, disk, record):
    collection, content = stack.collection(), bulky(60)
    before = disk.used()
    sending = Sending(stack, collection, content, NAME, len(content))
    sending.send_rest()
    deadline = time.monotonic() + 30
    while not stopped_while_storing(stack):
        assert time.monotonic() < deadline
    [half] = (stack.data / "tmp").iterdir()
    assert half.stat().st_size < len(content)
    disk.fill()
    started = time.monotonic()
    stack.web.signal(signal.SIGCONT)
    assert_refused(*sending.answer())
    nothing_came(stack, collection)
    stack.wait(lambda: disk.used() == before, 10)  # the request's own copy goes just after the answer
    count = assert_taken_again(stack, disk, collection, content)
    seconds = time.monotonic() - started
    record(f"Disk full while an upload is stored, {THEN}", SAID, seconds, count)


def test_a_disk_that_fills_up_during_a_resumable_upload_keeps_what_came(stack, disk, record):
    collection, content = stack.collection(), bulky(20)
    half = 10 * MEGABYTE
    path = announce(stack, collection, content, NAME)
    answer = patch(stack, path, 0, content[:half])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(half))
    held = disk.used()
    disk.fill()
    started = time.monotonic()
    answer = patch(stack, path, half, content[half:])
    assert_refused(answer.status_code, answer.json())
    assert received(stack, path) == half
    assert disk.used() == held  # not a byte that does not count
    disk.make_room()
    answer = patch(stack, path, half, content[half:])
    assert answer.status_code == 200, answer.text
    document = answer.json()["document"]["id"]
    count = assert_kept(stack, document, content)
    seconds = time.monotonic() - started
    record(
        "Disk full in the middle of a resumable upload, gone on with when there is room again",
        "507 storage_full, what had come is kept; completed",
        seconds,
        count,
    )


def test_a_full_disk_refuses_a_resumable_upload_before_it_begins(stack, disk, record):
    disk.fill()
    described = metadata(filename=NAME, model_id=stack.collection())
    fields = {"Upload-Length": "1000", "Upload-Metadata": described}
    started = time.monotonic()
    answer = stack.client.post("/api/uploads", headers=VERSION | fields)
    assert_refused(answer.status_code, answer.json())
    assert stack.client.get("/api/uploads").json() == []
    seconds = time.monotonic() - started
    record("Resumable upload announced to a full disk", "507 storage_full, nothing begun", seconds, 0)
