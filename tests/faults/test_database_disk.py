"""PostgreSQL's disk is full while workers write; later there is room again."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest

from config.embedded import postgres
from tests.faults.disk import Disk, small_disk
from tests.faults.stack import Stack
from tests.faults.test_disk import assert_refused
from tests.faults.test_workers import in_the_middle
from tests.faults.truth import assert_as_undisturbed, assert_completed, book, long, settle

DISK = 1000  # megabytes
UNFINISHED = ("queued", "processing")


def complaints(stack: Stack, word: str = "No space left on device") -> int:
    """How often PostgreSQL found no room, as it says in its log."""
    assert stack.postgres is not None
    return (stack.postgres.data / "log").read_text(errors="replace").count(word)


def move_everything(stack: Stack, source: str, target: str) -> None:
    """All tables and indexes into another tablespace."""
    for kind in ("TABLE", "INDEX"):
        stack.rows(f"ALTER {kind} ALL IN TABLESPACE {source} SET TABLESPACE {target}")


@contextmanager
def tables_on_a_small_disk(stack: Stack) -> Iterator[Disk]:
    """All tables and indexes on it, as in many installations; the write-ahead log is elsewhere."""
    assert stack.postgres is not None
    place = stack.root / "space"
    place.mkdir()
    if stack.postgres.user is not None:
        shutil.chown(place, stack.postgres.user)
    with small_disk(place, DISK) as disk:
        stack.rows(f"CREATE TABLESPACE small LOCATION '{place}'")
        move_everything(stack, "pg_default", "small")
        try:
            yield disk
        finally:
            disk.make_room()
            move_everything(stack, "small", "pg_default")
            stack.rows("DROP TABLESPACE small")
    shutil.rmtree(place)


def uploads_until_refused(stack: Stack) -> list[int]:
    """Small files, until one finds no room in the tables; those that were taken."""
    collection, taken = stack.collection(), []
    for number in range(60):
        answer = stack.send(book(5), f"{number}.txt", collection)
        if answer.status_code != 201:
            assert_refused(answer.status_code, answer.json())
            files = [path for path in (stack.data / "files").rglob("*") if path.is_file()]
            assert len(files) == stack.value(
                "SELECT count(*) FROM documents_document WHERE stored_name <> ''"
            )
            return taken
        taken.append(answer.json()["id"])
    raise AssertionError("the tables never were full")


@pytest.mark.parametrize("away", [5, pytest.param(200, marks=long)])
def test_tables_on_a_full_disk_make_documents_wait(stack, record, away):
    content, served = book(1500), book(30)
    with tables_on_a_small_disk(stack) as disk:
        readable = stack.upload(served, "readable.txt")
        settle(stack, readable)
        document = stack.upload(content)
        in_the_middle(stack, document)
        before = complaints(stack)
        started = time.monotonic()
        disk.fill()
        stack.wait(lambda: complaints(stack) > before, 30)
        taken = uploads_until_refused(stack)
        time.sleep(away)
        assert stack.document(document)["status"] == "processing"
        assert {stack.document(one)["status"] for one in taken} <= {*UNFINISHED, "completed"}
        assert stack.client.get(f"/api/documents/{readable}/chunks").json()["results"]
        disk.make_room()
        full = time.monotonic() - started
        settle(stack, document)
        seconds = time.monotonic() - started
        for one in taken:
            settle(stack, one)
            assert_completed(stack, one)
        count = assert_as_undisturbed(stack, document, content)
    record(
        f"The disk of PostgreSQL's tables is full for {round(full)} s",
        "waited; what was served was served; uploads were refused with 507 storage_full; completed",
        seconds,
        count,
    )


class Supervisor:
    """Starts PostgreSQL again whenever it has ended, as whoever runs the product has it done."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.starts = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Supervisor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(1):
            assert self.stack.postgres is not None
            if not postgres.runs(self.stack.postgres):
                self.starts += 1
                with suppress(RuntimeError):  # still no room
                    self.stack.start_postgres()


@contextmanager
def cluster_on_a_small_disk(stack: Stack) -> Iterator[Disk]:
    """All of PostgreSQL, its write-ahead log too."""
    assert stack.postgres is not None
    stack.stop_postgres("fast")
    with small_disk(stack.postgres.data, DISK) as disk:
        stack.start_postgres()
        try:
            yield disk
        finally:
            disk.make_room()
            if not postgres.runs(stack.postgres):
                stack.start_postgres()
            stack.stop_postgres("fast")
    stack.start_postgres()


def write_log_until_it_ends(stack: Stack) -> None:
    """Write to the write-ahead log alone, until PostgreSQL cannot and crashes, as it has to."""
    for _ in range(200):
        try:
            stack.rows("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 2000000))")
        except psycopg.OperationalError:
            return
    raise AssertionError("the log always had room")


@long
@pytest.mark.parametrize("crash", [False, True])
def test_a_database_without_any_room_fails_no_document(stack, record, crash):
    content = book(4000)
    with cluster_on_a_small_disk(stack) as disk, Supervisor(stack) as supervisor:
        document = stack.upload(content)
        in_the_middle(stack, document)
        before, panics = complaints(stack), complaints(stack, "PANIC")
        started = time.monotonic()
        disk.fill()
        if crash:
            write_log_until_it_ends(stack)
        stack.wait(lambda: complaints(stack) > before, 60)
        time.sleep(60)
        full, panics = time.monotonic() - started, complaints(stack, "PANIC") - panics
        disk.make_room()
        settle(stack, document, 240)
        seconds = time.monotonic() - started
        count = assert_as_undisturbed(stack, document, content)
    assert bool(panics) >= crash
    room = "and its write-ahead log cannot grow" if crash else "tables and write-ahead log"
    crashed = (
        f"PostgreSQL crashed ({panics}) and its supervisor tried {supervisor.starts} times to start it; "
    )
    record(
        f"The disk of all of PostgreSQL is full for {round(full)} s, {room}",
        f"{crashed if crash else ''}the document waited; completed",
        seconds,
        count,
    )
