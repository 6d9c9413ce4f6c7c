"""Beat's scheduler of the product, reading its schedule so often that a read falls into every outage."""

from django_celery_beat import schedulers

from config.beat import PatientScheduler

__all__ = ["PatientScheduler"]

schedulers.SCHEDULE_SYNC_MAX_INTERVAL = 5  # seconds; 300 in the product
