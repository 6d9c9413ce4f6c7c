"""Who writes an answer is heard, and nobody is taken for dead because Redis has forgotten whom it heard."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone
from redis.asyncio.client import Pipeline

from chat import services
from chat.engine import publish, repair, stop, stream_log
from chat.engine.threads import in_thread
from chat.models import Message
from config import redis
from tests.chat.conftest import ANSWER, QUESTION, suspected

pytestmark = pytest.mark.django_db(transaction=True)


def emptied() -> None:
    redis.client().flushall()


def long_away(message_id: int) -> None:
    """Redis was frozen, or out of reach, until all heartbeats had run out; the rest it has kept."""
    redis.client().delete(stream_log.alive_key(message_id))


@pytest.fixture
def open_answer(member, collection):
    """An answer that began 30 s ago, and whose writer lives."""
    _, _, answer = services.question_ask(user=member, collection=collection, message=QUESTION)
    Message.objects.filter(pk=answer.pk).update(created_at=timezone.now() - timedelta(seconds=30))
    beat(answer.pk)
    return answer


def beat(message_id: int) -> None:
    async def once() -> None:
        await stream_log.heartbeats([message_id])
        await stream_log.close()

    asyncio.run(once())


@pytest.mark.parametrize("lose", [lambda message_id: emptied(), long_away])
def test_silence_says_nothing_until_everybody_could_be_heard_again(open_answer, member, client_for, lose):
    lose(open_answer.pk)
    assert repair.repair_session(open_answer.session_id) == 0
    assert repair.repair_all() == 0
    listed = client_for(member).get(f"/api/chat/sessions/{open_answer.session_id}/messages").json()["results"]
    assert listed[1]["status"] == "streaming"
    suspected(open_answer.pk, repair.DOUBT_SECONDS - 1)
    assert repair.repair_all() == 0
    suspected(open_answer.pk)
    assert repair.repair_all() == 1


def test_an_older_suspicion_ends_with_the_next_heartbeat(open_answer):
    long_away(open_answer.pk)
    assert repair.repair_all() == 0
    suspected(open_answer.pk)
    beat(open_answer.pk)
    long_away(open_answer.pk)
    assert repair.repair_all() == 0


def test_a_suspicion_lasts_until_beat_looks_again_and_is_not_renewed_by_looking(open_answer, settings):
    long_away(open_answer.pk)
    assert repair.repair_all() == 0
    suspected(open_answer.pk, 5)
    assert repair.repair_all() == 0
    left = redis.client().ttl(stream_log.suspect_key(open_answer.pk))
    assert left <= repair.SUSPECT_SECONDS - 5
    every = settings.CELERY_BEAT_SCHEDULE["repair-answers"]["schedule"]
    assert every < repair.SUSPECT_SECONDS - repair.DOUBT_SECONDS


async def test_whoever_writes_is_heard_at_once_when_redis_is_back(
    connect, llm, member, collection, monkeypatch
):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate]
    socket = await connect(member)
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    message_id = (await socket.hear_until("stream_chunk"))[0]["message_id"]
    beats: list[set[int]] = []
    kept, asked = stream_log.heartbeats, stop.asked

    async def heartbeats(message_ids):
        await kept(message_ids)
        beats.append(set(message_ids))

    async def away(message_ids):
        monkeypatch.setattr(stop, "asked", asked)
        await in_thread(emptied)
        raise ConnectionError("as if")

    async with asyncio.timeout(5):
        while not await stream_log.is_alive(message_id):
            await asyncio.sleep(0.02)
    monkeypatch.setattr(stream_log, "heartbeats", heartbeats)
    monkeypatch.setattr(stop, "asked", away)
    async with asyncio.timeout(stream_log.BEAT_SECONDS - 2):  # before the next one is due
        while not beats:
            await asyncio.sleep(0.02)
    assert beats == [{message_id}]
    assert await stream_log.is_alive(message_id)
    gate.set()
    await socket.hear_until("message_saved")


async def test_looking_for_what_redis_forgot_while_frames_are_written_loses_none(monkeypatch):
    execute = Pipeline.execute

    async def late(pipe, **options):
        """Its answer comes when others have asked meanwhile."""
        commands = {command[0][0] for command in pipe.command_stack}
        replies = await execute(pipe, **options)
        await asyncio.sleep(0.2 if "XLEN" in commands else 0.05)
        return replies

    monkeypatch.setattr(Pipeline, "execute", late)
    monkeypatch.setattr(publish, "BATCH_SECONDS", 0)  # a write is always under way
    log, writer = stream_log.StreamLog("a chat", 987654), publish.here()
    for number in range(200):
        log.append("stream_chunk", content=str(number))
        writer.publish(log)
        if number == 60:
            writer.look_soon()
        await asyncio.sleep(0.003)
    await writer.settle(log, 5)
    log.end()
    kept = await stream_log.read(987654, 0)
    assert [frame.seq for frame in kept] == list(range(1, 201))
