"""Newer chunks are being built in place of what is served, and workers die or people change their minds."""

import signal
import time

import pytest

from tests.faults.reader import Reader, keeper
from tests.faults.stack import Stack
from tests.faults.test_people import QUIET_SECONDS
from tests.faults.test_workers import in_the_middle, struck
from tests.faults.truth import assert_as_undisturbed, assert_completed, book, chunks, settle


def ids_of(stack: Stack, *documents: int) -> set[int]:
    """Of the chunks that are served."""
    query = (
        "SELECT c.id FROM documents_chunk c JOIN documents_document d ON d.id = c.document_id "
        "WHERE d.id = ANY(%s) AND c.generation = d.active_generation"
    )
    return {row["id"] for row in stack.rows(query, list(documents))}


# --- a newer file ----------------------------------------------------------------------------------


def kill_the_worker(stack: Stack, document: int) -> None:
    in_the_middle(stack, document)
    stack.workers[0].kill()
    stack.worker()


def kill_at_the_swap(stack: Stack, document: int) -> None:
    struck(stack, "finalised", "process SIGKILL")


@pytest.mark.parametrize(
    ("fault", "sentences", "where"),
    [
        (kill_the_worker, 1500, "the whole worker in the middle of a newer version, a new one at once"),
        (kill_at_the_swap, 300, "a pool process inside the transaction that puts a newer version in place"),
    ],
)
def test_a_death_during_a_replacement_leaves_the_old_version_until_the_new_is_complete(
    stack, record, fault, sentences, where
):
    old, new = keeper("Aldous Pemberton") + book(100), keeper("Beatrice Quill") + book(sentences)
    collection = stack.collection()
    document = stack.upload(old, collection=collection)
    settle(stack, document)
    before = ids_of(stack, document)
    with Reader(stack, collection) as reader:
        answer = stack.client.post(f"/api/documents/{document}/replace", files={"file": ("newer.txt", new)})
        assert answer.status_code == 202, answer.text
        started = time.monotonic()
        fault(stack, document)
        state = stack.document(document)
        assert (state["serving"], state["replacing"]["name"]) == (True, "newer.txt")
        settle(stack, document)
        seconds = time.monotonic() - started
    reader.assert_always_answered(before, ids_of(stack, document))
    assert "Pemberton" in " ".join(reader.answers[0].values())
    assert "Quill" in " ".join(reader.answers[-1].values())
    state = stack.document(document)
    assert (state["name"], state["version"], state["replacing"]) == ("newer.txt", 2, None)
    count = assert_as_undisturbed(stack, document, new, "newer.txt")
    record(
        f"SIGKILL of {where}",
        f"the old version answered all along ({len(reader.answers)} questions); the new one completed",
        seconds,
        count,
    )


# --- a rebuild -------------------------------------------------------------------------------------


class Rebuild:
    """A model with two documents that is to cut them smaller.

    Attributes:
        before: ids of the chunks that are served.
    """

    def __init__(self, stack: Stack, sentences: int) -> None:
        self.stack = stack
        self.collection = stack.collection()
        self.contents = [keeper(name) + book(sentences) for name in ("Aldous Pemberton", "Beatrice Quill")]
        self.documents = [
            stack.upload(content, f"{number}.txt", self.collection)
            for number, content in enumerate(self.contents)
        ]
        for document in self.documents:
            settle(stack, document)
        self.before = ids_of(stack, *self.documents)
        self.path = f"/api/models/{self.collection}/rebuild"
        change = {"chunk_size": 80, "chunk_overlap": 10}
        answer = stack.client.patch(f"/api/models/{self.collection}", json=change)
        assert answer.status_code == 200, answer.text

    def begin(self) -> None:
        answer = self.stack.client.post(self.path, json={})
        assert (answer.status_code, answer.json()["running"]) == (202, True), answer.text

    def runs(self) -> bool:
        return self.stack.client.get(self.path).json()["running"]

    def wait_until_dropped(self) -> None:
        """What nobody reads any more goes a little later."""
        query = (
            "SELECT count(*) FROM documents_documentpart p JOIN documents_document d ON d.id = p.document_id "
            "WHERE d.collection_id = %s AND p.generation IS DISTINCT FROM d.active_generation"
        )
        self.stack.wait(lambda: self.stack.value(query, self.collection) == 0, 30)


def test_a_worker_killed_during_a_rebuild_leaves_the_old_chunks_until_all_are_new(stack, record):
    rebuild = Rebuild(stack, 1200)
    with Reader(stack, rebuild.collection) as reader:
        rebuild.begin()
        in_the_middle(stack, rebuild.documents[0])
        started = time.monotonic()
        stack.workers[0].kill()
        stack.worker()
        assert rebuild.runs()
        assert ids_of(stack, *rebuild.documents) == rebuild.before
        stack.wait(lambda: not rebuild.runs(), 120)
        seconds = time.monotonic() - started
    reader.assert_always_answered(rebuild.before, ids_of(stack, *rebuild.documents))
    rebuild.wait_until_dropped()
    counts = [assert_completed(stack, document) for document in rebuild.documents]
    assert sum(counts) > len(rebuild.before)
    other = stack.collection()
    change = {"chunk_size": 80, "chunk_overlap": 10}
    stack.client.patch(f"/api/models/{other}", json=change)
    for number, (document, content) in enumerate(zip(rebuild.documents, rebuild.contents, strict=True)):
        assert_as_undisturbed(stack, document, content, f"{number}.txt", other)
    record(
        "SIGKILL of the whole worker in the middle of a model's rebuild, a new one at once",
        f"the old chunks answered all along ({len(reader.answers)} questions), then the new ones of both",
        seconds,
        sum(counts),
    )


def asleep_with_a_part(stack: Stack) -> None:
    """A pool process has a part's chunks ready and does not get to write them."""
    struck(stack, "part-worked", "process SIGSTOP")


def awake(stack: Stack) -> None:
    """It goes on, too late; what it would write it has written after this."""
    stack.workers[0].signal(signal.SIGCONT)
    time.sleep(QUIET_SECONDS)


def test_a_rebuild_abandoned_while_a_worker_is_about_to_write_changes_nothing(stack, record):
    rebuild = Rebuild(stack, 600)
    before = [chunks(stack, document) for document in rebuild.documents]
    with Reader(stack, rebuild.collection) as reader:
        rebuild.begin()
        asleep_with_a_part(stack)
        started = time.monotonic()
        assert stack.client.delete(rebuild.path).status_code == 204
        assert not rebuild.runs()
        seconds = time.monotonic() - started
        awake(stack)
        rebuild.wait_until_dropped()
    reader.assert_always_answered(rebuild.before, rebuild.before)
    for document in rebuild.documents:
        assert_completed(stack, document)
    assert [chunks(stack, document) for document in rebuild.documents] == before
    record(
        "Rebuild abandoned while a pool process, stopped, holds a part that it is about to write",
        "what was served is served, untouched; the late write changed nothing",
        seconds,
        len(rebuild.before),
    )


def test_a_model_deleted_during_its_rebuild_is_gone(stack, record):
    rebuild = Rebuild(stack, 600)
    rebuild.begin()
    asleep_with_a_part(stack)
    started = time.monotonic()
    answer = stack.client.delete(f"/api/models/{rebuild.collection}")
    assert answer.status_code == 204, answer.text
    seconds = time.monotonic() - started
    awake(stack)
    for name in ("document", "chunk", "rebuild"):
        query = f"SELECT count(*) FROM documents_{name} WHERE collection_id = %s"
        assert stack.value(query, rebuild.collection) == 0
    query = "SELECT count(*) FROM documents_documentpart WHERE document_id = ANY(%s)"
    assert stack.value(query, rebuild.documents) == 0
    other = stack.upload(book(100))
    settle(stack, other)
    assert_completed(stack, other)
    stack.clean()
    happened = "rows gone at once, files with the next hourly cleaning (run by hand here); the worker goes on"
    record("Model deleted during its rebuild, a pool process about to write", happened, seconds, 0)
