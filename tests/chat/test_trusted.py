"""What was shown when a question was asked over HTTP has to hold while the answer is handed out."""

import asyncio
import json
from datetime import timedelta
from itertools import product

import httpx
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts import api_keys, tokens
from accounts.services import tokens_revoke
from chat.api import pauses
from chat.engine.threads import in_thread
from chat.models import Message
from tests.chat.conftest import ANSWER, QUESTION, stored

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = ("/api/chat/stream", "/api/chat/chat")
V1 = "/v1/chat/completions"


def with_key(member):
    key, raw = api_keys.key_create(user=member, name="Script")
    return {"Authorization": f"Bearer {raw}"}, lambda: api_keys.key_delete(actor=member, key=key)


def with_token(member):
    access = tokens.issue(member)["access"]
    return {"Authorization": f"Bearer {access}"}, lambda: tokens_revoke(user=member)


def with_page_session(member):
    client = Client()
    client.force_login(member)
    token = "a" * 32
    cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={token}"
    return {"Cookie": cookies, "X-CSRFToken": token}, client.logout


@pytest.fixture(params=[with_key, with_token, with_page_session])
async def reader(request, server, member, monkeypatch):
    """A client that is signed in, and the function that ends what it shows."""
    monkeypatch.setattr(pauses, "TRUST_SECONDS", 0.1)
    headers, end = await in_thread(request.param, member)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server}", headers=headers, trust_env=False, timeout=10
    ) as client:
        yield client, lambda: in_thread(end)


async def events_of(response):
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line[6:])


async def test_the_event_stream_ends_soon_after_what_was_shown_and_the_answer_goes_on(
    reader, llm, collection
):
    client, end = reader
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    body = {"model_id": collection.pk, "message": QUESTION}
    seen = []
    async with client.stream("POST", "/api/chat/stream", json=body) as response:
        assert response.status_code == 200
        async for frame in events_of(response):
            seen.append(frame)
            if frame["type"] == "stream_chunk":
                await end()
    assert (seen[-1]["type"], seen[-1]["code"]) == ("error", "token_invalid")
    assert "seq" not in seen[-1]
    assert seen[-1]["message_id"] == seen[0]["message_id"]
    gate.set()
    async with asyncio.timeout(5):
        while (await stored(seen[0]["message_id"])).status == "streaming":
            await asyncio.sleep(0.05)
    assert (await stored(seen[0]["message_id"])).content == "".join(ANSWER)


def running_out_key(member):
    later = timezone.now() + timedelta(seconds=1.5)
    _, raw = api_keys.key_create(user=member, name="Script", expires_at=later)
    return {"Authorization": f"Bearer {raw}"}


def running_out_token(member):
    """One that has been out of date for all but the last seconds that clocks may differ by."""
    token = tokens.Access()
    token["user_id"], token["token_version"] = str(member.pk), member.token_version
    now = timezone.now() - timedelta(seconds=settings.CLOCK_LEEWAY_SECONDS)
    token.set_exp(from_time=now, lifetime=timedelta(seconds=2.5))
    return {"Authorization": f"Bearer {token}"}


def running_out_page_session(member):
    headers, _ = with_page_session(member)
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=1.5))
    return headers


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        *product(PATHS, [running_out_key, running_out_token, running_out_page_session]),
        *product([V1], [running_out_key, running_out_token]),  # it takes bearers only
    ],
)
async def test_what_runs_out_ends_the_reading_and_not_the_answer(
    server, member, llm, collection, monkeypatch, shows, path
):
    monkeypatch.setattr(pauses, "TRUST_SECONDS", 0.1)
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    body = {"model_id": collection.pk, "message": QUESTION}
    if path == V1:
        body = {"model": str(collection.pk), "messages": [{"role": "user", "content": QUESTION}]}
    headers = await in_thread(shows, member)
    base = f"http://127.0.0.1:{server}"
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=10) as client:
        told = await client.post(path, json=body)
    assert told.status_code == (200 if path.endswith("stream") else 401)
    assert told.text.count("token_invalid") == 1
    answer = await in_thread(Message.objects.get, role="assistant")
    gate.set()
    async with asyncio.timeout(5):
        while (await stored(answer.pk)).status == "streaming":
            await asyncio.sleep(0.05)
    assert (await stored(answer.pk)).status == ("stopped" if path == V1 else "complete")


@pytest.mark.parametrize("goes_on", [False, True])
async def test_who_waits_for_the_whole_answer_is_refused_too(reader, llm, collection, monkeypatch, goes_on):
    client, end = reader
    if goes_on:  # by the look at the end alone; else while it waits
        monkeypatch.setattr(pauses, "TRUST_SECONDS", 3600.0)
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    body = {"model_id": collection.pk, "message": QUESTION}
    asking = asyncio.create_task(client.post("/api/chat/chat", json=body))
    async with asyncio.timeout(5):
        while not llm.calls:
            await asyncio.sleep(0.02)
    await end()
    if goes_on:
        gate.set()
    refused = await asking
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "token_invalid")
    assert ANSWER[0] not in refused.text
    gate.set()


async def test_an_answer_is_handed_out_while_nobody_can_look(reader, llm, collection, monkeypatch):
    def look(shown):
        raise OperationalError("the server closed the connection")

    client, _ = reader
    monkeypatch.setattr(tokens, "still_holds", look)
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    asyncio.get_running_loop().call_later(0.5, gate.set)
    body = {"model_id": collection.pk, "message": QUESTION}
    async with client.stream("POST", "/api/chat/stream", json=body) as response:
        kinds = [frame["type"] async for frame in events_of(response)]
    assert kinds[-2:] == ["stream_end", "message_saved"]
    assert (await in_thread(Message.objects.get, role="assistant")).content == "".join(ANSWER)
