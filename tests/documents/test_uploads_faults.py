"""Resumable uploads: what stands still, what dies in the middle, and what comes at once."""

import os
import random
import threading
import time
import uuid
from datetime import timedelta

import httpx
import pytest
from django.db import connection
from django.utils import timezone
from tusclient.client import TusClient

from accounts import tokens
from config.errors import VerbatimError
from documents.ingestion import storage, sweeper
from documents.models import Document, Upload
from documents.uploads import drafts, lock, pieces
from tests.documents.tus import PIECE, VERSION, WORDS, Server, announce, error, metadata, send, stored


def text_of(size: int, seed: int = 1) -> bytes:
    """Lines of text that are nowhere the same."""
    dice = random.Random(seed)
    line = b"".join(b"%030x\n" % dice.getrandbits(120) for _ in range(1 + size // 31))
    return line[:size]


@pytest.fixture(autouse=True)
def _no_drafts_of_other_tests():
    for path in drafts.folder().glob("*"):
        path.unlink()


@pytest.fixture
def client(client_for, admin):
    return client_for(admin)


@pytest.fixture
def begun(client, collection) -> str:
    """The path of an upload of WORDS of which nothing has arrived."""
    return announce(client, len(WORDS), model_id=collection.pk)["Location"]


# --- what stands still, and what dies ---------------------------------------------------------------


def test_what_stands_still_for_a_day_is_gone_and_its_draft_is_cleaned_away(client, collection, begun):
    send(client, begun, 0, WORDS[:100])
    Upload.objects.update(touched_at=timezone.now() - timedelta(hours=25))
    fresh = announce(client, 9, model_id=collection.pk)["Location"]
    send(client, fresh, 0, b"w")
    assert error(send(client, begun, 100, WORDS[100:])) == (410, "upload_expired")
    assert client.head(begun, headers=VERSION).status_code == 410
    assert [row["id"] for row in client.get("/api/uploads").json()] == [fresh.rsplit("/", 1)[1]]
    sweeper.clean()
    assert client.head(begun, headers=VERSION).status_code == 404
    assert [path.stem for path in drafts.folder().glob("*")] == [fresh.rsplit("/", 1)[1]]


def test_an_upload_that_is_carried_on_while_the_cleaning_comes_to_it_is_kept(client, begun, monkeypatch):
    send(client, begun, 0, WORDS[:100])
    Upload.objects.update(touched_at=timezone.now() - timedelta(hours=25))
    held = lock.held

    def just_carried_on(upload_id):
        Upload.objects.update(touched_at=timezone.now())
        return held(upload_id)

    with monkeypatch.context() as patched:
        patched.setattr(lock, "held", just_carried_on)
        sweeper.clean()
    assert send(client, begun, 100, WORDS[100:]).status_code == 200


def test_drafts_whose_model_was_deleted_are_cleaned_away(client, collection, begun):
    send(client, begun, 0, WORDS[:100])
    [draft] = drafts.folder().glob("*")
    collection.delete()
    sweeper.clean()
    assert draft.exists()  # perhaps its row is about to be committed
    os.utime(draft, (time.time() - 7200,) * 2)
    sweeper.clean()
    assert not draft.exists()


def test_newer_bytes_of_a_document_are_not_cleaned_away(upload):
    document = upload(WORDS, "a.txt")
    waiting, orphan = storage.store_blocks([b"newer"]), storage.store_blocks([b"nobody's"])
    Document.objects.filter(pk=document.pk).update(next_source={"stored_name": waiting.name})
    for name in (waiting.name, orphan.name):
        os.utime(storage.path_of(name), (time.time() - 7200,) * 2)
    sweeper.clean()
    assert storage.path_of(waiting.name).exists()
    assert not storage.path_of(orphan.name).exists()


def test_bytes_that_were_written_and_not_recorded_are_cut_off(client, begun):
    send(client, begun, 0, WORDS[:100])
    with drafts.path_of(Upload.objects.get().pk).open("ab") as draft:
        draft.write(b"of a request that died" * 200)
    answer = send(client, begun, 100, WORDS[100:])
    assert stored(answer.json()["document"]["id"]) == WORDS


def test_a_draft_that_was_lost_ends_the_upload(client, begun):
    send(client, begun, 0, WORDS[:100])
    drafts.remove(Upload.objects.get().pk)
    assert error(send(client, begun, 100, WORDS[100:])) == (410, "upload_expired")
    assert not Upload.objects.exists()


def test_a_fault_at_the_end_leaves_the_last_piece_to_be_sent_again(client, begun, monkeypatch):
    client.raise_request_exception = False
    send(client, begun, 0, WORDS[:100])
    monkeypatch.setattr("documents.services.document_keep", lambda **_: 1 / 0)
    assert error(send(client, begun, 100, WORDS[100:])) == (500, "server_error")
    monkeypatch.undo()
    assert client.head(begun, headers=VERSION)["Upload-Offset"] == "100"
    answer = send(client, begun, 100, WORDS[100:])
    assert stored(answer.json()["document"]["id"]) == WORDS


@pytest.mark.django_db(transaction=True)
def test_of_two_that_write_at_once_one_waits_for_its_turn(client, begun):
    upload_id = uuid.UUID(begun.rsplit("/", 1)[1])
    answers = []

    def other():
        with pytest.raises(VerbatimError) as refused, lock.held(upload_id):
            pass
        answers.append(str(refused.value.code))
        connection.close()

    with lock.held(upload_id):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert answers == ["upload_busy"]
    assert send(client, begun, 0, WORDS).status_code == 200  # it is free again


# --- a real server ----------------------------------------------------------------------------------


@pytest.fixture
def server(transactional_db):
    server = Server().start()
    yield server
    server.stop()


@pytest.fixture
def headers(admin) -> dict[str, str]:
    return VERSION | {"Authorization": f"Bearer {tokens.issue(admin)['access']}"}


def begin_at(server: Server, headers: dict[str, str], size: int, model_id: int) -> str:
    fields = {"Upload-Length": str(size), "Upload-Metadata": metadata(filename="a.txt", model_id=model_id)}
    answer = httpx.post(f"{server.address}/api/uploads", headers=headers | fields, trust_env=False)
    assert answer.status_code == 201, answer.text
    return server.address + answer.headers["Location"]


def wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def test_a_real_client_goes_on_after_kill_9_of_the_server(server, headers, collection, tmp_path):
    content = text_of(40 * 1024**2)
    file = tmp_path / "big.txt"
    file.write_bytes(content)
    uploader = TusClient(f"{server.address}/api/uploads", headers=headers).uploader(
        str(file),
        chunk_size=3_000_000,
        metadata={"filename": "big.txt", "model_id": str(collection.pk)},
        retries=100,
        retry_delay=1,
    )
    for _ in range(3):
        uploader.upload_chunk()
    assert Upload.objects.get().received == 9_000_000
    thread = threading.Thread(target=uploader.upload)
    thread.start()
    wait_until(lambda: Upload.objects.get().received > 12_000_000)
    server.kill()
    at_the_kill = Upload.objects.get().received
    assert 12_000_000 < at_the_kill < len(content)
    server.start()
    thread.join(120)
    assert not thread.is_alive()
    document = Document.objects.get()
    assert (document.name, document.size) == ("big.txt", len(content))
    assert stored(document.pk) == content
    assert not Upload.objects.exists()
    assert not list(drafts.folder().glob("*"))


def test_one_piece_of_the_whole_file_keeps_what_came_before_the_connection_broke(server, headers, collection):
    content = text_of(9 * 1024**2 + 123)
    address = begin_at(server, headers, len(content), collection.pk)
    hold = threading.Event()

    def body():
        yield content[: 7 * 1024**2 + 77]
        wait_until(lambda: Upload.objects.get().received >= 6 * 1024**2)
        raise ConnectionAbortedError  # the cable

    patch = {"Content-Type": PIECE, "Upload-Offset": "0", "Content-Length": str(len(content))}
    with pytest.raises(ConnectionAbortedError):
        httpx.patch(address, content=body(), headers=headers | patch, trust_env=False)
    hold.set()
    wait_until(lambda: Upload.objects.get().received == 7 * 1024**2 + 77)
    patch["Upload-Offset"] = str(7 * 1024**2 + 77)
    del patch["Content-Length"]
    rest = content[7 * 1024**2 + 77 :]
    answer = httpx.patch(address, content=rest, headers=headers | patch, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert stored(answer.json()["document"]["id"]) == content


@pytest.mark.parametrize("size", [pieces.PIECE - 1, pieces.PIECE, pieces.PIECE + 1, 3 * pieces.PIECE])
def test_a_long_piece_is_whole_whatever_its_length(server, headers, collection, size):
    content = text_of(size + 5, seed=size)
    address = begin_at(server, headers, len(content), collection.pk)
    patch = {"Content-Type": PIECE, "Upload-Offset": "0"}
    answer = httpx.patch(address, content=content[:size], headers=headers | patch, trust_env=False)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(size))
    chunked = iter([content[size:]])  # without Content-Length
    patch["Upload-Offset"] = str(size)
    answer = httpx.patch(address, content=chunked, headers=headers | patch, trust_env=False)
    assert answer.status_code == 200
    assert stored(answer.json()["document"]["id"]) == content


def test_a_long_piece_of_a_foreign_file_is_answered_without_reading_all_of_it(server, headers, collection):
    size = 100 * 1024**2
    address = begin_at(server, headers, size, collection.pk)
    sent = 0

    def body():
        nonlocal sent
        yield b"MZ\x90\x00"
        for _ in range(100):
            sent += 1
            yield b"\x00" * 1024**2

    patch = {"Content-Type": PIECE, "Upload-Offset": "0", "Content-Length": str(size)}
    try:
        answer = httpx.patch(address, content=body(), headers=headers | patch, trust_env=False)
        assert answer.status_code == 415
    except httpx.TransportError:
        pass  # the server closed while the client still wrote
    assert sent < 60
    assert not Upload.objects.exists()


def test_many_that_send_the_same_pieces_at_once_double_no_byte(server, headers, collection):
    content = text_of(12 * 1024**2, seed=5)
    address = begin_at(server, headers, len(content), collection.pk)
    documents: list[int] = []
    seen: set[int] = set()

    def send_all():
        with httpx.Client(headers=headers, trust_env=False, timeout=60) as http:
            while True:
                offset = http.head(address).headers.get("Upload-Offset")
                if offset is None:
                    return
                piece = content[int(offset) : int(offset) + 700_000]
                patch = {"Content-Type": PIECE, "Upload-Offset": offset}
                answer = http.patch(address, content=piece, headers=patch)
                seen.add(answer.status_code)
                if answer.status_code == 200:
                    documents.append(answer.json()["document"]["id"])
                    return

    threads = [threading.Thread(target=send_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(documents) == 1
    assert stored(documents[0]) == content
    assert seen <= {200, 204, 409, 423, 404}
    assert seen & {409, 423}  # they did meet
