"""Beat's scheduler: it outlives an outage of the database."""

import logging

from django.db import InterfaceError, OperationalError
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

log = logging.getLogger(__name__)


class PatientScheduler(DatabaseScheduler):
    """Goes on with the schedule that it has when the database is away.

    It reads the schedule anew every few minutes; django-celery-beat's own ends when that read falls into an
    outage.
    """

    def all_as_schedule(self) -> dict[str, ModelEntry]:
        """The entries by name: from the database, else as they were read last."""
        try:
            return super().all_as_schedule()
        except (OperationalError, InterfaceError) as error:
            if self._schedule is None:
                raise
            log.warning("the schedule could not be read anew: %s", error)
            return self._schedule
