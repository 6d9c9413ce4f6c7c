"""The ASGI lifespan: what a web process does when it begins and before it ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from chat.engine import repair, runs, stream_log
from chat.engine.threads import in_thread
from config import memory, outbound
from config.errors import VerbatimError
from documents.embedding.registry import get_embedder

log = logging.getLogger(__name__)


class Lifespan:
    """Looks for dead answers at the start; at the end closes its own, and the outbound connections."""

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._startup()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _startup(self) -> None:
        try:
            await in_thread(repair.repair_all)
        except DatabaseError as error:
            log.warning("dead answers were not looked for: %s", error)
        self._warming = asyncio.create_task(in_thread(_warm_up))

    async def _shutdown(self) -> None:
        await runs.shutdown()
        await outbound.close()
        await stream_log.close()


def _warm_up() -> None:
    """Load the embedding model before the first question waits for it, and keep no more of it than needed."""
    try:
        get_embedder().embed_query("warm up")
        memory.give_back(settings.MODEL_CACHE_DIR)
        memory.settle()
    except VerbatimError as error:
        log.error("the embedding model is not ready: %s", error)
