"""Clients that have no socket read on and stop over HTTP: the same frames, numbers and refusals."""

import asyncio
import json

import httpx
import pytest

from accounts import tokens
from chat.engine import runs, stop
from chat.engine.threads import in_thread
from chat.models import Message
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
