"""The socket's refusals: bad frames, strangers' ids, revoked people; each over a real socket."""

import asyncio
import json
from datetime import timedelta

import httpx
import pytest
import websockets

from accounts import tokens
from accounts.services import user_update
from chat import protocol
from chat.engine.threads import in_thread
from chat.models import Message
from config.errors import ErrorCode, VerbatimError
from tests.chat.conftest import ANSWER, QUESTION, Socket, stored

pytestmark = pytest.mark.django_db(transaction=True)

ID = "3b241101-e2bb-4255-8caf-4136c566a962"
MALFORMED = [
    "",
    "{",
    "nothing",
    "[]",
    "1",
    "null",
    '"chat"',
    "{}",
    '{"type": 1}',
    '{"type": null}',
    '{"type": "chat"}',
    '{"type": "chat", "model_id": 1}',
    '{"type": "chat", "message": "hello"}',
    '{"type": "chat", "model_id": "1", "message": "hello"}',
    '{"type": "chat", "model_id": true, "message": "hello"}',
    '{"type": "chat", "model_id": 1.5, "message": "hello"}',
    '{"type": "chat", "model_id": -1, "message": "hello"}',
    '{"type": "chat", "model_id": 9223372036854775808, "message": "hello"}',
    '{"type": "chat", "model_id": 1, "message": ["hello"]}',
    '{"type": "chat", "model_id": 1, "message": "hello", "session_id": 5}',
    '{"type": "chat", "model_id": 1, "message": "hello", "session_id": "abc"}',
    '{"type": "chat", "model_id": 1, "message": "hello", "client_id": {}}',
    '{"type": "stop"}',
    '{"type": "stop", "message_id": "x"}',
    '{"type": "resume"}',
    '{"type": "resume", "session_id": "' + ID + '", "after_seq": -1}',
    '{"type": "resume", "session_id": "' + ID + '", "after_seq": "0"}',
    '{"type": "resume", "session_id": null, "after_seq": 0}',
    '{"type": "regenerate", "message_id": []}',
    '{"type": "continue"}',
    '{"type": "continue", "message_id": 1.5}',
    '{"type": "edit", "message_id": 1}',
    '{"type": "edit", "message": "hello"}',
    '{"type": "edit", "message_id": 1, "message": 2}',
    '{"type": "edit", "message_id": 1, "message": "hello", "client_id": 3}',
    "[" * 30_000,
    '{"type": "chat", "model_id": 1, "message": "' + "x" * 98_100 + '"}',
]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: text[:60])
def test_a_malformed_frame_is_refused(text):
    with pytest.raises(VerbatimError) as caught:
        protocol.parse(text)
    assert caught.value.code == ErrorCode.MALFORMED_FRAME


def test_binary_and_unknown_frames_are_refused():
    with pytest.raises(VerbatimError) as caught:
        protocol.parse(None)
    assert caught.value.code == ErrorCode.MALFORMED_FRAME
    with pytest.raises(VerbatimError) as caught:
        protocol.parse('{"type": "dance"}')
    assert caught.value.code == ErrorCode.UNKNOWN_FRAME


def test_every_frame_of_the_contract_is_understood():
    assert protocol.parse('{"type": "ping", "extra": 1}') == protocol.PingFrame()
    assert protocol.parse('{"type": "stop", "message_id": 5}') == protocol.StopFrame(5)
    assert protocol.parse('{"type": "regenerate", "message_id": 5}') == protocol.RegenerateFrame(5)
    frame = protocol.parse(json.dumps({"type": "resume", "session_id": ID, "after_seq": 3}))
    assert (str(frame.session_id), frame.after_seq, frame.message_id) == (ID, 3, None)
    frame = protocol.parse(json.dumps({"type": "chat", "model_id": 1, "message": "hi", "session_id": None}))
    assert (frame.model_id, frame.message, frame.session_id, frame.client_id) == (1, "hi", None, "")


async def test_a_socket_survives_bad_frames_and_goes_on(connect, llm, member, collection):
    socket = await connect(member)
    for text in MALFORMED:
        await socket.connection.send(text)
        assert (await socket.hear())["code"] == "malformed_frame", text[:80]
    await socket.connection.send(b"\x00\xff")
    assert (await socket.hear())["code"] == "malformed_frame"
    await socket.say(type="dance")
    assert (await socket.hear())["code"] == "unknown_frame"
    await socket.say(type="ping")
    assert await socket.hear() == {"type": "pong"}


async def test_empty_and_overlong_questions_are_refused_and_nothing_is_stored(
    connect, llm, member, collection, settings
):
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=" \n\x00 ")
    assert (await socket.hear())["code"] == "message_empty"
    await socket.say(type="chat", model_id=collection.pk, message="x" * (settings.MAX_MESSAGE_CHARS + 1))
    error = await socket.hear()
    assert (error["code"], error["retryable"]) == ("message_too_long", False)
    assert await in_thread(Message.objects.count) == 0


@pytest.mark.parametrize("char", ["x", "é", "日", "\N{GRINNING FACE}", "\n", "\x01"])
@pytest.mark.parametrize("most", [100, 8_000, 100_000])
def test_the_longest_question_fits_a_frame_however_it_is_escaped(settings, char, most):
    settings.MAX_MESSAGE_CHARS = most
    frame = {"type": "chat", "model_id": protocol.MAX_ID, "message": char * most}
    frame |= {"session_id": ID, "client_id": "\N{GRINNING FACE}" * protocol.MAX_CLIENT_ID_CHARS}
    assert protocol.parse(json.dumps(frame)).message == char * most
    assert protocol.max_frame_bytes() < settings.WS_MAX_SIZE
    edited = {"type": "edit", "message_id": protocol.MAX_ID, "message": char * most}
    assert protocol.parse(json.dumps(edited)).message == char * most


async def test_the_longest_question_is_asked_over_a_socket(connect, llm, member, collection, settings):
    socket = await connect(member)
    question = "\N{GRINNING FACE}" * settings.MAX_MESSAGE_CHARS
    await socket.say(type="chat", model_id=collection.pk, message=question)
    assert (await socket.hear())["message"]["content"] == question


async def test_a_strangers_ids_are_not_found_in_every_frame_and_the_victim_is_unaffected(
    connect, llm, member, stranger, admin, superadmin, collection
):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    victim = await connect(member)
    await victim.say(type="chat", model_id=collection.pk, message=QUESTION)
    seen = await victim.hear_until("stream_chunk")
    session_id, message_id = seen[0]["session_id"], seen[0]["message_id"]
    for person in (stranger, admin, superadmin):  # administrators do not read other people's chats either
        socket = await connect(person)
        for frame in (
            {"type": "chat", "model_id": collection.pk, "message": "x", "session_id": session_id},
            {"type": "stop", "message_id": message_id},
            {"type": "resume", "session_id": session_id, "after_seq": 0},
            {"type": "regenerate", "message_id": message_id},
        ):
            await socket.say(**frame)
            answer = await socket.hear()
            assert (answer["type"], answer["code"]) == ("error", "not_found"), (person, frame)
            assert answer["refused"] == frame["type"]
            assert QUESTION not in json.dumps(answer)
    gate.set()
    rest = await victim.hear_until("message_saved")
    assert rest[-2]["content"] == "".join(ANSWER)
    assert (await stored(message_id)).status == "complete"
    assert await in_thread(Message.objects.count) == 2


async def test_a_model_that_was_not_given_is_not_found(connect, llm, stranger, collection):
    socket = await connect(stranger)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    assert (await socket.hear())["code"] == "not_found"
    await socket.say(type="chat", model_id=999_999, message=QUESTION)
    assert (await socket.hear())["code"] == "not_found"


async def test_a_session_does_not_change_its_model(connect, llm, member, admin, collection):
    from collections_app.models import Collection

    def make_other() -> Collection:
        other = Collection.objects.create(name="Other", embedding_model="x", embedding_dimension=384)
        other.users.add(member)
        return other

    other = await in_thread(make_other)
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    session_id = (await socket.hear_until("message_saved"))[0]["session_id"]
    await socket.say(type="chat", model_id=other.pk, message=QUESTION, session_id=session_id)
    assert (await socket.hear())["code"] == "validation_error"


async def test_a_deactivated_users_socket_closes_and_his_answer_ends(
    connect, llm, member, superadmin, collection
):
    llm.script = [ANSWER[0], asyncio.Event()]
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    seen = await socket.hear_until("stream_chunk")
    await in_thread(user_update, actor=superadmin, user=member, is_active=False)
    assert await socket.closed_with(5) == 4401
    async with asyncio.timeout(5):
        while (await stored(seen[0]["message_id"])).status == "streaming":
            await asyncio.sleep(0.1)
    assert llm.closed == 1


async def test_a_lost_hint_does_not_keep_a_revoked_socket_able_to_act(connect, llm, member, collection):
    from accounts.models import User

    socket = await connect(member)
    await in_thread(User.objects.filter(pk=member.pk).update, token_version=member.token_version + 1)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    assert await socket.closed_with(5) == 4401
    assert await in_thread(Message.objects.count) == 0


@pytest.mark.parametrize("by", ["token", "ticket"])
@pytest.mark.parametrize("path", ["chat/ws?", "documents/ws?model_id={}&"])
async def test_a_socket_closes_when_its_token_is_no_longer_taken(
    server, member, collection, monkeypatch, settings, path, by
):
    """It has ended by our clock already, and is taken as long as over HTTP: its issuer's may be slow."""
    monkeypatch.setattr(tokens.Access, "lifetime", timedelta(seconds=3 - settings.CLOCK_LEEWAY_SECONDS))
    access = (await in_thread(tokens.issue, member))["access"]
    headers = {"Authorization": f"Bearer {access}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server}", headers=headers, trust_env=False
    ) as http:
        assert (await http.get("/api/auth/me")).status_code == 200
        ticket = (await http.post("/api/auth/ws-ticket")).json()["ticket"]
    shown = f"token={access}" if by == "token" else f"ticket={ticket}"
    address = f"ws://127.0.0.1:{server}/api/{path.format(collection.pk)}{shown}"
    async with websockets.connect(address, proxy=None) as connection:
        socket = Socket(connection)
        await socket.say(type="ping")
        assert (await socket.hear())["type"] == "pong"
        assert await socket.closed_with(5) == 4401


async def test_an_address_without_a_socket_is_refused(server, member):
    access = (await in_thread(tokens.issue, member))["access"]
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(f"ws://127.0.0.1:{server}/api/nothing/ws?token={access}", proxy=None)
