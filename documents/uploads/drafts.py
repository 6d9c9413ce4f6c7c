"""Files that are still arriving, under the folder of the originals, so that they become one without a copy.

Several web machines may share that folder: nothing here relies on file locks.
"""

import os
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings

from documents.ingestion import storage

SUFFIX = ".upload"


class DraftLostError(Exception):
    """The draft holds less than was recorded: its disk was replaced or emptied."""


def folder() -> Path:
    """Where drafts lie."""
    return Path(settings.MEDIA_ROOT) / "drafts"


def path_of(upload_id: uuid.UUID) -> Path:
    """The draft of an upload; whether it exists is another question."""
    return folder() / f"{upload_id}{SUFFIX}"


def append(upload_id: uuid.UUID, *, at: int, blocks: Iterable[bytes]) -> int:
    """Write blocks behind the first `at` bytes; they are on the disk when this returns.

    What lies behind `at` was written by somebody who did not live to record it; it is cut off first.

    Returns:
        The bytes written.

    Raises:
        DraftLostError: fewer than `at` bytes are there.
        VerbatimError: STORAGE_FULL; the draft then holds `at` bytes.
    """
    path = path_of(upload_id)
    with storage.full_disk_is_an_answer():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(draft).st_size < at:
                raise DraftLostError
            os.ftruncate(draft, at)
            written = _write(draft, at, blocks)
            os.fsync(draft)
        finally:
            os.close(draft)
        if at == 0:
            _sync_folder(path.parent)
    return written


def remove(upload_id: uuid.UUID) -> None:
    """Delete the draft, if there is one."""
    path_of(upload_id).unlink(missing_ok=True)


def older_than(seconds: float) -> Iterator[uuid.UUID]:
    """Uploads whose drafts were last written at least so long ago."""
    limit = time.time() - seconds
    for path in folder().glob(f"*{SUFFIX}"):
        try:
            if path.stat().st_mtime < limit:
                yield uuid.UUID(path.name.removesuffix(SUFFIX))
        except (FileNotFoundError, ValueError):
            continue


def _write(draft: int, at: int, blocks: Iterable[bytes]) -> int:
    place = at
    try:
        for block in blocks:
            view = memoryview(block)
            while view:
                count = os.pwrite(draft, view, place)
                view, place = view[count:], place + count
    except OSError:
        os.ftruncate(draft, at)
        raise
    return place - at


def _sync_folder(path: Path) -> None:
    """A new file is found again after a power cut only when its folder was written too."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
