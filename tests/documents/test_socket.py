"""The documents' socket: snapshot, changes, rights."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from config import events
from documents import services
from documents.consumers import DocumentsConsumer
from documents.ingestion.part import part_process
from documents.ingestion.split import document_split
from documents.models import Document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _unrung(monkeypatch):
    """Uploads stay queued, also when an earlier test has started the worker."""
    monkeypatch.setattr("documents.services.enqueue", lambda *args: None)


async def opened(user, query: str) -> WebsocketCommunicator:
    socket = WebsocketCommunicator(DocumentsConsumer.as_asgi(), f"/api/documents/ws?{query}")
    socket.scope |= {"user": user, "auth_expires": None, "auth_subprotocol": None}
    connected, _ = await socket.connect()
    assert connected
    return socket


async def closed_with(socket: WebsocketCommunicator) -> int:
    while True:
        message = await socket.receive_output(5)
        if message["type"] == "websocket.close":
            return message["code"]


async def test_opening_tells_every_unfinished_document_and_then_the_changes(upload, member, collection):
    document = await sync_to_async(upload)(b"Some words.", "a.txt")
    socket = await opened(member, f"model_id={collection.pk}")
    frame = await socket.receive_json_from(5)
    assert (frame["type"], frame["document"]["id"], frame["document"]["status"]) == (
        "document",
        document.pk,
        "queued",
    )

    def process():
        for part_id in document_split(document_id=document.pk):
            part_process(part_id=part_id)

    await sync_to_async(process)()
    while frame["document"]["status"] != "completed":
        frame = await socket.receive_json_from(5)
    assert frame["document"]["progress"]["percent"] == 100
    await socket.disconnect()


async def test_at_most_four_frames_a_second_and_the_last_state_always_arrives(upload, member, collection):
    document = await sync_to_async(upload)(b"Some words.", "a.txt")
    socket = await opened(member, f"model_id={collection.pk}")
    await socket.receive_json_from(5)
    await asyncio.sleep(0.3)
    frames = []
    for n in range(1, 51):
        await Document.objects.filter(pk=document.pk).aupdate(parts_total=50, parts_done=n)
        await events.publish_async(
            events.collection_group(collection.pk), "document.changed", document_id=document.pk
        )
        await asyncio.sleep(0.02)
    ended = time.monotonic() + 1
    while time.monotonic() < ended:
        if not await socket.receive_nothing(0.1):
            frames.append(await socket.receive_json_from(1))
    assert 3 <= len(frames) <= 11
    assert frames[-1]["document"]["progress"]["parts_done"] == 50
    await socket.disconnect()


async def test_a_deleted_document_is_told(upload, admin, member, collection):
    document = await sync_to_async(upload)(b"Some words.", "a.txt")
    socket = await opened(member, f"model_id={collection.pk}")
    await socket.receive_json_from(5)
    await sync_to_async(services.document_delete)(actor=admin, document=document)
    assert await socket.receive_json_from(5) == {"type": "document_deleted", "document_id": document.pk}
    await socket.disconnect()


@pytest.mark.parametrize("query", ["model_id={id}", "model_id=999999", "model_id=x", ""])
async def test_strangers_and_wrong_models_are_closed_with_4403(stranger, collection, query):
    socket = await opened(stranger, query.format(id=collection.pk))
    assert await closed_with(socket) == 4403


async def test_losing_access_closes_the_socket(member, collection):
    socket = await opened(member, f"model_id={collection.pk}")
    await collection.users.aremove(member)
    await events.publish_async(events.ACCESS_GROUP, "access.changed", collection_id=collection.pk)
    assert await closed_with(socket) == 4403


async def test_others_losing_access_changes_nothing(member, stranger, collection):
    socket = await opened(member, f"model_id={collection.pk}")
    await events.publish_async(events.ACCESS_GROUP, "access.changed", collection_id=collection.pk)
    await socket.send_json_to({"type": "ping"})
    assert await socket.receive_json_from(5) == {"type": "pong"}
    await socket.disconnect()


async def test_revoked_tokens_close_the_socket_with_4401(member, collection):
    socket = await opened(member, f"model_id={collection.pk}")
    member.token_version += 1
    await type(member).objects.filter(pk=member.pk).aupdate(token_version=1)
    member.token_version = 0
    await events.publish_async(events.user_group(member.pk), "user.revoked")
    assert await closed_with(socket) == 4401


async def test_documents_of_other_peoples_chats_are_never_sent(upload, member, admin, collection):
    session = "7d4ff7a2-4a0e-4e0f-9d0e-0d9f9f0f8a11"
    mine = await sync_to_async(upload)(b"mine", "mine.txt", actor=member, session_id=session)
    theirs = await opened(admin, f"model_id={collection.pk}&session_id={session}")
    own = await opened(member, f"model_id={collection.pk}&session_id={session}")
    assert (await own.receive_json_from(5))["document"]["id"] == mine.pk
    await events.publish_async(
        events.collection_group(collection.pk), "document.changed", document_id=mine.pk
    )
    assert (await own.receive_json_from(5))["document"]["id"] == mine.pk
    assert await theirs.receive_nothing(0.6)
    await own.disconnect()
    await theirs.disconnect()


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "odd"}', '"x"'])
async def test_a_malformed_frame_gets_an_error_and_the_socket_stays(member, collection, text):
    socket = await opened(member, f"model_id={collection.pk}")
    await socket.send_to(text_data=text)
    assert (await socket.receive_json_from(5))["type"] == "error"
    await socket.send_json_to({"type": "ping"})
    assert await socket.receive_json_from(5) == {"type": "pong"}
    await socket.disconnect()


async def test_a_lost_hint_is_made_good_at_the_next_ping(upload, member, collection, monkeypatch):
    ended = await sync_to_async(upload)(b"Some words.", "a.txt")
    removed = await sync_to_async(upload)(b"Other words.", "b.txt")
    socket = await opened(member, f"model_id={collection.pk}")
    assert {(await socket.receive_json_from(5))["document"]["id"] for _ in range(2)} == {ended.pk, removed.pk}
    monkeypatch.setattr(events, "publish", lambda *args, **kwargs: None)

    def process():
        for part_id in document_split(document_id=ended.pk):
            part_process(part_id=part_id)
        Document.objects.filter(pk=removed.pk).delete()

    await sync_to_async(process)()
    newer = await sync_to_async(upload)(b"More words.", "c.txt")
    assert await socket.receive_nothing(0.5)
    await socket.send_json_to({"type": "ping"})
    frames = [await socket.receive_json_from(5) for _ in range(4)]
    told = {
        frame.get("document_id") or frame["document"]["id"]: frame
        for frame in frames
        if frame["type"] != "pong"
    }
    assert told[ended.pk]["document"]["status"] == "completed"
    assert told[newer.pk]["document"]["status"] == "queued"
    assert told[removed.pk]["type"] == "document_deleted"
    await socket.send_json_to({"type": "ping"})
    assert (await socket.receive_json_from(5))["type"] == "pong"
    assert await socket.receive_nothing(0.5)
    await socket.disconnect()
