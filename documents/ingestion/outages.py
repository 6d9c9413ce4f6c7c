"""Telling an outage of the database from a fault of the work: an outage is waited for and costs little."""

import logging
import time
from collections.abc import Callable
from typing import Any

import psycopg
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F
from psycopg_pool import PoolTimeout

from config.errors import ErrorCode, PermanentError, VerbatimError
from documents.ingestion.lease import OUTAGE

log = logging.getLogger(__name__)

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection exceptions, shutdowns
CLASSES = ("08", "53")
STATES = ("57P01", "57P02", "57P03", "57P05")
FULL = ("53100", "53200")  # it answers, but has no room: trying at once would only waste work
WAITS = (0.5, 1, 2, 4, 8, 15, 15, 15, 15, 15)  # seconds: about a minute and a half


def is_outage(error: BaseException) -> bool:
    """Whether the database was away (restarted, unreachable, shutting down) or full."""
    cause = _of_the_database(error)
    if cause is None:
        return False
    state = cause.sqlstate
    return state is None or state in STATES or state.startswith(CLASSES)


def is_full(error: BaseException) -> bool:
    """Whether that outage is a full disk or memory: it ends when somebody makes room, who knows when."""
    cause = _of_the_database(error)
    return cause is not None and cause.sqlstate in FULL


def cost(error: BaseException) -> dict[str, Any]:
    """What such an attempt costs the row that it worked on: less than one that the work itself ended.

    A full disk costs nothing, however long it lasts. Lost connections cost little: the work may be what
    brings the server down, and then it must end at last.
    """
    return {"attempts": F("attempts") - 1} if is_full(error) else {"lease_owner": OUTAGE}


def ask() -> None:
    """Ask the database the least thing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _of_the_database(error: BaseException) -> psycopg.Error | None:
    """What the driver said (a pool that waited in vain is one of its errors), somewhere among the causes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
            return cause
        cause = cause.__cause__
    return None


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
    if isinstance(error, OperationalError) or is_outage(error):
        return PermanentError(ErrorCode.SERVICE_UNAVAILABLE)
    if isinstance(error, SoftTimeLimitExceeded):
        return PermanentError(ErrorCode.PARSE_TIMEOUT)
    return PermanentError(ErrorCode.PROCESSING_FAILED)
