"""Answers whose process died: without a heartbeat they become `interrupted`, with what had arrived."""

import logging
import uuid

from redis.exceptions import RedisError

from chat import selectors, services
from chat.engine.stream_log import alive_key
from config import redis

log = logging.getLogger(__name__)


def repair_session(session_id: uuid.UUID) -> int:
    """Close the dead answer of one conversation, if it has one. Cheap when nothing is open."""
    return _repair(selectors.answers_open(session_id=session_id))


def repair_all() -> int:
    """Close every dead answer.

    Returns:
        How many there were. None is closed while Redis is away: without it nobody can tell.
    """
    return _repair(selectors.answers_open())


def _repair(message_ids: list[int]) -> int:
    if not message_ids:
        return 0
    try:
        dead = [pk for pk in message_ids if not redis.client().exists(alive_key(pk))]
    except RedisError as error:
        log.warning("cannot tell which answers are alive: %s", error)
        return 0
    closed = services.answers_interrupt(message_ids=dead)
    if closed:
        log.warning("%d answers were interrupted: their process is gone", closed)
    return closed
