"""A question that a client sends again, because it does not know whether it arrived, is asked once."""

import asyncio
import uuid

import pytest

from chat import selectors, services
from chat.engine import runs
from chat.engine.threads import in_thread
from chat.models import ChatSession, Message, MessageRole
from config import redis
from tests.chat.conftest import ANSWER, QUESTION
from tests.conftest import make_user

pytestmark = pytest.mark.django_db(transaction=True)


async def counted() -> tuple[int, int, int]:
    """Sessions, questions, answers."""
    questions = Message.objects.filter(role=MessageRole.USER)
    answers = Message.objects.filter(role=MessageRole.ASSISTANT)
    return tuple([await in_thread(rows.count) for rows in (ChatSession.objects, questions, answers)])


def question(collection, client_id: str = "q-1", message: str = QUESTION, **fields) -> dict:
    return {"type": "chat", "model_id": collection.pk, "message": message, "client_id": client_id} | fields


async def test_a_question_sent_again_on_a_new_socket_follows_the_answer_that_was_begun(
    connect, llm, member, collection
):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    first = await connect(member)
    await first.say(**question(collection))
    seen = await first.hear_until("stream_chunk")
    await first.connection.close()
    second = await connect(member)
    await second.say(**question(collection))
    gate.set()
    frames = [one for one in await second.hear_until("message_saved") if one["type"] != "session_changed"]
    assert frames[: len(seen)] == seen
    assert frames[0]["client_id"] == "q-1"
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert frames[-2]["content"] == "".join(ANSWER)
    assert await counted() == (1, 1, 1)
    assert len(llm.calls) == 1


async def test_the_same_in_an_existing_chat_is_no_busy_session(connect, llm, member, collection):
    llm.script = [ANSWER[0], asyncio.Event()]
    session = await in_thread(services.session_create, user=member, collection=collection)
    socket = await connect(member)
    body = question(collection, session_id=str(session.pk))
    await socket.say(**body)
    first = await socket.hear_until("stream_chunk")
    await socket.say(**body)
    again = await socket.hear_until("stream_chunk")
    assert again == first
    assert await counted() == (1, 1, 1)
    await socket.say(type="stop", message_id=first[0]["message_id"])
    await socket.hear_until("message_saved")


async def test_many_that_arrive_at_the_same_moment_become_one(passages, llm, member, collection):
    asked = [
        runs.ask(user=member, model_id=collection.pk, message=QUESTION, client_id="at-once") for _ in range(8)
    ]
    started = await asyncio.gather(*asked)
    assert len(set(started)) == 1
    assert await counted() == (1, 1, 1)
    _, task = runs._running[started[0].message_id]
    await task
    assert len(llm.calls) == 1


async def test_long_after_its_end_the_stored_answer_comes_with_its_question(connect, llm, member, collection):
    socket = await connect(member)
    await socket.say(**question(collection))
    frames = await socket.hear_until("message_saved")
    async with asyncio.timeout(5):
        while frames[0]["message_id"] in runs._running:  # its writer still has the frames in memory
            await asyncio.sleep(0.02)
    redis.client().delete(redis.key("stream", str(frames[0]["message_id"])))
    await socket.say(**question(collection))
    again = await socket.hear_until("message_saved")
    assert [frame["type"] for frame in again] == ["user_message", "stream_end", "message_saved"]
    assert [frame["seq"] for frame in again] == [1, 2, 3]
    assert again[0]["client_id"] == "q-1"
    assert again[1]["content"] == frames[-2]["content"]
    assert len(llm.calls) == 1


@pytest.mark.parametrize("change", ["message", "model", "session"])
async def test_an_id_that_names_another_question_is_refused(connect, llm, member, admin, collection, change):
    socket = await connect(member)
    await socket.say(**question(collection))
    await socket.hear_until("message_saved")
    changed = {
        "message": {"message": "Something else?"},
        "model": {"model_id": collection.pk + 1000},
        "session": {"session_id": str(uuid.uuid4())},
    }
    await socket.say(**question(collection) | changed[change])
    refusal = (await socket.hear_until("error"))[-1]
    assert (refusal["code"], refusal["client_id"]) == ("client_id_reused", "q-1")
    assert refusal["details"]["next_step"]
    assert await counted() == (1, 1, 1)


async def test_two_people_may_use_the_same_id_and_hear_nothing_of_each_other(
    connect, llm, member, collection
):
    other = await in_thread(make_user, "other@example.com")
    await in_thread(collection.users.add, other)
    frames = []
    for person in (member, other):
        socket = await connect(person)
        await socket.say(**question(collection))
        frames.append(await socket.hear_until("message_saved"))
    assert frames[0][0]["session_id"] != frames[1][0]["session_id"]
    assert await counted() == (2, 2, 2)


async def test_who_lost_his_access_does_not_get_the_old_answer_by_asking_again(
    connect, llm, member, collection
):
    socket = await connect(member)
    await socket.say(**question(collection))
    await socket.hear_until("message_saved")
    await in_thread(collection.users.clear)
    await socket.say(**question(collection))
    assert (await socket.hear_until("error"))[-1]["code"] == "not_found"


async def test_questions_without_an_id_are_all_asked(connect, llm, member, collection):
    socket = await connect(member)
    for _ in range(2):
        await socket.say(**question(collection, ""))
        await socket.hear_until("message_saved")
    assert await counted() == (2, 2, 2)


async def test_an_id_that_is_too_long_is_malformed(connect, llm, member, collection):
    socket = await connect(member)
    await socket.say(**question(collection, "x" * 65))
    assert (await socket.hear())["code"] == "malformed_frame"


def test_asking_twice_over_http_gives_the_same_message(passages, llm, member, collection, client_for):
    body = {"model_id": collection.pk, "message": QUESTION, "client_id": "h-1"}
    client = client_for(member)
    first = client.post("/api/chat/chat", body, format="json").json()
    second = client.post("/api/chat/chat", body, format="json").json()
    assert second == first
    assert Message.objects.count() == 2
    changed = client.post("/api/chat/chat", body | {"message": "Another?"}, format="json")
    assert (changed.status_code, changed.json()["error"]["code"]) == (409, "client_id_reused")


def test_the_database_itself_holds_an_id_once(member, collection):
    services.question_ask(user=member, collection=collection, message=QUESTION, client_id="once")
    with pytest.raises(services.AskedBefore):
        services.question_ask(user=member, collection=collection, message=QUESTION, client_id="once")
    assert ChatSession.objects.count() == 1
    session, asked, answer = selectors.question_asked(member, "once")
    assert (answer.parent_id, asked.session_id) == (asked.pk, session.pk)


def test_with_its_chat_an_id_is_forgotten(member, collection):
    ask = {"user": member, "collection": collection, "message": QUESTION, "client_id": "again"}
    session, _, _ = services.question_ask(**ask)
    services.session_delete(session=session)
    assert selectors.question_asked(member, "again") is None
    services.question_ask(**ask)
    assert Message.objects.filter(client_id="again").count() == 1
