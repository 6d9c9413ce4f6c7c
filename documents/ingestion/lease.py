"""Who works on a row: an owner with a lease that a heartbeat renews while the work lasts.

An owner names host, process, the process's start and its parent, so that a sweeper on the same host sees at
once when it has died, and whether its whole worker has; from other hosts the lease's end tells.
"""

import logging
import os
import socket
import threading
import uuid
from datetime import timedelta
from types import TracebackType

import psutil
from django.db import DatabaseError, connection, models
from django.utils import timezone

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
HEARTBEAT_SECONDS = 15
MAX_ATTEMPTS = 3
MAX_LOST = 12  # attempts, where worker or database died each time: of something else, rather than the work
OUTAGE = "outage"  # stands for the owner of work that an outage of the database ended


def new_owner() -> str:
    """A name for one piece of work: host:pid:start:parent.nonce, at most 64 characters."""
    process = psutil.Process()
    host = socket.gethostname()[:24]
    return f"{host}:{process.pid}:{int(process.create_time())}:{process.ppid()}.{uuid.uuid4().hex[:8]}"


def owner_is_dead(owner: str) -> bool:
    """Whether the process of that name, on this host, is gone. False for other hosts: unknown."""
    try:
        host, pid, started, _ = owner.rsplit(":", 3)
        if host != socket.gethostname()[:24]:
            return False
        return int(psutil.Process(int(pid)).create_time()) != int(started)
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.AccessDenied):
        return False


def most_attempts(owner: str) -> int:
    """How often the work that this owner held last may be begun.

    A process that dies alone was most likely ended by its work. Where its worker, its parent, died as well,
    somebody stopped both; likewise an outage of the database. Yet what the work itself brings down is not
    tried for ever.
    """
    if owner == OUTAGE:
        return MAX_LOST
    try:
        host, _, started, nonce = owner.rsplit(":", 3)
        if host != socket.gethostname()[:24] or not owner_is_dead(owner):
            return MAX_ATTEMPTS
        parent = psutil.Process(int(nonce.partition(".")[0]))
        lives = int(parent.create_time()) <= int(started)  # else the number is another process's by now
        return MAX_ATTEMPTS if lives else MAX_LOST
    except psutil.NoSuchProcess:
        return MAX_LOST
    except (ValueError, psutil.AccessDenied):
        return MAX_ATTEMPTS


class Heartbeat:
    """Renews a row's lease from a thread, until the block ends or the row is no longer ours.

    Args:
        model: has `lease_owner` and `lease_until`.
        pk: the row.
        owner: from `new_owner`.
    """

    def __init__(self, model: type[models.Model], pk: int, owner: str) -> None:
        self._rows = model._default_manager.filter(pk=pk, lease_owner=owner)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        try:
            while not self._stop.wait(HEARTBEAT_SECONDS):
                try:
                    if not self._rows.update(lease_until=timezone.now() + LEASE):
                        return
                except DatabaseError as error:
                    log.warning("process %s could not renew its lease: %s", os.getpid(), error)
        finally:
            connection.close()
