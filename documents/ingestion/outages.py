"""Telling an outage of the database from a fault of the work: an outage is waited for, and is no attempt."""

import logging
import time
from collections.abc import Callable

import psycopg
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, connection
from psycopg_pool import PoolTimeout

from config.errors import ErrorCode, PermanentError, VerbatimError

log = logging.getLogger(__name__)

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection exceptions, shutdowns
CLASSES = ("08",)
STATES = ("57P01", "57P02", "57P03", "57P05", "53300")
WAITS = (0.5, 1, 2, 4, 8, 15, 15, 15, 15, 15)  # seconds: about a minute and a half


def is_outage(error: BaseException) -> bool:
    """Whether the database was away (restarted, unreachable, shutting down) not asked for too much."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PoolTimeout):
            return True
        if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
            state = cause.sqlstate
            return state is None or state in STATES or state.startswith(CLASSES)
        cause = cause.__cause__
    return False


def when_back(work: Callable[[], object]) -> bool:
    """Do a small thing as soon as the database answers again; False when that took too long."""
    for wait in WAITS:
        time.sleep(wait)
        connection.close()
        try:
            work()
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            log.info("the database does not answer yet: %s", error)
            continue
        return True
    return False


def as_told(error: Exception) -> VerbatimError:
    """What a document is told about an attempt that ended early."""
    if isinstance(error, VerbatimError):
        return PermanentError(error.code, error.message, next_step=error.next_step)
    if isinstance(error, OperationalError):
        return PermanentError(ErrorCode.SERVICE_UNAVAILABLE)
    if isinstance(error, SoftTimeLimitExceeded):
        return PermanentError(ErrorCode.PARSE_TIMEOUT)
    return PermanentError(ErrorCode.PROCESSING_FAILED)
