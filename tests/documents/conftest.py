"""A real Celery worker against the test database, and uploads that wait for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from documents.models import UNFINISHED, Document

ROOT = Path(__file__).resolve().parent.parent.parent
CORPORA = ROOT.parent / "shared" / "corpora"


class Worker:
    """`celery -A config worker` as a subprocess with the test run's environment."""

    def __init__(self, database_url: str, **environment: str) -> None:
        self.environment = (
            os.environ
            | {
                "DATABASE_URL": database_url,
                "WORKER_CONCURRENCY": "2",
                "DJANGO_SETTINGS_MODULE": "config.settings.test",
            }
            | environment
        )
        self.log = Path(settings.DATA_DIR) / "logs" / "worker.log"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", "worker", "--loglevel", "INFO"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stands_still_at(self, rows) -> bool:
        """Stop all of it while such rows exist; it goes on, and False, when there are none."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)
        if rows.exists():
            # a COMMIT that was sent before it stopped still takes effect
            quiet = 0
            while quiet < 10:
                time.sleep(0.1)
                quiet = 0 if others_at_work() else quiet + 1
            if rows.exists():
                return True
        os.killpg(self.process.pid, signal.SIGCONT)
        return False

    def kill(self) -> None:
        """kill -9 of the whole worker: main process, pool and readers."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def others_at_work() -> bool:
    """Whether PostgreSQL is busy with what somebody else has sent to this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state = 'active')"
        )
        return bool(cursor.fetchone()[0])


def test_database_url() -> str:
    """The address of the database that pytest-django made."""
    name = connection.settings_dict["NAME"]
    head, _, query = os.environ["DATABASE_URL"].partition("?")
    return head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


test_database_url.__test__ = False


@pytest.fixture(scope="session")
def _worker(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        worker = Worker(test_database_url())
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def celery_worker(transactional_db, _worker) -> Worker:
    """A running ingestion worker; the test's rows are committed, so that it sees them."""
    if _worker.process.poll() is not None:
        _worker.start()
    return _worker


@pytest.fixture
def settle():
    """A function: wait until documents are in a final state, and return them fresh."""

    def wait(*documents: Document, seconds: float = 150) -> list[Document]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            rows = list(Document.objects.filter(pk__in=[document.pk for document in documents]))
            if not any(row.status in UNFINISHED for row in rows):
                return sorted(rows, key=lambda row: [d.pk for d in documents].index(row.pk))
            time.sleep(0.1)
        states = [(row.name, row.status, row.stage, row.parts_done, row.parts_total) for row in rows]
        log = (Path(settings.DATA_DIR) / "logs" / "worker.log").read_text()[-6000:]
        raise AssertionError(f"not settled: {states}\n{log}")

    return wait


@pytest.fixture
def upload(admin, collection):
    """A function: bytes and a name -> the queued document, uploaded by `admin` to `collection`."""
    from documents.services import document_upload

    def make(content: bytes, name: str, **options) -> Document:
        options = {"actor": admin, "collection": collection} | options
        return document_upload(file=SimpleUploadedFile(name, content), **options)

    return make


@pytest.fixture
def corpora() -> Path:
    """The shared corpora of real files."""
    if not CORPORA.is_dir():
        pytest.skip("the shared corpora are not on this machine")
    return CORPORA


@pytest.fixture
def saved(tmp_path):
    """A function: bytes -> the path of a file that holds them."""

    def make(content: bytes) -> str:
        path = tmp_path / "file"
        path.write_bytes(content)
        return str(path)

    return make
