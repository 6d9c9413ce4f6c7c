"""Ringing the doorbell: a message says that a row wants work; losing it loses nothing (the sweeper looks)."""

import logging
from typing import Any

from celery import Task, current_app
from django.db import transaction
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def enqueue(task: Task, *args: Any, queue: str | None = None) -> None:
    """Send the task once the surrounding transaction has committed; a deaf broker is only logged.

    Args:
        task: a Celery task that takes JSON-able ids.
        args: its arguments.
        queue: another queue than the default one.
    """
    transaction.on_commit(lambda: ring(task, *args, queue=queue))


def ring(task: Task, *args: Any, queue: str | None = None) -> None:
    """As `enqueue`, but now: where no rows were changed, and no database connection is wanted."""
    try:
        task.apply_async(args=args, queue=queue, retry=False)
    except (OperationalError, RedisError, ConnectionError) as error:
        log.warning("%s%r could not be queued: %s", task.name, args, error)


def waiting(queue: str | None = None) -> int | None:
    """How many messages wait in a queue, the default one if none is named; None when the broker is deaf.

    Those that workers have taken do not count.
    """
    name = queue or current_app.conf.task_default_queue
    try:
        with current_app.connection_for_read() as connection:
            return int(connection.default_channel.queue_declare(name, passive=True).message_count)
    except ChannelError:  # of Redis: an empty list is none
        return 0
    except (OperationalError, RedisError, OSError) as error:
        log.warning("the broker cannot be asked: %s", error)
        return None
