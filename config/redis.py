"""One Redis client per process, for what the cache interface cannot say (atomic take, counted windows)."""

from functools import cache

import redis
from django.conf import settings

PREFIX = "verbatim"


@cache
def client() -> redis.Redis:
    """The process-wide client; commands raise `redis.exceptions.RedisError` when Redis is away."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=5)


def key(*parts: str) -> str:
    """A key in our namespace, e.g. `verbatim:ticket:ab12`."""
    return ":".join((PREFIX, *parts))
