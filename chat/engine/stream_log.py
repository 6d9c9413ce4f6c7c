"""The frames of one answer: in memory where it is written, and in a Redis stream for all other processes.

Who follows an answer in the process that writes it is given the frames at once, whatever Redis does; any
other process replays and follows the stream, which `publish` writes. The entry of frame n has the id `n-0`,
so reading "after n" needs no search, and Redis itself refuses to write one twice. Redis may go away and even
come back empty in the middle of an answer, and nothing is lost.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from config import redis

HEARTBEAT_SECONDS = 20
BEAT_SECONDS = HEARTBEAT_SECONDS / 4  # from one heartbeat to the next
REDIS_TIMEOUT = 3.0
MAX_CONNECTIONS = 5000  # one for each reader of another process's answer, a few for the writers
BATCH = 500
REDIS_ERRORS = (RedisError, OSError)

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
_written_here: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, "StreamLog"]] = WeakKeyDictionary()


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


def stream_key(message_id: int) -> str:
    """The key of an answer's stream."""
    return redis.key("stream", str(message_id))


def alive_key(message_id: int) -> str:
    """The key that exists while somebody is writing the answer."""
    return redis.key("alive", str(message_id))


def suspect_key(message_id: int) -> str:
    """The key that `repair` sets when it finds nobody writing the answer; a heartbeat deletes it."""
    return redis.key("suspect", str(message_id))


@dataclass(frozen=True)
class LoggedFrame:
    """One frame as it was logged: `text` is its JSON."""

    seq: int
    text: str
    last: bool


class StreamLog:
    """The writer's side: the frames in memory. `append` never waits and never fails.

    Attributes:
        frames: all of them; the first has seq 1.
        written: how many of them Redis has, as far as is known. `publish` counts it.
    """

    def __init__(self, session_id: str, message_id: int) -> None:
        self.session_id = session_id
        self.message_id = message_id
        self.frames: list[LoggedFrame] = []
        self.written = 0
        self.expires_at = 0.0  # when Redis forgets the stream, as far as `publish` has told it
        self._ended = False
        self._grown = asyncio.Event()
        _here()[message_id] = self

    def append(self, kind: str, *, last: bool = False, **fields: Any) -> None:
        """Number a frame, and show it to who follows here.

        Args:
            kind: the frame's type.
            last: nothing follows.
            fields: the frame's own fields, JSON-able.
        """
        seq = len(self.frames) + 1
        frame = {
            "type": kind,
            "session_id": self.session_id,
            "message_id": self.message_id,
            "seq": seq,
        } | fields
        text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
        self.frames.append(LoggedFrame(seq, text, last))
        self._tell()

    async def follow(self, after_seq: int) -> AsyncIterator[LoggedFrame]:
        """The frames after a sequence number as they come, until the last one, or until nobody writes."""
        seq = after_seq
        while True:
            for frame in self.frames[seq:]:
                yield frame
                seq = frame.seq
                if frame.last:
                    return
            if len(self.frames) > seq:
                continue
            if self._ended:
                return
            await self._grown.wait()

    def end(self) -> None:
        """Nobody writes any more; who comes later reads from Redis."""
        self._ended = True
        _here().pop(self.message_id, None)
        self._tell()

    def _tell(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()


def written_here(message_id: int) -> StreamLog | None:
    """The log of an answer that this event loop is writing."""
    return _here().get(message_id)


def logs_here() -> list[StreamLog]:
    """The logs of all answers that this event loop is writing."""
    return list(_here().values())


def _here() -> dict[int, StreamLog]:
    return _written_here.setdefault(asyncio.get_running_loop(), {})


async def heartbeats(message_ids: Iterable[int]) -> None:
    """Say that these answers are being written, for HEARTBEAT_SECONDS. Raises Redis' errors."""
    pipe = client().pipeline(transaction=False)
    for message_id in message_ids:
        pipe.set(alive_key(message_id), 1, ex=HEARTBEAT_SECONDS)
        pipe.delete(suspect_key(message_id))
    await pipe.execute()


async def heartbeat_end(message_id: int) -> None:
    """Say that nobody writes the answer any more. Raises Redis' errors."""
    await client().delete(alive_key(message_id))


async def is_alive(message_id: int) -> bool:
    """Whether somebody is writing the answer. Raises Redis' errors."""
    return bool(await client().exists(alive_key(message_id)))


async def read(message_id: int, after_seq: int, *, wait_ms: int | None = None) -> list[LoggedFrame]:
    """The frames after a sequence number, at most BATCH of them. Raises Redis' errors.

    Args:
        wait_ms: wait so long for the first one; None does not wait.
    """
    found = await client().xread({stream_key(message_id): f"{after_seq}-0"}, count=BATCH, block=wait_ms)
    entries = found[0][1] if found else []
    return [
        LoggedFrame(int(entry_id.split(b"-")[0]), fields[b"f"].decode(), b"last" in fields)
        for entry_id, fields in entries
    ]


async def last_seq(message_id: int) -> int:
    """The number of the newest logged frame; 0 when none is kept. Raises Redis' errors."""
    found = await client().xrevrange(stream_key(message_id), count=1)
    return int(found[0][0].split(b"-")[0]) if found else 0
