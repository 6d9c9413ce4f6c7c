"""The one bridge from the event loop to the ORM."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async

from config.database import release_connections

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
