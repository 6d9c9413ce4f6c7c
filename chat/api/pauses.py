"""Streams over HTTP that say something also while there is nothing to say."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


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
