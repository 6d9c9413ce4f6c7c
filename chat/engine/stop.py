"""Stopping an answer from anywhere: a key in Redis that its writer looks at several times a second."""

from chat.engine.stream_log import client
from config import redis
from config.errors import ErrorCode

POLL_SECONDS = 0.25
KEPT_SECONDS = 900


def _key(message_id: int) -> str:
    return redis.key("stop", str(message_id))


async def ask(message_id: int, reason: ErrorCode = ErrorCode.STOPPED) -> None:
    """Ask the writer of an answer, in whatever process it is, to end. Raises Redis' errors.

    Args:
        reason: STOPPED, ACCESS_REVOKED or INTERRUPTED.
    """
    await client().set(_key(message_id), str(reason), ex=KEPT_SECONDS)


async def asked(message_id: int) -> ErrorCode | None:
    """Why the answer is to end, or None. Raises Redis' errors."""
    reason = await client().get(_key(message_id))
    return ErrorCode(reason.decode()) if reason else None
