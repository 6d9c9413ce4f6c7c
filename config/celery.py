"""The Celery application. Tasks are thin: they take ids and call services."""

import os
from typing import Any

from celery import Celery, Task
from celery.signals import task_postrun
from django.db import close_old_connections

from config.broker import outlive_redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

TASKS_PER_CONNECTION = 500

outlive_redis()
app = Celery("verbatim")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Left alone, Celery closes the pool of connections before and after every task; then PostgreSQL starts a new
# process for each. It asks for this name, which no setting with the namespace's prefix gives it.
app.conf["CELERY_DB_REUSE_MAX"] = TASKS_PER_CONNECTION
app.autodiscover_tasks()


@task_postrun.connect
def _return_connection(sender: Task | None = None, **kwargs: Any) -> None:
    """After a task its connection goes back to the pool, or is closed where it is broken."""
    if sender is not None and not getattr(sender.request, "is_eager", False):
        close_old_connections()
