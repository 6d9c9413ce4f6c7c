"""What an answer survives: a dead process, a process that ends, Redis away or emptied, a crowd."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from accounts import tokens
from chat import consumers, services
from chat.engine import citations, follow, publish, repair, runs, stream_log
from chat.engine.threads import in_thread
from chat.models import Message
from config import redis
from config.embedded import ports
from tests.chat.conftest import ANSWER, QUESTION, serve, stored, suspected
from tests.conftest import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def ask(member, collection):
    return services.question_ask(user=member, collection=collection, message=QUESTION)


def age(message_id: int, seconds: float) -> None:
    Message.objects.filter(pk=message_id).update(
        created_at=timezone.now() - timezone.timedelta(seconds=seconds)
    )


def test_an_answer_without_a_heartbeat_becomes_interrupted_with_what_had_arrived(member, collection):
    session, _, answer = ask(member, collection)
    services.answers_progress(contents={answer.pk: "Full-time"})
    assert repair.repair_all() == 0  # it has only just begun
    age(answer.pk, 30)
    redis.client().set(stream_log.alive_key(answer.pk), 1, ex=60)
    assert repair.repair_all() == 0  # somebody writes it
    redis.client().delete(stream_log.alive_key(answer.pk))
    assert repair.repair_session(session.pk) == 0  # perhaps Redis was away
    suspected(answer.pk)
    assert repair.repair_session(session.pk) == 1
    answer.refresh_from_db()
    assert (answer.status, answer.content, answer.error_code) == ("interrupted", "Full-time", "interrupted")


def test_the_beat_task_repairs_and_reading_the_session_does(member, collection, client_for):
    from chat.tasks import repair_answers

    session, _, answer = ask(member, collection)
    age(answer.pk, 30)
    assert repair_answers() == 0
    suspected(answer.pk)
    listed = client_for(member).get(f"/api/chat/sessions/{session.pk}/messages").json()["results"]
    assert listed[1]["status"] == "interrupted"
    assert listed[1]["error"]["code"] == "interrupted"
    assert listed[1]["error"]["retryable"] is True
    assert repair_answers() == 0


def test_an_answer_that_was_wrongly_taken_for_dead_is_completed_all_the_same(member, collection):
    _, _, answer = ask(member, collection)
    services.answers_interrupt(message_ids=[answer.pk])
    done = services.AnswerResult(status="complete", content="All of it.", finish_reason="stop")
    assert services.answer_finish(message_id=answer.pk, result=done) is not None
    answer.refresh_from_db()
    assert (answer.status, answer.content, answer.error_code) == ("complete", "All of it.", "")


async def test_the_next_question_in_a_session_repairs_its_dead_answer(connect, llm, member, collection):
    session, _, answer = await in_thread(ask, member, collection)
    socket = await connect(member)
    body = {"type": "chat", "model_id": collection.pk, "message": QUESTION, "session_id": str(session.pk)}
    await socket.say(**body)
    assert (await socket.hear_until("error"))[-1]["code"] == "session_busy"
    await in_thread(age, answer.pk, 30)
    await in_thread(suspected, answer.pk)
    await socket.say(**body)
    await socket.hear_until("message_saved")
    assert (await stored(answer.pk)).status == "interrupted"


async def test_who_follows_a_dead_answer_is_told_that_it_was_interrupted(connect, llm, member, collection):
    session, _, answer = await in_thread(ask, member, collection)
    await in_thread(services.answers_progress, contents={answer.pk: "Full-time"})
    await in_thread(age, answer.pk, 30)
    await in_thread(suspected, answer.pk)
    socket = await connect(member)
    await socket.say(type="resume", session_id=str(session.pk), after_seq=7)
    frames = await socket.hear_until("message_saved")
    assert [frame["type"] for frame in frames] == ["error", "stream_end", "message_saved"]
    assert [frame["seq"] for frame in frames] == [8, 9, 10]
    assert (frames[0]["code"], frames[1]["content"]) == ("interrupted", "Full-time")


async def test_a_process_that_ends_marks_its_answers_interrupted(passages, llm, member, collection):
    llm.script = [ANSWER[0], asyncio.Event()]
    async with serve():
        started = await runs.ask(user=member, model_id=collection.pk, message=QUESTION)
        async with asyncio.timeout(5):
            while not llm.calls:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
    message = await stored(started.message_id)
    assert (message.status, message.content) == ("interrupted", ANSWER[0])
    assert llm.closed == 1


async def test_redis_that_comes_back_empty_in_mid_answer_loses_no_frame(connect, llm, member, collection):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    first = await connect(member)
    await first.say(type="chat", model_id=collection.pk, message=QUESTION)
    seen = await first.hear_until("stream_chunk")
    redis.client().flushall()
    publish.here().redis_failed(ConnectionError("as if"))  # what the writer notices of a restart
    gate.set()
    rest = await first.hear_until("message_saved")
    assert [frame["seq"] for frame in seen + rest] == list(range(1, len(seen + rest) + 1))
    second = await connect(member)
    await second.say(type="resume", session_id=seen[0]["session_id"], after_seq=0)
    assert await second.hear_until("message_saved") == seen + rest


async def test_an_answer_is_written_and_stored_while_redis_is_away(
    passages, llm, member, collection, monkeypatch
):
    monkeypatch.setattr(settings, "REDIS_URL", "unix:///nowhere/redis.sock")
    await stream_log.close()
    started = await runs.ask(user=member, model_id=collection.pk, message=QUESTION)
    _, task = runs._running[started.message_id]
    await task
    message = await stored(started.message_id)
    assert (message.status, message.content) == ("complete", "".join(ANSWER))
    await stream_log.close()


async def test_no_database_connection_is_held_while_the_llm_writes(connect, llm, member, collection):
    llm.script = [ANSWER[0], asyncio.Event()]
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    seen = await socket.hear_until("stream_chunk")
    pool = connection.pool
    async with asyncio.timeout(3):
        while (stats := pool.get_stats())["pool_size"] - stats["pool_available"] > 1:  # this test's own
            await asyncio.sleep(0.02)
    await socket.say(type="stop", message_id=seen[0]["message_id"])
    await socket.hear_until("message_saved")


async def test_many_answers_at_once_reach_each_their_own_reader(connect, llm, member, collection):
    def make_people() -> list:
        people = [make_user(f"reader{number}@example.com") for number in range(20)]
        collection.users.add(*people)
        return people

    sockets = [await connect(person) for person in await in_thread(make_people)]
    llm.delay = 0.01
    for number, one in enumerate(sockets):
        await one.say(
            type="chat", model_id=collection.pk, message=f"{QUESTION} ({number})", client_id=str(number)
        )
    answers = await asyncio.gather(*(one.hear_until("message_saved") for one in sockets))
    for number, frames in enumerate(answers):
        assert frames[0]["client_id"] == str(number)
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        assert len({frame["message_id"] for frame in frames}) == 1
    assert len({frames[0]["session_id"] for frames in answers}) == 20


def test_a_killed_server_leaves_an_answer_that_the_next_start_repairs(passages, member, collection):
    """A real process, killed in mid-answer; the next one marks the answer at its start."""
    collection.llm_provider, collection.llm_model_name = "custom", "m"
    llm_port = ports.any_free()
    collection.llm_base_url = f"http://127.0.0.1:{llm_port}/v1"
    collection.save()
    silent = socket.create_server(("127.0.0.1", llm_port))  # accepts, and never answers
    access = tokens.issue(member)["access"]
    first, port = _start_server()
    try:
        body = {"model_id": collection.pk, "message": QUESTION}
        headers = {"Authorization": f"Bearer {access}"}
        with httpx.stream(
            "POST", f"http://127.0.0.1:{port}/api/chat/stream", json=body, headers=headers, trust_env=False
        ) as response:
            assert response.status_code == 200
            assert any("user_message" in line for line in response.iter_lines())  # it has begun
            first.send_signal(signal.SIGKILL)
            first.wait(10)
    except httpx.TransportError:
        pass
    finally:
        first.kill()
    answer = Message.objects.get(role="assistant")
    assert answer.status == "streaming"
    age(answer.pk, 30)
    redis.client().delete(stream_log.alive_key(answer.pk))  # its seconds are over
    assert repair.repair_all() == 0
    suspected(answer.pk)
    second, _ = _start_server()
    try:
        answer.refresh_from_db()
        assert answer.status == "interrupted"
    finally:
        second.terminate()
        assert second.wait(20) in (0, -signal.SIGTERM)
        silent.close()


def _start_server() -> tuple[subprocess.Popen, int]:
    port = ports.any_free()
    url = settings.DATABASE_URL.rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)],
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return process, port
    raise AssertionError("the server did not start")


async def test_a_socket_that_does_not_read_is_closed_and_its_answer_goes_on(
    passages, llm, member, collection, monkeypatch
):
    monkeypatch.setattr(consumers, "SEND_SECONDS", 0.3)
    heard: asyncio.Queue[dict] = asyncio.Queue()
    closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def deaf(event: dict) -> None:
        if event["type"] == "websocket.close":
            closed.set_result(event["code"])
        elif event["type"] == "websocket.send":
            await asyncio.Event().wait()

    scope = {"type": "websocket", "user": member, "auth_expires": None, "auth_subprotocol": None}
    socket_task = asyncio.create_task(consumers.ChatConsumer.as_asgi()(scope, heard.get, deaf))
    heard.put_nowait({"type": "websocket.connect"})
    body = {"type": "chat", "model_id": collection.pk, "message": QUESTION}
    heard.put_nowait({"type": "websocket.receive", "text": json.dumps(body)})
    assert await asyncio.wait_for(closed, 5) == 4408
    heard.put_nowait({"type": "websocket.disconnect", "code": 4408})
    await asyncio.wait_for(socket_task, 5)
    async with asyncio.timeout(5):
        while await in_thread(Message.objects.filter(status="streaming").exists):
            await asyncio.sleep(0.05)
    assert (await in_thread(Message.objects.get, role="assistant")).content == "".join(ANSWER)


async def test_a_fault_in_the_citation_check_does_not_cost_the_answer(
    connect, llm, member, collection, monkeypatch
):
    monkeypatch.setattr(citations, "check", lambda text, passages: 1 / 0)
    reader = await connect(member)
    await reader.say(type="chat", model_id=collection.pk, message=QUESTION)
    frames = await reader.hear_until("message_saved")
    assert frames[-2]["content"] == "".join(ANSWER)
    assert (await stored(frames[0]["message_id"])).status == "complete"


async def test_an_answer_that_cannot_be_ended_lets_its_readers_go_and_is_repaired(
    passages, llm, member, collection, monkeypatch
):
    def fault(**_):
        raise RuntimeError("as if")

    monkeypatch.setattr(services, "answer_finish", fault)
    started = await runs.ask(user=member, model_id=collection.pk, message=QUESTION)
    following = asyncio.create_task(_last_of(started.message_id))
    _, task = runs._running[started.message_id]
    await task
    assert stream_log.written_here(started.message_id) is None
    assert not await stream_log.is_alive(started.message_id)
    await in_thread(age, started.message_id, 30)
    async with asyncio.timeout(10):
        assert (await following)["type"] == "message_saved"
    assert (await stored(started.message_id)).status == "interrupted"


async def _last_of(message_id: int) -> dict:
    return json.loads([text async for text in follow.follow(message_id)][-1])


async def test_who_leaves_while_his_question_is_stored_is_answered_all_the_same(
    passages, llm, member, collection, monkeypatch
):
    is_stored, go_on, kept = threading.Event(), threading.Event(), services.question_ask

    def slow(**asked):
        turn = kept(**asked)
        is_stored.set()
        assert go_on.wait(10)
        return turn

    monkeypatch.setattr(services, "question_ask", slow)
    asking = asyncio.create_task(runs.ask(user=member, model_id=collection.pk, message=QUESTION))
    assert await asyncio.to_thread(is_stored.wait, 10)
    asking.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    answer = await in_thread(Message.objects.get, role="assistant")
    async with asyncio.timeout(5):
        while (await stored_status(answer.pk)) != "complete":
            await asyncio.sleep(0.05)


async def stored_status(message_id: int) -> str:
    return (await in_thread(Message.objects.get, pk=message_id)).status


@pytest.mark.parametrize("other", ["ask", "delete"])
def test_storing_an_answer_and_who_holds_its_chat_do_not_wait_for_each_other(
    member, collection, monkeypatch, other
):
    session, _, answer = ask(member, collection)
    is_storing, go_on, kept = threading.Event(), threading.Event(), services.messages_with_details

    def slow(messages):
        is_storing.set()
        assert go_on.wait(10)
        return kept(messages)

    monkeypatch.setattr(services, "messages_with_details", slow)
    done = services.AnswerResult(status="complete", content="All of it.", finish_reason="stop")
    doing = {
        "ask": lambda: services.question_ask(
            user=member, collection=collection, message=QUESTION, session=session
        ),
        "delete": lambda: services.session_delete(session=session),
    }

    def in_its_own(work):
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        try:
            storing = pool.submit(
                in_its_own, lambda: services.answer_finish(message_id=answer.pk, result=done)
            )
            assert is_storing.wait(10)
            second = pool.submit(in_its_own, doing[other])
            wait_until_it_waits_for_a_lock()
        finally:
            go_on.set()
        assert storing.result().content == "All of it."
        second.result()


def wait_until_it_waits_for_a_lock() -> None:
    with connection.cursor() as cursor:
        for _ in range(200):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.05)
    raise AssertionError("nobody waits for a lock")


async def test_a_frame_that_comes_while_the_database_is_away_is_refused_and_the_socket_stays(
    connect, llm, member, collection, monkeypatch
):
    socket = await connect(member)

    def away(scope):
        raise OperationalError("as if")

    with monkeypatch.context() as patched:
        patched.setattr(consumers, "user_now", away)
        await socket.say(type="ping")
        assert (await socket.hear())["code"] == "service_unavailable"
    await socket.say(type="ping")
    assert (await socket.hear())["type"] == "pong"
