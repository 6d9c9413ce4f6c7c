"""Deleting what others still write below."""

import logging
from collections.abc import Callable

from django.db import IntegrityError, OperationalError, connection, transaction

log = logging.getLogger(__name__)

ATTEMPTS = 5
FOREIGN_KEY, DEADLOCK = "23503", "40P01"  # https://www.postgresql.org/docs/current/errcodes-appendix.html


def until_deleted(delete: Callable[[], None]) -> None:
    """Run a deletion in a transaction, from its beginning when others wrote in between.

    Django looks for the rows below first and deletes them after. What an answer or a worker adds meanwhile is
    found the next time; so is what it held while it waited for what we held.

    Args:
        delete: looks everything up anew each time.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                delete()
                connection.check_constraints()  # now, and not when a transaction around this one ends
        except (IntegrityError, OperationalError) as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state not in (FOREIGN_KEY, DEADLOCK) or attempt == ATTEMPTS:
                raise
            log.info("deletion, attempt %d: %s", attempt, state)
        else:
            return
