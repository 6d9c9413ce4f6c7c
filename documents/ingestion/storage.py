"""Originals on disk: under names of ours, written whole or not at all."""

import errno
import hashlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.db import OperationalError, transaction
from psycopg.errors import DiskFull

from config.errors import ErrorCode, VerbatimError
from documents.tables import files as tables

log = logging.getLogger(__name__)

RESERVE_BYTES = 256 * 1024**2  # left free for PostgreSQL and the logs
BLOCK = 1 << 20
DRAFT_SUFFIX = ".upload"
FORGOTTEN_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Stored:
    """A file of ours: its name under MEDIA_ROOT, size in bytes and sha256 in hex."""

    name: str
    size: int
    sha256: str


def path_of(name: str) -> Path:
    """Where a stored file lies; folders of 256 keep directories small."""
    return settings.MEDIA_ROOT / name[:2] / name


def max_bytes() -> int:
    """MAX_FILE_SIZE_MB in bytes."""
    return settings.MAX_FILE_SIZE_MB * 1024**2


def require_size(size: int) -> None:
    """See that a file of `size` bytes is taken here.

    Raises:
        VerbatimError: FILE_EMPTY, FILE_TOO_LARGE.
    """
    if size == 0:
        raise VerbatimError(ErrorCode.FILE_EMPTY)
    if size > max_bytes():
        raise VerbatimError(
            ErrorCode.FILE_TOO_LARGE, details={"max_mb": settings.MAX_FILE_SIZE_MB, "bytes": size}
        )


def require_space(size: int) -> None:
    """See that `size` more bytes fit on the disk.

    Raises:
        VerbatimError: STORAGE_FULL.
    """
    if shutil.disk_usage(settings.DATA_DIR).free < size + RESERVE_BYTES:
        raise VerbatimError(ErrorCode.STORAGE_FULL)


@contextmanager
def full_disk_is_an_answer() -> Iterator[None]:
    """Turn "no space left", said by the operating system or by PostgreSQL, into STORAGE_FULL."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise VerbatimError(ErrorCode.STORAGE_FULL) from error
        raise
    except OperationalError as error:
        if isinstance(error.__cause__, DiskFull):
            raise VerbatimError(ErrorCode.STORAGE_FULL) from error
        raise


def store(file: File) -> Stored:
    """Keep an uploaded file: moved when the upload handler wrote and hashed it, else streamed and hashed.

    Raises:
        VerbatimError: FILE_TOO_LARGE, FILE_EMPTY, STORAGE_FULL. Nothing is left behind then.
    """
    name, target = _new()
    with _whole_or_not_at_all(target):
        known = getattr(file, "sha256", None)
        if known and hasattr(file, "temporary_file_path"):
            file.flush()
            size = os.path.getsize(file.temporary_file_path())
            require_size(size)
            shutil.move(file.temporary_file_path(), target)
            target.chmod(0o600)
            return Stored(name, size, known)
        return _stream(file, name, target)


def store_blocks(blocks: Iterable[bytes]) -> Stored:
    """Keep what comes out of an iterator, hashed on the way; what counts is what comes.

    Raises:
        VerbatimError: FILE_TOO_LARGE, FILE_EMPTY, STORAGE_FULL. Nothing is left behind then.
    """
    name, target = _new()
    with full_disk_is_an_answer():
        return _write(blocks, name, target)


def store_draft(draft: Path) -> Stored:
    """Give a finished draft, on the same file system, a second name among the originals, and hash it.

    The draft stays: until the document's row is committed it is the file that a repeated attempt needs.

    Raises:
        VerbatimError: FILE_TOO_LARGE, FILE_EMPTY, STORAGE_FULL.
    """
    name, target = _new()
    require_size(draft.stat().st_size)
    with _whole_or_not_at_all(target):
        try:
            os.link(draft, target)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV, errno.ENOSYS):
                raise
            shutil.copyfile(draft, target)  # a file system without hard links
        target.chmod(0o600)
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Stored(name, target.stat().st_size, digest)


def discard(name: str) -> None:
    """Remove a stored file, and the table made of it, once the surrounding transaction has committed."""

    def remove() -> None:
        path_of(name).unlink(missing_ok=True)
        tables.remove(name)

    if name:
        transaction.on_commit(remove)


def files_older_than(seconds: float) -> Iterator[Path]:
    """Stored files that were written at least so long ago."""
    limit = time.time() - seconds
    for path in settings.MEDIA_ROOT.glob("??/*"):
        try:
            if path.stat().st_mtime < limit:
                yield path
        except FileNotFoundError:
            continue


def remove_forgotten_drafts() -> int:
    """Remove what uploads left behind whose process was killed."""
    limit, removed = time.time() - FORGOTTEN_SECONDS, 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).glob(f"*{DRAFT_SUFFIX}*"):
        try:
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue
    return removed


@contextmanager
def _whole_or_not_at_all(target: Path) -> Iterator[None]:
    """Remove what was made of the target when it could not be completed, say on a full disk."""
    whole = False
    try:
        with full_disk_is_an_answer():
            yield
        whole = True
    finally:
        if not whole:
            target.unlink(missing_ok=True)


def _new() -> tuple[str, Path]:
    """A name that no file has, and where it goes."""
    name = uuid.uuid4().hex
    target = path_of(name)
    with full_disk_is_an_answer():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return name, target


def _stream(file: File, name: str, target: Path) -> Stored:
    if file.size is not None:
        require_size(file.size)
        require_space(file.size)
    return _write(file.chunks(BLOCK), name, target)


def _write(blocks: Iterable[bytes], name: str, target: Path) -> Stored:
    digest, size = hashlib.sha256(), 0
    draft = target.with_suffix(DRAFT_SUFFIX)
    try:
        with open(draft, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            for block in blocks:
                size += len(block)
                if size > max_bytes():
                    raise VerbatimError(
                        ErrorCode.FILE_TOO_LARGE, details={"max_mb": settings.MAX_FILE_SIZE_MB}
                    )
                digest.update(block)
                out.write(block)
        require_size(size)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    return Stored(name, size, digest.hexdigest())
