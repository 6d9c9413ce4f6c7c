"""Whatever dies in the middle: nothing is lost, nothing is there twice, nobody waits for ever."""

import random
import time
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection
from django.utils import timezone

from chat.models import ChatSession
from collections_app.services import collection_create
from config.errors import ErrorCode, TransientError, VerbatimError
from documents import services, tasks
from documents.ingestion import lease, part, storage, sweeper
from documents.ingestion.split import document_split
from documents.models import Chunk, Document, DocumentPart, EmbeddingCache, PartStatus, Status
from tests.worker import Worker, test_database_url


def book(seed: int, sentences: int = 9000) -> bytes:
    """A text that no cache knows."""
    dice = random.Random(seed)
    words = [
        "harbour",
        "ledger",
        "copper",
        "winter",
        "branch",
        "signal",
        "garden",
        "theory",
        "window",
        "letter",
    ]
    lines = (" ".join(dice.choices(words, k=9)).capitalize() + f" {dice.random()}." for _ in range(sentences))
    return "\n".join(lines).encode()


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def assert_whole(document: Document, content: bytes) -> None:
    """Completed, every part done once, and the text covered without a hole or a double."""
    text = content.decode()
    assert (document.status, document.error_code) == (Status.COMPLETED, "")
    chunks = list(document.chunks.order_by("char_start"))
    assert len(chunks) == document.chunk_count == Chunk.objects.filter(document=document).count()
    assert len({chunk.char_start for chunk in chunks}) == len(chunks)
    covered = 0
    for chunk in chunks:
        assert text[chunk.char_start : chunk.char_end] == chunk.content
        assert not text[covered : chunk.char_start].strip()
        covered = max(covered, chunk.char_end)
    assert not text[covered:].strip()
    assert document.parts_done == document.parts_total == document.parts.filter(status="done").count()


def test_kill_9_in_the_middle_ends_completed_with_no_chunk_twice(no_other_worker, upload, settle):
    worker = Worker(test_database_url())
    content = book(1)
    try:
        worker.start()
        document = upload(content, "book.txt")
        wait_for(lambda: DocumentPart.objects.filter(document=document, status=PartStatus.DONE).exists())
        wait_for(lambda: worker.stands_still_at(DocumentPart.objects.filter(status=PartStatus.RUNNING)))
        worker.kill()
        document.refresh_from_db()
        assert document.status == Status.PROCESSING
        worker.start()
        [document] = settle(document)
    finally:
        worker.stop()
    assert_whole(document, content)
    tries = list(document.parts.values_list("attempts", flat=True))
    assert max(tries) > 1, tries


def test_a_broker_that_forgets_everything_is_repaired_by_the_sweeper(db, upload, monkeypatch):
    monkeypatch.setattr(sweeper, "LOST_AFTER", timedelta(0))
    document = upload(book(2, 3000), "book.txt")
    assert sweeper.sweep().documents == [document.pk]
    first = document_split(document_id=document.pk)  # these ids are lost
    assert sorted(sweeper.sweep().parts) == sorted(first)
    for part_id in first:
        part.part_process(part_id=part_id)  # and so are those of the next parts
    while (found := sweeper.sweep()).parts:
        for part_id in found.parts:
            part.part_process(part_id=part_id)
    document.refresh_from_db()
    assert_whole(document, book(2, 3000))


def test_a_part_whose_worker_always_dies_fails_the_document_after_three_attempts(db, upload):
    document = upload(book(3, 500), "book.txt")
    [part_id, *_] = document_split(document_id=document.pk)
    for _ in range(lease.MAX_ATTEMPTS):
        assert part._claim(part_id, "elsewhere:1:1:x") is not None
        assert part._claim(part_id, "another:1:1:x") is None
        DocumentPart.objects.filter(pk=part_id).update(lease_until=timezone.now())
    assert part.part_process(part_id=part_id) == []
    document.refresh_from_db()
    assert (document.status, document.error_code) == (Status.FAILED, "worker_lost")
    assert not document.parts.exists()


def test_a_lease_of_a_dead_process_on_this_host_is_freed_at_once(db, upload):
    document = upload(book(4, 500), "book.txt")
    [part_id, *_] = document_split(document_id=document.pk)
    alive = lease.new_owner()
    host, _, started, nonce = alive.rsplit(":", 3)
    dead = f"{host}:4194304:{started}:{nonce}"
    assert lease.owner_is_dead(dead)
    assert not lease.owner_is_dead(alive)
    assert not lease.owner_is_dead("other-host:1:1:x")
    part._claim(part_id, dead)
    assert part_id in sweeper.sweep().parts


def test_a_transient_failure_is_tried_again_and_then_told(db, upload, monkeypatch):
    document = upload(book(5, 100), "book.txt")
    [part_id] = document_split(document_id=document.pk)

    def broken(*args):
        raise RuntimeError("no memory for the graph")

    monkeypatch.setattr("documents.embedding.openvino.OpenVinoEmbedder.embed", broken)
    for _ in range(2):
        with pytest.raises(TransientError) as caught:
            part.part_process(part_id=part_id)
        assert caught.value.code == ErrorCode.EMBEDDING_FAILED
        assert DocumentPart.objects.get(pk=part_id).status == PartStatus.WAITING
    monkeypatch.undo()
    part.part_process(part_id=part_id)
    document.refresh_from_db()
    assert document.status == Status.COMPLETED


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("a bug of ours"), "processing_failed"),
        (SoftTimeLimitExceeded(), "parse_timeout"),
        (OperationalError("the server closed the connection"), "service_unavailable"),
    ],
)
@pytest.mark.parametrize("step", ["part", "split"])
def test_an_unexpected_error_frees_the_work_at_once_and_is_told_after_three_attempts(
    db, upload, monkeypatch, step, error, code
):
    document = upload(book(41, 100), "book.txt")
    attempts = []

    def broken(*args, **kwargs):
        attempts.append(1)
        raise error

    if step == "part":
        [part_id] = document_split(document_id=document.pk)
        monkeypatch.setattr(part, "part_work", broken)
        with pytest.raises(type(error)):
            part.part_process(part_id=part_id)
        row = DocumentPart.objects.get(pk=part_id)
        assert (row.status, row.lease_owner, row.lease_until) == (PartStatus.WAITING, "", None)
        DocumentPart.objects.update(attempts=0)
        tasks.process_part.apply(args=[part_id])
    else:
        monkeypatch.setattr("documents.parsing.guards.ParserChild.split", broken)
        with pytest.raises(type(error)):
            document_split(document_id=document.pk)
        document.refresh_from_db()
        assert (document.lease_owner, document.lease_until) == ("", None)
        Document.objects.update(attempts=0)
        tasks.split_document.apply(args=[document.pk])
    document.refresh_from_db()
    assert len(attempts) == 1 + lease.MAX_ATTEMPTS
    assert (document.status, document.error_code) == (Status.FAILED, code)
    assert document.error_message
    assert document.error_next_step


def test_a_task_may_last_longer_than_reading_a_part_may_and_is_not_given_out_twice_meanwhile(settings):
    assert (
        settings.PARSE_TIMEOUT_SECONDS
        < settings.CELERY_TASK_SOFT_TIME_LIMIT
        < settings.CELERY_TASK_TIME_LIMIT
    )
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] > settings.CELERY_TASK_TIME_LIMIT


def test_a_document_deleted_during_its_part_leaves_no_row_and_no_file(db, upload, admin, monkeypatch):
    document = upload(book(6, 500), "book.txt")
    path = storage.path_of(document.stored_name)
    [part_id, *_] = document_split(document_id=document.pk)
    work = part.part_work

    def meanwhile(*args):
        done = work(*args)
        services.document_delete(actor=admin, document=document)
        return done

    monkeypatch.setattr(part, "part_work", meanwhile)
    assert part.part_process(part_id=part_id) == []
    assert not Document.objects.exists()
    assert not Chunk.objects.exists()
    assert not DocumentPart.objects.exists()
    assert path.exists()  # goes with the commit, which a test's transaction never sees


def test_a_document_can_be_deleted_while_the_worker_is_at_it(celery_worker, upload, settle, admin):
    document = upload(book(7), "book.txt")
    path = storage.path_of(document.stored_name)
    wait_for(lambda: DocumentPart.objects.filter(document=document, status=PartStatus.DONE).exists())
    services.document_delete(actor=admin, document=document)
    assert not path.exists()
    time.sleep(2)
    assert not Chunk.objects.exists()
    [other] = settle(upload(b"The worker goes on.", "next.txt"))
    assert other.status == Status.COMPLETED


def test_cancelling_stops_the_work_and_removes_what_was_written(celery_worker, upload, settle, admin):
    content = book(8)
    document = upload(content, "book.txt")
    wait_for(lambda: DocumentPart.objects.filter(document=document, status=PartStatus.DONE).exists())
    services.document_cancel(actor=admin, document=document)
    [document] = settle(document)
    assert (document.status, document.error_code, document.chunk_count) == (Status.CANCELLED, "cancelled", 0)
    time.sleep(2)
    assert not Chunk.objects.exists()
    assert not DocumentPart.objects.exists()
    with pytest.raises(VerbatimError) as caught:
        services.document_cancel(actor=admin, document=document)
    assert caught.value.code == ErrorCode.CONFLICT
    services.document_reprocess(actor=admin, document=document)
    [document] = settle(document)
    assert_whole(document, content)


def test_a_part_that_was_given_away_writes_nothing(db, upload, monkeypatch):
    document = upload(book(9, 500), "book.txt")
    [part_id, *_] = document_split(document_id=document.pk)
    work = part.part_work

    def slow(*args):
        done = work(*args)
        DocumentPart.objects.filter(pk=part_id).update(lease_owner="another:1:1:x")
        return done

    monkeypatch.setattr(part, "part_work", slow)
    assert part.part_process(part_id=part_id) == []
    assert not Chunk.objects.exists()
    assert not EmbeddingCache.objects.exists()


def test_the_sweeper_removes_files_that_no_document_owns(db, upload, monkeypatch):
    monkeypatch.setattr(sweeper, "ORPHAN_SECONDS", -1)
    kept = storage.path_of(upload(b"kept", "kept.txt").stored_name)
    orphan = storage.path_of("ff" * 16)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"nobody's")
    sweeper.clean()
    assert kept.exists()
    assert not orphan.exists()


def test_files_of_deleted_models_chats_and_users_go_with_the_next_cleaning(
    db, upload, monkeypatch, member, admin
):
    monkeypatch.setattr(sweeper, "ORPHAN_SECONDS", -1)
    models = [collection_create(actor=admin, name=f"model {n}", llm_provider="extractive") for n in range(3)]
    for model in models:
        model.users.add(member)
    chats = [ChatSession.objects.create(user=member, collection=model) for model in models]
    paths = [storage.path_of(upload(b"of a model", "a.txt", collection=models[0]).stored_name)]
    for number, chat in enumerate(chats):
        own = {"actor": member, "collection": chat.collection, "session_id": chat.pk}
        paths.append(storage.path_of(upload(f"of chat {number}".encode(), "b.txt", **own).stored_name))
    models[0].delete()
    chats[1].delete()
    member.delete()
    assert not Document.objects.exists()
    sweeper.clean()
    assert not any(path.exists() for path in paths)


def test_a_cached_vector_is_forgotten_when_nothing_has_used_it_for_a_month(db, upload):
    def processed(content: bytes, name: str) -> None:
        document = upload(content, name)
        for part_id in document_split(document_id=document.pk):
            part.part_process(part_id=part_id)

    processed(b"One text.", "one.txt")
    processed(b"Another text.", "another.txt")
    EmbeddingCache.objects.update(used_on=timezone.localdate() - timedelta(days=31))
    processed(b"One text. ", "one.txt")  # other bytes, the same passage
    assert sweeper.clean() == 0
    assert [row.used_on for row in EmbeddingCache.objects.all()] == [timezone.localdate()]


def test_no_document_is_completed_without_chunks_even_in_the_database(db, upload):
    from django.db import IntegrityError, transaction

    document = upload(b"text", "a.txt")
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.filter(pk=document.pk).update(status=Status.COMPLETED)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_full_disk_is_an_answer_and_keeps_nothing(db, upload, monkeypatch, collection):
    monkeypatch.setattr(storage, "RESERVE_BYTES", 1 << 60)
    with pytest.raises(VerbatimError) as caught:
        upload(b"text", "a.txt")
    assert caught.value.code == ErrorCode.STORAGE_FULL
    assert not collection.documents.exists()
