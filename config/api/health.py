"""Is it alive, is it ready: for load balancers, containers and people."""

import logging
import shutil
import time
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

from config.checks import OLDEST_PGVECTOR

log = logging.getLogger(__name__)

WORKER_HEARTBEAT_KEY = "worker-heartbeat"  # written by documents.tasks every few seconds
WORKER_SILENCE_SECONDS = 60
LOW_DISK_BYTES = 1024**3


def live(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """Each dependency by name: `ok`, or what is wrong in words. 503 when one that requests need is away."""
    checks = {name: _run(check) for name, check in CHECKS.items()}
    ok = all(state == "ok" for name, state in checks.items() if name not in DEGRADED_ONLY)
    status = "ok" if all(state == "ok" for state in checks.values()) else "degraded" if ok else "unavailable"
    return JsonResponse({"status": status, "checks": checks}, status=200 if ok else 503)


def worker_alive() -> bool:
    """Whether an ingestion worker has reported within the last minute. No, while Redis is away: pages that
    ask are shown all the same, and until it is back no worker is told of anything.
    """
    try:
        return _worker_reported()
    except (RedisError, OSError) as error:
        log.warning("nobody can tell whether a worker runs: %s", error)
        return False


def _worker_reported() -> bool:
    seen = cache.get(WORKER_HEARTBEAT_KEY)
    return seen is not None and time.time() - float(seen) < WORKER_SILENCE_SECONDS


def _run(check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, RedisError, OSError) as error:
        log.warning("readiness: %s", error)
        return "does not answer"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
    if row is None:
        return "the extension pgvector is missing"
    version = tuple(int(number) for number in row[0].split("."))
    return "ok" if version >= OLDEST_PGVECTOR else f"pgvector {row[0]} is too old; 0.8 or newer is needed"


def _redis() -> str:
    cache.set("readiness", 1, 5)
    return "ok"


def _worker() -> str:
    return "ok" if _worker_reported() else "no ingestion worker is running"


def _disk() -> str:
    free = shutil.disk_usage(settings.DATA_DIR).free
    return "ok" if free > LOW_DISK_BYTES else f"only {free // 1024**2} MB are free"


def add_check(name: str, check: Callable[[], str]) -> None:
    """Let an app say whether it is ready: `ok`, or what is wrong in words."""
    CHECKS[name] = check


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "worker": _worker,
    "disk": _disk,
}
DEGRADED_ONLY = {"worker", "disk"}
