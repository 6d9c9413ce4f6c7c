"""The one bridge from the event loop to the ORM."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError

from config.database import release_connections

log = logging.getLogger(__name__)

ATTEMPTS = 5
AGAIN_SECONDS = 0.6  # after the first attempt; each time twice as long
P = ParamSpec("P")
T = TypeVar("T")

# Fewer than DATABASE_POOL_SIZE, so that requests always find a connection.
_pool = ThreadPoolExecutor(max_workers=10, thread_name_prefix="chat")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a service or selector in a thread; its database connection goes back to the pool at once.

    Django returns pooled connections when a request ends. A generation is no request: without this, its
    thread would sit on a connection for good.
    """

    def call() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            release_connections()

    return await sync_to_async(call, thread_sensitive=False, executor=_pool)()


async def in_thread_patiently(what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, and again while the database is away: ATTEMPTS times.

    Args:
        what: for the log, what could not be done.

    Raises:
        DatabaseError: of the last attempt.
    """
    attempt, seconds = 1, AGAIN_SECONDS
    while True:
        try:
            return await in_thread(function, *args, **kwargs)
        except DatabaseError as trouble:
            log.error("%s (attempt %d of %d): %s", what, attempt, ATTEMPTS, trouble)
            if attempt == ATTEMPTS:
                raise
        await asyncio.sleep(seconds)
        attempt, seconds = attempt + 1, seconds * 2
