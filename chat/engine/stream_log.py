"""The frames of one answer, in a Redis stream: any socket of any process replays and follows them.

The entry of frame n has the id `n-0`, so reading "after n" needs no search, and Redis itself refuses
to write one twice. The writer also keeps its frames in memory: Redis may go away and even come
back empty in the middle of an answer, and nothing is lost.
"""

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from chat.protocol import ServerFrame
from config import redis

log = logging.getLogger(__name__)

KEPT_SECONDS = 3600  # after the last frame
MAX_FRAMES = 50_000
HEARTBEAT_SECONDS = 20
REDIS_TIMEOUT = 3.0
MAX_CONNECTIONS = 5000  # one for each reader who waits, a few for the writers
RETRY_SECONDS = 0.5
BATCH = 500
REDIS_ERRORS = (RedisError, OSError)

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()


def client() -> Any:  # a `redis.asyncio.Redis`, whose own types do not know that protocol 2 answers in bytes
    """The running event loop's Redis client."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = Redis.from_url(
            settings.REDIS_URL,
            protocol=2,
            retry=Retry(NoBackoff(), 0),  # we try again ourselves, and keep talking meanwhile
            max_connections=MAX_CONNECTIONS,
            socket_timeout=REDIS_TIMEOUT,
            socket_connect_timeout=REDIS_TIMEOUT,
        )
    return _clients[loop]


async def close() -> None:
    """Close the running loop's client, if there is one."""
    made = _clients.pop(asyncio.get_running_loop(), None)
    if made is not None:
        await made.aclose()


def _key(message_id: int) -> str:
    return redis.key("stream", str(message_id))


def alive_key(message_id: int) -> str:
    """The key that exists while somebody is writing the answer."""
    return redis.key("alive", str(message_id))


class StreamLog:
    """The writer's side. `append` never waits and never fails; `flush` writes what is not written yet."""

    def __init__(self, session_id: str, message_id: int) -> None:
        self.session_id = session_id
        self.message_id = message_id
        self._entries: list[dict[str, str]] = []
        self._written = 0
        self._broken_since: float | None = None
        self._retry_at = 0.0

    def append(self, kind: str, *, last: bool = False, **fields: Any) -> ServerFrame:
        """Number a frame and queue it.

        Args:
            kind: the frame's type.
            last: nothing follows.
            fields: the frame's own fields, JSON-able.
        """
        frame = {
            "type": kind,
            "session_id": self.session_id,
            "message_id": self.message_id,
            "seq": len(self._entries) + 1,
        } | fields
        entry = {"f": json.dumps(frame, ensure_ascii=False, separators=(",", ":"))}
        self._entries.append(entry | {"last": "1"} if last else entry)
        return frame

    async def flush(self) -> bool:
        """Write what is queued. While Redis is away it is tried again at most every RETRY_SECONDS.

        Returns:
            Whether all is written.
        """
        if self._written == len(self._entries):
            return True
        if time.monotonic() < self._retry_at:
            return False
        try:
            if self._broken_since is not None and not await client().exists(_key(self.message_id)):
                self._written = 0  # it came back empty
            while self._written < len(self._entries):
                await self._write(self._entries[self._written : self._written + BATCH])
        except REDIS_ERRORS as error:
            self._failed(error)
            return False
        if self._broken_since is not None:
            log.info("answer %s: Redis is back, nothing was lost", self.message_id)
            self._broken_since = None
        return True

    async def _write(self, entries: list[dict[str, str]]) -> None:
        """Append entries, each once: one that a lost reply left behind is refused by its id."""
        key = _key(self.message_id)
        pipe = client().pipeline(transaction=False)
        for seq, entry in enumerate(entries, self._written + 1):
            pipe.xadd(key, entry, id=f"{seq}-0", maxlen=MAX_FRAMES, approximate=True)
        pipe.expire(key, KEPT_SECONDS)
        replies = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, ResponseError) and "equal or smaller" in str(reply):
                continue
            if isinstance(reply, Exception):
                raise reply
        self._written += len(entries)

    def _failed(self, error: Exception) -> None:
        now = time.monotonic()
        if self._broken_since is None:
            self._broken_since = now
            log.warning("answer %s goes on without Redis: %s", self.message_id, error)
        self._retry_at = now + RETRY_SECONDS


async def heartbeat(message_id: int) -> None:
    """Say that the answer is being written, for HEARTBEAT_SECONDS. Raises Redis' errors."""
    await client().set(alive_key(message_id), 1, ex=HEARTBEAT_SECONDS)


async def heartbeat_end(message_id: int) -> None:
    """Say that nobody writes the answer any more. Raises Redis' errors."""
    await client().delete(alive_key(message_id))


async def is_alive(message_id: int) -> bool:
    """Whether somebody is writing the answer. Raises Redis' errors."""
    return bool(await client().exists(alive_key(message_id)))


@dataclass(frozen=True)
class LoggedFrame:
    """One frame as it was logged: `text` is its JSON."""

    seq: int
    text: str
    last: bool


async def read(message_id: int, after_seq: int, *, wait_ms: int | None = None) -> list[LoggedFrame]:
    """The frames after a sequence number, at most BATCH of them. Raises Redis' errors.

    Args:
        wait_ms: wait so long for the first one; None does not wait.
    """
    found = await client().xread({_key(message_id): f"{after_seq}-0"}, count=BATCH, block=wait_ms)
    entries = found[0][1] if found else []
    return [
        LoggedFrame(int(entry_id.split(b"-")[0]), fields[b"f"].decode(), b"last" in fields)
        for entry_id, fields in entries
    ]


async def last_seq(message_id: int) -> int:
    """The number of the newest logged frame; 0 when none is kept. Raises Redis' errors."""
    found = await client().xrevrange(_key(message_id), count=1)
    return int(found[0][0].split(b"-")[0]) if found else 0
