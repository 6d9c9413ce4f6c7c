"""The main path over a real socket: frames, their order and numbers, replay, stop, refusals."""

import asyncio

import pytest
from django.db import OperationalError

from chat import consumers, services
from chat.engine import follow, stream_log
from chat.engine.threads import in_thread
from chat.models import ChatSession, Message
from collections_app.models import AnswerMode, Collection
from config.errors import ErrorCode, VerbatimError
from documents.models import Document, Status
from tests.chat.conftest import ANSWER, QUESTION, add_document, stored

pytestmark = pytest.mark.django_db(transaction=True)


async def ask(socket, collection, message=QUESTION, **fields):
    await socket.say(type="chat", model_id=collection.pk, message=message, **fields)


async def test_an_answer_streams_in_the_contracts_order_and_equals_what_is_stored(
    connect, llm, member, collection
):
    socket = await connect(member)
    await ask(socket, collection, client_id="c-1")
    frames = await socket.hear_until("message_saved")
    kinds = [frame["type"] for frame in frames]
    assert kinds[:3] == ["user_message", "sources", "stream_start"]
    assert set(kinds[3:-2]) == {"stream_chunk"}
    assert kinds[-2:] == ["stream_end", "message_saved"]
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert len({(frame["session_id"], frame["message_id"]) for frame in frames}) == 1
    assert frames[0]["message"]["content"] == QUESTION
    assert frames[0]["client_id"] == "c-1"
    assert frames[1]["sources"][0]["document_name"] == "handbook.txt"
    text = "".join(frame["content"] for frame in frames if frame["type"] == "stream_chunk")
    end = frames[-2]
    assert text == end["content"] == "".join(ANSWER)
    assert end["finish_reason"] == "stop"
    assert end["usage"]["completion_tokens"] == 4
    assert [source["marker"] for source in end["sources"]] == [1]
    assert end["sources"][0]["supported"] is True
    assert 'data-marker="1"' in end["html"]
    message = await stored(end["message_id"])
    assert (message.status, message.content) == ("complete", text)
    assert message.session.title == QUESTION
    assert message.trace.data["prompt"]["tokens"] > 0
    assert [source.cited for source in message.sources.all()][0] is True


async def test_a_reload_in_the_middle_replays_from_the_number_that_was_seen(connect, llm, member, collection):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    first = await connect(member)
    await ask(first, collection)
    seen = await first.hear_until("stream_chunk")
    await first.connection.close()
    second = await connect(member)
    await second.say(type="resume", session_id=seen[0]["session_id"], after_seq=seen[-1]["seq"])
    gate.set()
    heard = await second.hear_until("message_saved")
    rest = [frame for frame in heard if frame["type"] != "session_changed"]  # a late hint
    assert [frame["seq"] for frame in seen + rest] == list(range(1, len(seen + rest) + 1))
    text = "".join(frame["content"] for frame in seen + rest if frame["type"] == "stream_chunk")
    assert text == rest[-2]["content"] == (await stored(rest[-1]["message_id"])).content


async def test_a_finished_answer_replays_whole_and_from_the_database_when_the_log_is_gone(
    connect, llm, member, collection
):
    from config import redis

    socket = await connect(member)
    await ask(socket, collection)
    frames = await socket.hear_until("message_saved")
    await socket.say(type="resume", session_id=frames[0]["session_id"], after_seq=0)
    assert await socket.hear_until("message_saved") == frames
    async with asyncio.timeout(5):
        while stream_log.written_here(frames[0]["message_id"]) is not None:
            await asyncio.sleep(0.01)
    redis.client().delete(redis.key("stream", str(frames[0]["message_id"])))
    await socket.say(type="resume", session_id=frames[0]["session_id"], after_seq=4)
    again = await socket.hear_until("message_saved")
    assert [frame["type"] for frame in again] == ["stream_end", "message_saved"]
    assert [frame["seq"] for frame in again] == [5, 6]
    assert again[0]["content"] == frames[-2]["content"]
    assert [s["marker"] for s in again[0]["sources"]] == [s["marker"] for s in frames[-2]["sources"]]


async def test_a_stop_from_a_second_socket_keeps_what_had_arrived_and_closes_the_llm(
    connect, llm, member, collection
):
    llm.script = [ANSWER[0], asyncio.Event()]
    first, second = await connect(member), await connect(member)
    await ask(first, collection)
    seen = await first.hear_until("stream_chunk")
    await second.say(type="stop", message_id=seen[0]["message_id"])
    rest = await first.hear_until("message_saved")
    assert rest[0]["type"] == "stream_end"
    assert rest[0]["finish_reason"] == "stopped"
    assert rest[0]["content"] == ANSWER[0]
    assert llm.closed == 1
    message = await stored(seen[0]["message_id"])
    assert (message.status, message.content, message.error_code) == ("stopped", ANSWER[0], "")
    await second.say(type="stop", message_id=message.pk)
    frames = await second.hear_until("error")
    assert frames[-1]["code"] == "not_streaming"


async def test_readers_in_other_processes_see_the_same_frames_through_redis(
    connect, llm, member, collection, monkeypatch
):
    gate = asyncio.Event()
    llm.script = [*ANSWER[:2], gate, *ANSWER[2:]]
    here, elsewhere = await connect(member), await connect(member)
    await ask(here, collection)
    seen = await here.hear_until("stream_chunk")
    monkeypatch.setattr(stream_log, "written_here", lambda message_id: None)  # as in another process
    await elsewhere.say(type="resume", session_id=seen[0]["session_id"], after_seq=0)
    replayed = [frame for frame in await elsewhere.hear_until("stream_chunk") if "seq" in frame]
    gate.set()
    heard = seen + await here.hear_until("message_saved")
    rest = [frame for frame in await elsewhere.hear_until("message_saved") if "seq" in frame]  # no hints
    assert replayed + rest == heard


async def test_who_is_ahead_of_redis_is_not_shown_anything_twice(
    connect, llm, member, collection, monkeypatch
):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    socket, other = await connect(member), await connect(member)
    await ask(socket, collection)
    seen = await socket.hear_until("stream_chunk")
    monkeypatch.setattr(stream_log, "written_here", lambda message_id: None)
    ahead = seen[-1]["seq"] + 1  # a frame that he saw in the writer's process, and that Redis has not yet
    await other.say(type="resume", session_id=seen[0]["session_id"], after_seq=ahead)
    await asyncio.sleep(0.3)
    gate.set()
    rest = [frame for frame in await other.hear_until("message_saved") if "seq" in frame]  # no hints
    assert [frame["seq"] for frame in rest] == list(range(ahead + 1, rest[-1]["seq"] + 1))


async def test_a_stop_reaches_a_generation_of_another_process(connect, llm, member, collection):
    from chat.engine import stop

    llm.script = [ANSWER[0], asyncio.Event()]
    socket = await connect(member)
    await ask(socket, collection)
    seen = await socket.hear_until("stream_chunk")
    await stop.ask(seen[0]["message_id"])
    async with asyncio.timeout(2):
        rest = await socket.hear_until("message_saved")
    assert rest[0]["finish_reason"] == "stopped"


async def test_two_messages_at_once_in_one_session_are_refused_as_busy(connect, llm, member, collection):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate]
    socket = await connect(member)
    await ask(socket, collection)
    seen = await socket.hear_until("stream_chunk")
    session_id = seen[0]["session_id"]
    await ask(socket, collection, session_id=session_id, client_id="second")
    error = (await socket.hear_until("error"))[-1]
    assert (error["code"], error["client_id"], error["retryable"]) == ("session_busy", "second", True)
    assert error["refused"] == "chat"
    assert await in_thread(Message.objects.filter(session=session_id).count) == 2
    gate.set()
    await socket.hear_until("message_saved")
    await ask(socket, collection, session_id=session_id)
    await socket.hear_until("message_saved")


async def test_a_stop_that_the_database_cannot_hear_is_told_as_one(
    connect, llm, member, collection, monkeypatch
):
    def away(_scope):
        raise OperationalError

    llm.script = [ANSWER[0], asyncio.Event()]
    socket = await connect(member)
    await ask(socket, collection)
    answer = (await socket.hear_until("stream_chunk"))[-1]["message_id"]
    with monkeypatch.context() as patched:
        patched.setattr(consumers, "user_now", away)
        await socket.say(type="stop", message_id=answer)
        error = (await socket.hear_until("error"))[-1]
    assert (error["refused"], error["message_id"], error["retryable"]) == ("stop", answer, True)
    await socket.say(type="stop", message_id=answer)
    assert (await socket.hear_until("message_saved"))[-2]["finish_reason"] == "stopped"


async def test_an_answer_that_cannot_be_read_on_is_not_told_as_the_refusal_of_a_frame(
    connect, llm, member, collection, monkeypatch
):
    async def failing(*_args):
        raise OperationalError
        yield

    monkeypatch.setattr(follow, "follow", failing)
    socket = await connect(member)
    await ask(socket, collection)
    error = await socket.hear()
    assert (error["code"], error["retryable"], "refused" in error) == ("service_unavailable", True, False)
    (answer,) = await in_thread(list, Message.objects.filter(role="assistant"))
    assert error["message_id"] == answer.pk


async def test_an_llm_error_in_mid_stream_keeps_the_partial_text(connect, llm, member, collection):
    llm.script = [ANSWER[0], ANSWER[1], VerbatimError(ErrorCode.LLM_SERVER_ERROR)]
    socket = await connect(member)
    await ask(socket, collection)
    frames = await socket.hear_until("message_saved")
    error, end = frames[-3:-1]
    assert (error["type"], error["code"], error["retryable"]) == ("error", "llm_server_error", True)
    assert (end["finish_reason"], end["content"]) == ("error", ANSWER[0] + ANSWER[1])
    message = await stored(end["message_id"])
    assert (message.status, message.content) == ("failed", ANSWER[0] + ANSWER[1])
    assert message.error_code == "llm_server_error"


async def test_an_unexpected_error_is_told_as_such_and_stored(connect, llm, member, collection):
    llm.script = [ANSWER[0], RuntimeError("secret detail")]
    socket = await connect(member)
    await ask(socket, collection)
    frames = await socket.hear_until("message_saved")
    assert frames[-3]["code"] == "server_error"
    assert "secret" not in str(frames)
    assert (await stored(frames[0]["message_id"])).status == "failed"


async def test_a_strict_model_refuses_without_calling_the_llm_and_names_what_is_near(
    connect, llm, member, collection
):
    socket = await connect(member)
    await ask(socket, collection, "zxqv blorp quux frobnicate")
    frames = await socket.hear_until("message_saved")
    assert [frame["type"] for frame in frames if frame["type"] != "stream_chunk"] == [
        *("user_message", "sources", "stream_start", "stream_end", "message_saved")
    ]
    assert frames[1]["sources"] == []
    assert "will not guess" in frames[-2]["content"]
    assert llm.calls == []
    message = await stored(frames[0]["message_id"])
    assert message.status == "complete"
    assert message.trace.data["refused"] is True


async def test_a_question_before_any_document_is_ready_is_told_so_without_the_llm(
    connect, llm, member, admin, collection
):
    await in_thread(Document.objects.filter(collection=collection).delete)
    socket = await connect(member)
    await ask(socket, collection)
    frames = await socket.hear_until("message_saved")
    assert "holds no documents yet" in frames[-2]["content"]
    await in_thread(add_document, collection, admin, "new.txt", ["Staff have 25 days of annual leave."])
    unfinished = {"status": Status.PROCESSING, "active_generation": None}
    await in_thread(Document.objects.filter(collection=collection).update, **unfinished)
    await ask(socket, collection)
    frames = await socket.hear_until("message_saved")
    assert "still being processed" in frames[-2]["content"]
    assert frames[-2]["finish_reason"] == "stop"
    assert frames[-2]["sources"] == []
    assert llm.calls == []


async def test_an_assist_model_asks_the_llm_although_nothing_was_found(connect, llm, member, collection):
    await in_thread(Collection.objects.filter(pk=collection.pk).update, answer_mode=AnswerMode.ASSIST)
    llm.script = ["I only know this in general."]
    socket = await connect(member)
    await ask(socket, collection, "zxqv blorp quux frobnicate")
    frames = await socket.hear_until("message_saved")
    assert frames[-2]["content"] == llm.script[0]
    assert len(llm.calls) == 1


async def test_a_second_turn_searches_with_the_history_and_tells_it_to_the_llm(
    connect, llm, member, collection
):
    socket = await connect(member)
    await ask(socket, collection)
    session_id = (await socket.hear_until("message_saved"))[0]["session_id"]
    await ask(socket, collection, "And for the hotel?", session_id=session_id)
    frames = await socket.hear_until("message_saved")
    trace = (await stored(frames[0]["message_id"])).trace.data
    assert trace["rewritten"] == f"{QUESTION[:-1]} for the hotel?"
    (found,) = [frame for frame in frames if frame["type"] == "sources"]
    assert found["searched_for"] == frames[-2]["searched_for"] == trace["rewritten"]
    assert "".join(ANSWER[:3]) in str(llm.calls[-1].messages)


async def test_regenerating_makes_another_version_of_the_answer(connect, llm, member, collection):
    socket = await connect(member)
    await ask(socket, collection)
    old = (await socket.hear_until("message_saved"))[0]["message_id"]
    await socket.say(type="regenerate", message_id=old)
    frames = await socket.hear_until("message_saved")
    assert frames[0]["type"] == "sources"
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    new = frames[0]["message_id"]
    assert new != old
    answer = await stored(new)
    assert answer.parent_id == (await stored(old)).parent_id
    assert answer.session.head_id == new


async def test_another_tab_is_told_and_the_asking_one_is_not(connect, llm, member, stranger, collection):
    asking, other, foreign = await connect(member), await connect(member), await connect(stranger)
    await ask(asking, collection)
    hint = await other.hear()
    assert hint["type"] == "session_changed"
    frames = await asking.hear_until("message_saved")
    assert hint["session_id"] == frames[0]["session_id"]
    await foreign.silence()


async def test_text_that_postgresql_refuses_is_stored_without_it(connect, llm, member, collection):
    llm.script = ["a\x00b\ud800c"]
    socket = await connect(member)
    await ask(socket, collection, QUESTION + "\x00\ud800")
    frames = await socket.hear_until("message_saved")
    assert frames[0]["message"]["content"] == QUESTION + "?"
    assert (await stored(frames[0]["message_id"])).content == frames[-2]["content"] == "ab?c"


async def test_a_session_that_is_deleted_in_mid_answer_ends_the_answer(connect, llm, member, collection):
    llm.script = [ANSWER[0], asyncio.Event()]
    socket = await connect(member)
    await ask(socket, collection)
    seen = await socket.hear_until("stream_chunk")
    await in_thread(lambda: services.session_delete(session=ChatSession.objects.get()))
    rest = await socket.hear_until("stream_end")
    assert rest[-2]["code"] == "not_found"
    assert llm.closed == 1
    assert seen[0]["session_id"] == rest[-1]["session_id"]


async def test_access_that_is_taken_away_ends_the_answer(connect, llm, member, collection):
    llm.script = [ANSWER[0], asyncio.Event()]
    socket = await connect(member)
    await ask(socket, collection)
    seen = await socket.hear_until("stream_chunk")
    await in_thread(collection.users.clear)
    async with asyncio.timeout(5):
        rest = await socket.hear_until("message_saved")
    assert rest[-3]["code"] == "access_revoked"
    assert rest[-2]["sources"] == []
    assert (await stored(seen[0]["message_id"])).error_code == "access_revoked"
    await socket.say(type="resume", session_id=seen[0]["session_id"], after_seq=0)
    assert (await socket.hear())["code"] == "not_found"
