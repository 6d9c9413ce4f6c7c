"""An answer handed out over HTTP: not in silence, and as long as its reader is trusted."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TypeVar

from django.db import DatabaseError

from accounts import tokens
from accounts.tokens import Credential
from chat.engine.follow import follow
from chat.engine.threads import in_thread
from config.errors import ErrorCode, VerbatimError

log = logging.getLogger(__name__)

TRUST_SECONDS = 4.0  # so often a reader's credential is looked at, and a silent stream says something

T = TypeVar("T")


async def frames_or_pauses(
    message_id: int, shown: Credential, after_seq: int = 0
) -> AsyncIterator[str | None]:
    """The frames of an answer after a sequence number, as JSON; None whenever none came for TRUST_SECONDS.

    Args:
        shown: what the reader showed when he asked.

    Raises:
        VerbatimError: TOKEN_INVALID, at most TRUST_SECONDS after that has ended.
    """
    look_at = time.monotonic() + TRUST_SECONDS
    async with aclosing(with_pauses(follow(message_id, after_seq), TRUST_SECONDS)) as frames:  # type: ignore[type-var]
        async for text in frames:
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + TRUST_SECONDS
                if not await _still_holds(shown):
                    raise VerbatimError(ErrorCode.TOKEN_INVALID)
            yield text


async def with_pauses(items: AsyncIterator[T], seconds: float) -> AsyncIterator[T | None]:
    """The items as they come, and None whenever none came for so many seconds."""
    pending = asyncio.ensure_future(anext(items, None))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=seconds)
            if not done:
                yield None
                continue
            if (item := pending.result()) is None:
                return
            yield item
            pending = asyncio.ensure_future(anext(items, None))
    finally:
        pending.cancel()


async def _still_holds(shown: Credential) -> bool:
    try:
        return await in_thread(tokens.still_holds, shown)
    except DatabaseError as error:  # the answer outlives that, too; the next look tells
        log.warning("what user %s showed could not be looked up: %s", shown.user.pk, error)
        return True
