"""Writes the frames of all answers of this event loop to Redis, many in one go.

One round trip serves whatever has gathered in BATCH_SECONDS, of however many answers: a round trip for each
frame of each of 200 answers would cost more than all else (bench/streams.py).
"""

import asyncio
import logging
import time
from weakref import WeakKeyDictionary

from redis.exceptions import ResponseError

from chat.engine.stream_log import BATCH, REDIS_ERRORS, StreamLog, client, logs_here, stream_key

log = logging.getLogger(__name__)

KEPT_SECONDS = 3600  # after the last frame
RENEW_SECONDS = 600
MAX_FRAMES = 50_000
BATCH_SECONDS = 0.03
RETRY_SECONDS = 0.5

_publishers: WeakKeyDictionary[asyncio.AbstractEventLoop, "Publisher"] = WeakKeyDictionary()


def here() -> "Publisher":
    """The running event loop's publisher."""
    loop = asyncio.get_running_loop()
    if loop not in _publishers:
        _publishers[loop] = Publisher()
    return _publishers[loop]


class Publisher:
    """Owes Redis the frames that it has not yet, however long it is away."""

    def __init__(self) -> None:
        self._owed: set[StreamLog] = set()
        self._task: asyncio.Task[None] | None = None
        self._away_since: float | None = None
        self._to_look = False

    def publish(self, log_: StreamLog) -> None:
        """Write the log's new frames soon."""
        self._owed.add(log_)
        self._ensure()

    def look_soon(self) -> None:
        """Look for what Redis has forgotten, between two writes: during one nobody knows what it has."""
        self._to_look = True
        self._ensure()

    def _ensure(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def settle(self, log_: StreamLog, seconds: float) -> None:
        """Wait until the log is written whole, at most so long; the stored message is the truth."""
        deadline = time.monotonic() + seconds
        while log_.written < len(log_.frames) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(BATCH_SECONDS)
        self._owed.discard(log_)

    async def _look_for_lost(self) -> None:
        """Write again what Redis has forgotten, as after a restart without its data. Raises Redis' errors."""
        logs = [one for one in logs_here() if one.written]
        pipe = client().pipeline(transaction=False)
        for one in logs:
            pipe.xlen(stream_key(one.message_id))
        lengths = await pipe.execute()
        lost = [
            one for one, length in zip(logs, lengths, strict=True) if length < min(one.written, MAX_FRAMES)
        ]
        for one in lost:
            await client().delete(stream_key(one.message_id))  # what came after cannot stand before
            one.written, one.expires_at = 0, 0.0
            self.publish(one)

    def redis_failed(self, error: Exception) -> None:
        """Redis is away; when it is back, it may be without its data."""
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning("answers go on without Redis: %s", error)

    async def _run(self) -> None:
        while self._owed or self._to_look:
            logs = list(self._owed)
            self._owed.clear()
            was_away = self._away_since is not None
            look, self._to_look = self._to_look or was_away, False
            try:
                if look:
                    await self._look_for_lost()
                await self._write(logs)
            except REDIS_ERRORS as error:
                self._owed.update(one for one in logs if one.written < len(one.frames))
                self.redis_failed(error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if was_away:
                log.info("Redis is back, nothing was lost")
                self._away_since = None
            await asyncio.sleep(BATCH_SECONDS)

    async def _write(self, logs: list[StreamLog]) -> None:
        """Append frames, each once: one that a lost reply left behind is refused by its id.

        What Redis refuses of one log does not hold up the others. Raises Redis' errors.
        """
        pipe = client().pipeline(transaction=False)
        taken: dict[StreamLog, int] = {}
        owners: list[StreamLog] = []
        refused: dict[StreamLog, ResponseError] = {}
        now = time.monotonic()
        for one in logs:
            key = stream_key(one.message_id)
            frames = one.frames[one.written : one.written + BATCH]
            taken[one] = one.written + len(frames)
            for frame in frames:
                entry = {"f": frame.text, "last": "1"} if frame.last else {"f": frame.text}
                pipe.xadd(key, entry, id=f"{frame.seq}-0", maxlen=MAX_FRAMES, approximate=True)
                owners.append(one)
            if frames and (frames[-1].last or one.expires_at < now + KEPT_SECONDS - RENEW_SECONDS):
                pipe.expire(key, KEPT_SECONDS)
                one.expires_at = now + KEPT_SECONDS
                owners.append(one)
        for one, reply in zip(owners, await pipe.execute(raise_on_error=False), strict=True):
            if isinstance(reply, ResponseError) and "equal or smaller" not in str(reply):
                refused[one] = reply
            elif isinstance(reply, Exception) and not isinstance(reply, ResponseError):
                raise reply
        for one, written in taken.items():
            if one not in refused:
                one.written = written
                if written < len(one.frames):
                    self._owed.add(one)
        for error in refused.values():
            raise error
