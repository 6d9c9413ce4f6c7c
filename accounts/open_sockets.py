"""How many sockets a user has open, over all web processes, and the limit.

Each open socket is an entry of a sorted set in Redis with the time until which it counts, renewed while the
socket is open: those of a process that was killed run out. While Redis is away nobody is refused. An answer
that is read over HTTP counts like a socket while it is read.
"""

import asyncio
import logging
import secrets
import time
from types import TracebackType
from typing import Self

from django.conf import settings
from redis.exceptions import RedisError

from config import redis
from config.errors import ErrorCode, VerbatimError

log = logging.getLogger(__name__)

COUNTS_SECONDS = 60.0
RENEW_SECONDS = 20.0


class Place:
    """A socket that counts, renewed within `async with`, at the end of which it is left.

    One that is never used so, because its client left before, runs out by itself.
    """

    def __init__(self, user_id: int, name: str) -> None:
        self._user_id = user_id
        self._name = name
        self._left = False

    async def __aenter__(self) -> Self:
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renewing.cancel()
        await self.leave()

    async def leave(self) -> None:
        """The socket is closed."""
        self._left = True
        await asyncio.to_thread(_leave, self._user_id, self._name)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await asyncio.to_thread(self._count_on)
            except RedisError as error:
                log.debug("a socket could not be counted: %s", error)

    def _count_on(self) -> None:
        """Runs in a thread, perhaps only when the socket is closed: then it stays uncounted."""
        if not _renewed(self._user_id, self._name) and not self._left:
            _count(self._user_id, self._name)  # Redis has forgotten it
            if self._left:
                _leave(self._user_id, self._name)


async def enter(user_id: int) -> Place:
    """Count one more socket of this user.

    Raises:
        VerbatimError: TOO_MANY_SOCKETS; those that are open stay open.
    """
    name = secrets.token_hex(8)
    if not await asyncio.to_thread(_enter, user_id, name):
        raise VerbatimError(ErrorCode.TOO_MANY_SOCKETS)
    return Place(user_id, name)


def _key(user_id: int) -> str:
    return redis.key("sockets", str(user_id))


def _enter(user_id: int, name: str) -> bool:
    """Whether there was room."""
    try:
        if _count(user_id, name) <= settings.MAX_SOCKETS_PER_USER:
            return True
        redis.client().zrem(_key(user_id), name)
    except RedisError as error:
        log.warning("sockets are not counted: %s", error)
        return True
    return False


def _count(user_id: int, name: str) -> int:
    """Enter one socket; how many count now."""
    now = time.time()
    with redis.client().pipeline(transaction=True) as pipeline:
        pipeline.zremrangebyscore(_key(user_id), "-inf", now)
        pipeline.zadd(_key(user_id), {name: now + COUNTS_SECONDS})
        pipeline.zcard(_key(user_id))
        pipeline.expire(_key(user_id), int(COUNTS_SECONDS) + 1)
        return int(pipeline.execute()[2])


def _renewed(user_id: int, name: str) -> bool:
    """Let a socket count for longer, if it still counts; whether it did."""
    with redis.client().pipeline(transaction=True) as pipeline:
        pipeline.zadd(_key(user_id), {name: time.time() + COUNTS_SECONDS}, xx=True, ch=True)
        pipeline.expire(_key(user_id), int(COUNTS_SECONDS) + 1)
        return bool(pipeline.execute()[0])


def _leave(user_id: int, name: str) -> None:
    try:
        redis.client().zrem(_key(user_id), name)
    except RedisError as error:
        log.debug("a closed socket counts until it runs out: %s", error)
