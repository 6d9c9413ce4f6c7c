"""The worker's doors: tasks take ids, call a service, and own only the policy of trying again."""

import logging
import os
import random
import signal
import threading
import time
from typing import Any

from celery import Task, current_app, shared_task
from celery.exceptions import TimeLimitExceeded, WorkerLostError
from celery.signals import task_failure, worker_process_init, worker_ready, worker_shutting_down
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from config.api.health import WORKER_HEARTBEAT_KEY
from config.embedded.supervisor import die_with_parent
from config.errors import VerbatimError
from config.queues import enqueue
from documents.ingestion import outages
from documents.ingestion.lease import MAX_ATTEMPTS

log = logging.getLogger(__name__)

BEAT_SECONDS = 10
SWEEP_EXPIRES = 30  # seconds: then others have followed


@shared_task(bind=True, max_retries=MAX_ATTEMPTS, ignore_result=True)
def split_document(self: Task, document_id: int) -> None:
    """Plan a document's parts and enqueue the first of them."""
    from documents.ingestion.split import document_exhausted, document_split

    try:
        parts = document_split(document_id=document_id)
    except Exception as error:  # the outermost boundary: tried again, then told
        if _again(self, error):
            document_exhausted(document_id=document_id, error=outages.as_told(error))
        return
    for part_id in parts:
        enqueue(process_part, part_id)


@shared_task(bind=True, max_retries=MAX_ATTEMPTS, ignore_result=True)
def process_part(self: Task, part_id: int) -> None:
    """Do one part and enqueue the next of its document."""
    from documents.ingestion.part import part_exhausted, part_process

    try:
        parts = part_process(part_id=part_id)
    except Exception as error:  # the outermost boundary: tried again, then told
        if _again(self, error):
            part_exhausted(part_id=part_id, error=outages.as_told(error))
        return
    for next_id in parts:
        enqueue(process_part, next_id)


@shared_task(ignore_result=True)
def advance_rebuild(collection_id: int) -> None:
    """Do what a model's rebuild needs next."""
    from documents.rebuild import rebuild_advance

    for document_id in rebuild_advance(collection_id=collection_id):
        enqueue(split_document, document_id)


@shared_task(ignore_result=True)
def prepare_table(document_id: int) -> None:
    """Make a served table ready to be asked."""
    from documents.tables.service import prepare

    prepare(document_id)


@shared_task(ignore_result=True)
def drop_leftovers() -> None:
    """Delete what builds left behind that nobody reads any more."""
    from documents.lifecycle import leftovers_drop

    leftovers_drop()


@shared_task(ignore_result=True)
def sweep() -> None:
    """Give away what nobody holds; see `documents.ingestion.sweeper`."""
    from documents.ingestion.sweeper import sweep as look

    found = look()
    for document_id in found.documents:
        enqueue(split_document, document_id)
    for part_id in found.parts:
        enqueue(process_part, part_id)
    for collection_id in found.rebuilds:
        enqueue(advance_rebuild, collection_id)
    if found.leftovers:
        enqueue(drop_leftovers)


def _again(task: Task, error: Exception) -> bool:
    """Have the task tried again, by raising what Celery wants.

    Returns:
        True when it was tried often enough; False when the database was away: an outage says nothing about
        the document. It is rung for when the database is back soon, else the sweeper finds the row.
    """
    if outages.is_outage(error):
        log.warning("%s%r was cut off by an outage of the database", task.name, task.request.args)
        if not outages.is_full(error) and outages.when_back(outages.ask):
            enqueue(task, *task.request.args)
        return False
    if not isinstance(error, VerbatimError | OperationalError):
        log.error("%s%r failed", task.name, task.request.args, exc_info=error)
    if task.request.retries + 1 < MAX_ATTEMPTS:
        raise task.retry(exc=error, countdown=_backoff(task.request.retries)) from error
    return True


def _backoff(retries: int) -> float:
    """Seconds: 1, 4, 16 and up to half as much again, so that many do not come back at once."""
    return 4.0**retries * (1 + random.random() / 2)  # noqa: S311


@worker_process_init.connect
def _share_the_machine(**kwargs: Any) -> None:
    """After the fork: each of the worker's processes takes its share of the cores, and never outlives it."""
    from documents.embedding.registry import limit_threads

    die_with_parent(signal.SIGKILL)
    limit_threads((os.cpu_count() or 1) // settings.CELERY_WORKER_CONCURRENCY)


@task_failure.connect
def _sweep_after_death(exception: BaseException | None = None, **kwargs: Any) -> None:
    """In the worker's main process, when one of its processes died: nobody waits for the next sweep."""
    if isinstance(exception, WorkerLostError | TimeLimitExceeded):
        _ring_for_sweep(countdown=1)  # by then it is gone for good


_stopping = threading.Event()


@worker_ready.connect
def _start_heartbeat(sender: Any = None, **kwargs: Any) -> None:
    """Only of workers that read files: those for the queue `llm` alone are not missed by documents."""
    app = getattr(sender, "app", None) or current_app
    if app.conf.task_default_queue not in app.amqp.queues.consume_from:
        return
    threading.Thread(target=_heartbeat, name="worker-heartbeat", daemon=True).start()


@worker_shutting_down.connect
def _stop_heartbeat(**kwargs: Any) -> None:
    _stopping.set()


def _heartbeat() -> None:
    """Say that a worker lives, and sweep: at once, then every BEAT_SECONDS (beat may be missing)."""
    while True:
        try:
            cache.set(WORKER_HEARTBEAT_KEY, time.time(), 120)
        except (RedisError, OSError):
            pass  # the next beat tells again
        _ring_for_sweep()
        if _stopping.wait(BEAT_SECONDS):
            return


def _ring_for_sweep(countdown: float = 0) -> None:
    try:
        sweep.apply_async(countdown=countdown, expires=SWEEP_EXPIRES, retry=False)
    except (RedisError, BrokerError, OSError):
        pass  # the next one follows soon
