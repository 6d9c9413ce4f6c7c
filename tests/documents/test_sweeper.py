"""The sweeper in a crowd: hundreds of documents wait, and nothing is lost, done twice or deleted for that."""

import os
import time
from datetime import timedelta

import pytest
from django.db.models import F

from config import queues
from config.celery import app
from documents import tasks
from documents.ingestion import storage, sweeper
from documents.ingestion.split import WINDOW, document_split
from documents.models import Document, DocumentPart, PartStatus
from tests.documents.test_faults import book

AGO = timedelta(minutes=10)


@pytest.fixture
def quiet_queue():
    """The name of a queue that no worker listens to."""
    name = f"quiet-{os.getpid()}"
    with app.connection_for_write() as connection:
        yield name
        connection.default_channel.queue_purge(name)


def test_whoever_looks_after_the_work_does_not_stand_behind_it(quiet_queue):
    for task in (tasks.split_document, tasks.process_part, tasks.process_part):
        task.apply_async(args=[1], queue=quiet_queue)
    tasks.sweep.apply_async(queue=quiet_queue)
    assert queues.waiting(quiet_queue) == 4
    with app.connection_for_read() as connection:
        taken = [connection.SimpleQueue(quiet_queue).get(timeout=5) for _ in range(2)]
    assert [message.headers["task"] for message in taken] == [
        "documents.tasks.sweep",
        "documents.tasks.split_document",
    ]


def test_an_empty_queue_and_one_that_cannot_be_asked(quiet_queue, monkeypatch):
    assert queues.waiting(quiet_queue) == 0
    monkeypatch.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(app.conf, "broker_read_url", "redis://127.0.0.1:1/0")
    assert queues.waiting(quiet_queue) is None


def test_what_waits_in_a_long_queue_is_not_rung_for_again(db, upload, monkeypatch):
    split = upload(book(71, 2000), "split.txt")
    first = document_split(document_id=split.pk)
    unsplit = upload(book(72, 10), "unsplit.txt")
    assert len(first) == WINDOW
    Document.objects.update(changed_at=F("changed_at") - AGO)
    DocumentPart.objects.exclude(queued_at=None).update(queued_at=F("queued_at") - AGO)
    monkeypatch.setattr(queues, "waiting", lambda: 1000)
    found = sweeper.sweep()
    assert (found.documents, found.parts) == ([], [])
    monkeypatch.setattr(queues, "waiting", lambda: 100)  # shorter than they have been waiting: lost
    found = sweeper.sweep()
    assert (found.documents, sorted(found.parts)) == ([unsplit.pk], sorted(first))
    found = sweeper.sweep()  # they have just been rung for
    assert (found.documents, found.parts) == ([], [])


def test_a_document_without_any_ring_is_found_behind_many_that_have_one(db, upload, monkeypatch):
    starved, *busy = [upload(book(seed, 2000), f"{seed}.txt") for seed in (73, 74, 75)]
    for document in (starved, *busy):
        document_split(document_id=document.pk)
    starved.parts.filter(queued_at__isnull=False).update(status=PartStatus.DONE)
    monkeypatch.setattr(sweeper, "BATCH", 1)
    found = sweeper.sweep()
    assert set(found.parts) <= set(starved.parts.values_list("pk", flat=True))
    assert found.parts


def test_bytes_that_take_the_place_of_others_while_cleaning_looks_are_kept(db, upload, monkeypatch):
    document = upload(b"what is served", "a.txt")
    newer = storage.store_blocks([b"what takes its place"])
    document.next_source = {"stored_name": newer.name}
    document.save()
    for name in (document.stored_name, newer.name):
        os.utime(storage.path_of(name), (time.time() - 7200,) * 2)
    real, looks = Document.objects.get_queryset().__class__.__iter__, []

    def swapped_after_the_first_look(rows):
        seen = list(real(rows))
        if rows.model is Document and not looks:
            looks.append(1)
            Document.objects.filter(pk=document.pk).update(stored_name=newer.name, next_source=None)
        return iter(seen)

    monkeypatch.setattr(Document.objects.get_queryset().__class__, "__iter__", swapped_after_the_first_look)
    sweeper.clean()
    assert looks
    assert storage.path_of(newer.name).exists()
