"""Clients that have no socket read on and stop over HTTP: the same frames, numbers and refusals."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from django.db import connection

from accounts import open_sockets, tokens
from chat.api import running
from chat.engine import runs, stop
from chat.engine.threads import in_thread
from chat.models import Message
from config import redis
from tests.chat.conftest import ANSWER, QUESTION, stored

pytestmark = pytest.mark.django_db(transaction=True)


async def frames_of(http, path: str, body: dict | None = None, until: str = "") -> list[dict]:
    """The frames of a stream; with `until` only up to the first of that type, then who reads leaves."""
    frames = []
    async with http.stream("POST" if body else "GET", path, json=body) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            if line.startswith("data: "):
                frames.append(json.loads(line[6:]))
                assert frames[-1]["seq"] == number
                if frames[-1]["type"] == until:
                    break
    return frames


@pytest.fixture
async def begun(http, llm, collection):
    """The first frames of an answer that is being written, and the gate that lets it go on."""
    gate = asyncio.Event()
    llm.script = [*ANSWER[:2], gate, *ANSWER[2:]]
    body = {"model_id": collection.pk, "message": QUESTION}
    yield await frames_of(http, "/api/chat/stream", body, until="stream_chunk"), gate
    gate.set()


async def test_who_left_reads_on_from_where_he_was_and_misses_nothing(http, begun):
    seen, gate = begun
    path = f"/api/chat/messages/{seen[0]['message_id']}/stream"
    asyncio.get_running_loop().call_later(0.3, gate.set)
    rest = await frames_of(http, f"{path}?after_seq={seen[-1]['seq']}")
    frames = [*seen, *rest]
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    text = "".join(frame["content"] for frame in frames if frame["type"] == "stream_chunk")
    assert text == "".join(ANSWER)
    assert frames[-1]["type"] == "message_saved"
    assert await frames_of(http, path) == frames  # replayed as a whole
    assert await frames_of(http, f"{path}?after_seq=999999") == frames  # it never had so many


@pytest.mark.parametrize("after", ["-1", "x", "9223372036854775808"])
async def test_a_number_that_cannot_be_is_refused(http, begun, after):
    path = f"/api/chat/messages/{begun[0][0]['message_id']}/stream?after_seq={after}"
    refused = await http.get(path, headers={"Accept": "text/event-stream"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "validation_error")


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_an_answer_is_stopped_also_on_another_web_process(http, llm, begun, monkeypatch, elsewhere):
    message_id = begun[0][0]["message_id"]
    if elsewhere:  # the key in Redis alone tells its writer
        monkeypatch.setattr(runs, "_running", {})
    stopped = await http.post(f"/api/chat/messages/{message_id}/stop")
    assert (stopped.status_code, stopped.content) == (204, b"")
    rest = await frames_of(http, f"/api/chat/messages/{message_id}/stream")
    end = next(frame for frame in rest if frame["type"] == "stream_end")
    assert (end["finish_reason"], end["content"]) == ("stopped", "".join(ANSWER[:2]))
    assert (await stored(message_id)).status == "stopped"
    assert llm.closed == 1
    again = await http.post(f"/api/chat/messages/{message_id}/stop")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_streaming")


async def test_stopping_elsewhere_without_redis_can_be_tried_again(http, begun, monkeypatch):
    async def away(*args, **kwargs):
        raise ConnectionError("Redis is away")

    monkeypatch.setattr(runs, "_running", {})
    monkeypatch.setattr(stop, "ask", away)
    refused = await http.post(f"/api/chat/messages/{begun[0][0]['message_id']}/stop")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "service_unavailable")


async def test_nobody_reads_or_stops_what_is_not_his(http, begun, stranger, admin, superadmin):
    seen, gate = begun
    message_id = seen[0]["message_id"]
    question_id = seen[0]["message"]["id"]
    for person in (stranger, admin, superadmin):
        access = (await in_thread(tokens.issue, person))["access"]
        headers = {"Authorization": f"Bearer {access}"}
        async with httpx.AsyncClient(base_url=http.base_url, headers=headers, trust_env=False) as other:
            for one in (message_id, question_id, 999_999):
                assert (await other.post(f"/api/chat/messages/{one}/stop")).status_code == 404
                assert (await other.get(f"/api/chat/messages/{one}/stream")).status_code == 404
    assert (await http.post(f"/api/chat/messages/{question_id}/stop")).status_code == 404
    gate.set()
    end = (await frames_of(http, f"/api/chat/messages/{message_id}/stream"))[-2]
    assert end["content"] == "".join(ANSWER)
    assert await in_thread(Message.objects.count) == 2


class Followers:
    """Streams that are read on, and the places that they take."""

    def __init__(self, http, member) -> None:
        self.http = http
        self.key = redis.key("sockets", str(member.pk))

    @asynccontextmanager
    async def reading(self, method: str, path: str, body: dict | None = None):
        """A reader who has got the first event."""
        async with self.http.stream(method, path, json=body) as response:
            assert response.status_code == 200, await response.aread()
            lines = response.aiter_lines()
            await anext(lines)
            yield lines

    async def count(self) -> int:
        return await in_thread(redis.client().zcard, self.key)

    async def are(self, number: int) -> None:
        async with asyncio.timeout(3):
            while await self.count() != number:
                await asyncio.sleep(0.02)


@pytest.fixture
def followers(http, member, settings):
    settings.MAX_SOCKETS_PER_USER = 2
    return Followers(http, member)


def assert_too_many(refused) -> None:
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_sockets")


async def test_who_reads_over_http_counts_like_a_socket(http, begun, followers, connect, member):
    seen, gate = begun
    path = f"/api/chat/messages/{seen[0]['message_id']}/stream"
    await followers.are(0)  # who asked has left
    socket = await connect(member)
    async with followers.reading("GET", path):
        assert_too_many(await http.get(path))
        refused = await connect(member)
        assert await refused.closed_with() == 4429
    await followers.are(1)
    async with followers.reading("GET", path) as lines:
        gate.set()
        assert "message_saved" in [line async for line in lines if line.startswith("data: ")][-1]
        await followers.are(1)  # also before its reader closes the connection
    await socket.connection.close()
    await followers.are(0)


@pytest.mark.parametrize("path", ["/api/chat/stream", "/api/chat/chat"])
async def test_a_question_that_is_sent_again_and_again_has_no_more_readers_than_that(
    http, llm, collection, followers, path
):
    gate = asyncio.Event()
    llm.script = [*ANSWER[:2], gate, *ANSWER[2:]]
    body = {"model_id": collection.pk, "message": QUESTION, "client_id": "one"}
    waiting = [asyncio.create_task(http.post(path, json=body)) for _ in range(2)]
    await followers.are(2)
    assert_too_many(await http.post(path, json=body))
    assert_too_many(await http.post(path, json=body | {"client_id": "two"}))
    gate.set()
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200]
    await followers.are(0)
    assert await in_thread(Message.objects.count) == 2  # what was refused has begun nothing


async def test_what_is_refused_takes_no_place(http, collection, followers):
    for _ in range(3):
        refused = await http.post("/api/chat/stream", json={"model_id": 999_999, "message": QUESTION})
        assert refused.status_code == 404
    assert await followers.count() == 0


async def test_a_stream_that_nobody_begins_to_read_runs_out(member, monkeypatch):
    monkeypatch.setattr(open_sockets, "COUNTS_SECONDS", 0.3)
    monkeypatch.setattr(open_sockets, "RENEW_SECONDS", 0.1)
    await open_sockets.enter(member.pk)
    await asyncio.sleep(0.5)
    async with await open_sockets.enter(member.pk):
        await asyncio.sleep(0.5)
        assert await in_thread(redis.client().zcard, redis.key("sockets", str(member.pk))) == 1


@pytest.mark.parametrize("where", [(running, "resume_point"), (open_sockets, "enter")])
async def test_no_database_connection_is_held_while_redis_is_asked(http, begun, member, monkeypatch, where):
    asked = getattr(*where)
    pool = connection.pool

    async def looking(*args):
        async with asyncio.timeout(3):  # the answer that is being written takes one now and then
            while (stats := pool.get_stats())["pool_size"] - stats["pool_available"] > 1:  # this test's own
                await asyncio.sleep(0.02)
        return await asked(*args)

    monkeypatch.setattr(*where, looking)
    seen, gate = begun
    gate.set()
    frames = await frames_of(http, f"/api/chat/messages/{seen[0]['message_id']}/stream")
    assert frames[-1]["type"] == "message_saved"
