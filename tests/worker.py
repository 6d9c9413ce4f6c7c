"""A real Celery worker against the test database."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


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
    """Whether PostgreSQL is busy with what somebody else has sent to this database.

    One that waits for more from its client (in the middle of a COPY), or for a lock, may wait for ever while
    that client stands still; autovacuum is nobody's.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state = 'active'"
            " AND wait_event_type IS DISTINCT FROM 'Client' AND wait_event_type IS DISTINCT FROM 'Lock')"
        )
        return bool(cursor.fetchone()[0])


def test_database_url() -> str:
    """The address of the database that pytest-django made."""
    name = connection.settings_dict["NAME"]
    head, _, query = os.environ["DATABASE_URL"].partition("?")
    return head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


test_database_url.__test__ = False
