"""Answers whose process died: without a heartbeat they become `interrupted`, with what had arrived.

Silence counts when it lasts: after Redis was away, emptied or frozen nobody is heard until every writer has
had the time to speak again.
"""

import logging
import uuid

from redis.exceptions import RedisError

from chat import selectors, services
from chat.engine.stop import POLL_SECONDS
from chat.engine.stream_log import BEAT_SECONDS, REDIS_TIMEOUT, alive_key, suspect_key
from config import redis

log = logging.getLogger(__name__)

# A writer beats so soon after Redis is there again, also when it still waits for an answer to what it asked
# before; a second more for an event loop that is busy.
DOUBT_SECONDS = BEAT_SECONDS + REDIS_TIMEOUT + POLL_SECONDS + 1
SUSPECT_SECONDS = 60  # beat looks every 30 s: its next look has to find what the last one suspected


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
        How many there were. None is closed while Redis is away, nor before it was found silent for
        DOUBT_SECONDS: the first look only begins to suspect it.
    """
    return _repair(selectors.answers_open())


def _repair(message_ids: list[int]) -> int:
    try:
        dead = [pk for pk in message_ids if _silent_for(pk) >= DOUBT_SECONDS]
    except RedisError as error:
        log.warning("cannot tell which answers are alive: %s", error)
        return 0
    closed = services.answers_interrupt(message_ids=dead)
    if closed:
        log.warning("%d answers were interrupted: their process is gone", closed)
    return closed


def _silent_for(message_id: int) -> float:
    """Since how many seconds it is known that an answer has no heartbeat. Raises RedisError."""
    if redis.client().exists(alive_key(message_id)):
        return 0.0
    pipe = redis.client().pipeline()
    pipe.set(suspect_key(message_id), 1, nx=True, ex=SUSPECT_SECONDS)
    pipe.pttl(suspect_key(message_id))
    return float(SUSPECT_SECONDS - pipe.execute()[1] / 1000)
