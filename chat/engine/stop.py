"""Stopping an answer from anywhere: a key in Redis that its writer looks at several times a second."""

from collections.abc import Sequence

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
        reason: STOPPED, ACCESS_REVOKED, NOT_FOUND or INTERRUPTED.
    """
    await client().set(_key(message_id), str(reason), ex=KEPT_SECONDS)


async def asked(message_ids: Sequence[int]) -> dict[int, ErrorCode]:
    """Of these answers those that are to end, and why. Raises Redis' errors."""
    if not message_ids:
        return {}
    reasons = await client().mget([_key(message_id) for message_id in message_ids])
    known = set(ErrorCode)
    return {
        message_id: ErrorCode(reason.decode())
        for message_id, reason in zip(message_ids, reasons, strict=True)
        if reason and reason.decode() in known
    }
