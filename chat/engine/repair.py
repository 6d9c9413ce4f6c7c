"""Answers whose process died: without a heartbeat they become `interrupted`, with what had arrived."""

import logging
import uuid

from redis.exceptions import RedisError

from chat import selectors, services
from chat.engine.stream_log import HEARTBEAT_SECONDS, alive_key
from config import redis

log = logging.getLogger(__name__)

MARK_SECONDS = 30 * 86_400  # then a new mark is set, and for once dead answers are noticed a little later


def mark_key() -> str:
    """The key that has been there for as long as heartbeats were kept. Raises RedisError.

    It bears the id of Redis' run: what a restarted Redis reads from its disk may be older than heartbeats.
    """
    return redis.key("heartbeats", redis.client().info("server")["run_id"])


def repair_session(session_id: uuid.UUID) -> int:
    """Close the dead answer of one conversation, if it has one. Cheap when nothing is open.

    Returns:
        How many there were; none as in `repair_all`.
    """
    message_ids = selectors.answers_open(session_id=session_id)
    return _repair(message_ids) if message_ids else 0


def repair_all() -> int:
    """Close every dead answer.

    Returns:
        How many there were. None is closed while Redis is away, nor in the HEARTBEAT_SECONDS after this was
        first called since it lost its data or was started: until then nobody can tell.
    """
    return _repair(selectors.answers_open())


def _repair(message_ids: list[int]) -> int:
    try:
        silent = [pk for pk in message_ids if not redis.client().exists(alive_key(pk))]
        # asked for afterwards: a Redis that was emptied before the line above has no older mark
        dead = silent if _heartbeats_kept() >= HEARTBEAT_SECONDS else []
    except RedisError as error:
        log.warning("cannot tell which answers are alive: %s", error)
        return 0
    closed = services.answers_interrupt(message_ids=dead)
    if closed:
        log.warning("%d answers were interrupted: their process is gone", closed)
    return closed


def _heartbeats_kept() -> float:
    """For how many seconds Redis has surely kept what it was told, by its own clock. Raises RedisError."""
    key = mark_key()
    pipe = redis.client().pipeline()
    pipe.set(key, 1, nx=True, ex=MARK_SECONDS)
    pipe.ttl(key)
    return MARK_SECONDS - pipe.execute()[1]
