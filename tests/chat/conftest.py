"""A real server with a scripted LLM behind it, real passages, and clients for its sockets."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from django.core.cache import cache

from accounts import tokens
from accounts.models import User
from chat.engine import repair, stream_log
from chat.engine.threads import in_thread
from chat.llm import registry, windows
from chat.llm.base import Finished, LLMConfig, LLMEvent, LLMRequest, TextDelta
from chat.models import Message
from collections_app.models import Collection
from config import redis
from config.asgi import application
from config.embedded import ports
from documents.embedding.registry import get_embedder
from documents.models import Chunk, Document, Status

TEXTS = [
    "Full-time staff have 25 days of annual leave in each calendar year.",
    "A hotel may cost at most 120 euros per night, breakfast included.",
    "The Harbour Branch opened in 1987 and is managed by Ines Duarte.",
]
QUESTION = "How many days of annual leave do full-time staff have?"
ANSWER = ["Full-time staff", " have 25 days", " of annual leave", " [1]."]


@dataclass
class ScriptedLLM:
    """Says `script`, piece by piece: texts or the adapters' events; exceptions are raised, events awaited."""

    script: list[Any] = field(default_factory=lambda: list(ANSWER))
    delay: float = 0.0
    calls: list[LLMRequest] = field(default_factory=list)
    closed: int = 0
    config: LLMConfig = field(default_factory=lambda: LLMConfig("extractive"))

    async def stream(self, request: LLMRequest) -> AsyncIterator[LLMEvent]:
        self.calls.append(request)
        try:
            for step in self.script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                    continue
                yield step if isinstance(step, LLMEvent) else TextDelta(step)
                if isinstance(step, Finished):
                    return
                await asyncio.sleep(self.delay)
            yield Finished("stop", {"prompt_tokens": 7, "completion_tokens": 4})
        finally:
            self.closed += 1

    async def models(self) -> list[str]:
        return []

    async def window(self) -> int | None:
        return None

    async def tokens(self, messages) -> int | None:
        return None


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch) -> ScriptedLLM:
    scripted = ScriptedLLM()
    monkeypatch.setattr(registry, "build", lambda config: scripted)
    return scripted


@pytest.fixture
def passages(transactional_db, collection: Collection, admin: User) -> Document:
    """A completed document whose chunks are TEXTS."""
    return add_document(collection, admin, "handbook.txt", TEXTS)


def add_document(collection: Collection, admin: User, name: str, texts: list[str], **fields: Any) -> Document:
    document = Document.objects.create(
        collection=collection,
        name=name,
        media_type="text/plain",
        size=10,
        sha256=uuid.uuid4().hex * 2,
        status=Status.COMPLETED,
        chunk_count=len(texts),
        generation=1,
        active_generation=1,
        embedding_model=collection.embedding_model,
        served_chunks=len(texts),
        served_tokens=20 * len(texts),
        uploaded_by=admin,
        **fields,
    )
    vectors = get_embedder().embed(texts)
    Chunk.objects.bulk_create(
        Chunk(
            document=document,
            collection=collection,
            session_id=document.session_id,
            generation=1,
            part_index=0,
            index=index,
            content=text,
            line_from=index + 1,
            line_to=index + 1,
            char_start=0,
            char_end=len(text),
            token_count=20,
            embedding=list(map(float, vector)),
        )
        for index, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    )
    return document


@pytest.fixture(autouse=True)
def _no_memory():
    windows.forget()
    cache.clear()  # the whole database of this run's own Redis: message ids start again in each test


def suspected(message_id: int, seconds: float = repair.DOUBT_SECONDS) -> None:
    """As if the answer had been found silent for the first time so many seconds ago."""
    left = repair.SUSPECT_SECONDS - seconds
    redis.client().set(stream_log.suspect_key(message_id), 1, px=int(left * 1000))


@asynccontextmanager
async def serve() -> AsyncIterator[int]:
    """The product's ASGI application behind uvicorn, on this test's event loop."""
    port = ports.any_free()
    server = uvicorn.Server(
        uvicorn.Config(application, port=port, log_config=None, lifespan="on", timeout_graceful_shutdown=3)
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    while not server.started:
        assert not task.done(), task
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def server(passages) -> AsyncIterator[int]:
    async with serve() as port:
        yield port


@pytest.fixture
async def http(server, member):
    access = (await in_thread(tokens.issue, member))["access"]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server}",
        headers={"Authorization": f"Bearer {access}"},
        trust_env=False,
        timeout=20,
    ) as client:
        yield client


class Socket:
    """A client of /api/chat/ws."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def hear(self, seconds: float = 15) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            return json.loads(await self.connection.recv())

    async def hear_until(self, kind: str) -> list[dict[str, Any]]:
        frames = [await self.hear()]
        while frames[-1]["type"] != kind:
            frames.append(await self.hear())
        return frames

    async def silence(self, seconds: float = 0.3) -> None:
        with pytest.raises(TimeoutError):
            await self.hear(seconds)

    async def closed_with(self, seconds: float = 10) -> int:
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.connection.recv()
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 0


@pytest.fixture
async def connect(server: int) -> AsyncIterator[Callable]:
    """A function: user -> an open `Socket` of his."""
    opened = []

    async def open_socket(user: User, path: str = "/api/chat/ws") -> Socket:
        access = (await in_thread(tokens.issue, user))["access"]
        connection = await websockets.connect(f"ws://127.0.0.1:{server}{path}?token={access}", proxy=None)
        opened.append(connection)
        return Socket(connection)

    yield open_socket
    for connection in opened:
        await connection.close()


async def stored(message_id: int) -> Message:
    """The message as the database has it."""
    return await in_thread(
        lambda: (
            Message.objects.select_related("session", "trace").prefetch_related("sources").get(pk=message_id)
        )
    )
