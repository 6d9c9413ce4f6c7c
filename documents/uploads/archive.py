"""Zip files: what is in them, one after the other, with every number counted and none believed.

Names inside are for display: nothing is ever written under them.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from config.errors import ErrorCode, VerbatimError
from documents.ingestion import storage
from documents.uploads.names import is_rubbish, is_zip

MAX_FILES = 1000
MAX_DIRECTORY_BYTES = 2 * 1024**2  # of a thousand entries with long names; zipfile reads it into memory
MAX_TOTAL_FILES = 4  # what comes out of one zip: this many times the largest file
SUSPICIOUS_RATIO, SUSPICIOUS_FROM = 200, 32 * 1024**2
BLOCK = 256 * 1024
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may ask for gigabytes of memory
UTF8_FLAG, ENCRYPTED_FLAG = 0x800, 0x1
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError)

Unpacked = tuple[str, storage.Stored | VerbatimError]


def unpack(path: Path) -> Iterator[Unpacked]:
    """Each file in the zip as (name with folders, stored file or why not). Rubbish and links are left out.

    The receiver owns the stored file that he is given.

    Raises:
        VerbatimError: ZIP_UNREADABLE, ZIP_EMPTY, ZIP_TOO_LARGE (too many files); for the zip as a whole.
    """
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(_Guarded(file))
        except (*DAMAGED, OSError) as error:
            raise VerbatimError(ErrorCode.ZIP_UNREADABLE) from error
        with archive:
            entries = [entry for entry in archive.infolist() if _wanted(entry)]
            if not entries:
                raise VerbatimError(ErrorCode.ZIP_EMPTY)
            if len(entries) > MAX_FILES:
                raise VerbatimError(
                    ErrorCode.ZIP_TOO_LARGE,
                    f"The zip file holds {len(entries)} files; at most {MAX_FILES} are taken at once.",
                )
            budget = _Budget(MAX_TOTAL_FILES * storage.max_bytes())
            for entry in entries:
                try:
                    yield name_of(entry), _store(archive, entry, budget)
                except VerbatimError as error:
                    yield name_of(entry), error


def name_of(entry: zipfile.ZipInfo) -> str:
    """The entry's name; UTF-8 is recognised also where the flag for it is missing, as from macOS."""
    if entry.flag_bits & UTF8_FLAG:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


class _Budget:
    """What may still come out of a zip, in bytes."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise VerbatimError(ErrorCode.ZIP_TOO_LARGE)


class _Guarded(io.RawIOBase):
    """The zip file, for zipfile: which would read a directory of any size into memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(min(size, MAX_DIRECTORY_BYTES + 1) if size >= 0 else MAX_DIRECTORY_BYTES + 1)
        if len(data) > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("the directory is too large")
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def _wanted(entry: zipfile.ZipInfo) -> bool:
    mode = entry.external_attr >> 16
    return not (entry.is_dir() or stat.S_ISLNK(mode) or stat.S_ISDIR(mode) or is_rubbish(name_of(entry)))


def _store(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> storage.Stored:
    if entry.flag_bits & ENCRYPTED_FLAG:
        raise VerbatimError(ErrorCode.ZIP_ENCRYPTED)
    if entry.compress_type not in METHODS:
        raise VerbatimError(
            ErrorCode.ZIP_UNREADABLE,
            "This file is packed in a way that is not supported.",
            next_step="Make the zip file with the usual method (deflate).",
        )
    if budget.left <= 0:
        raise VerbatimError(ErrorCode.ZIP_TOO_LARGE)
    try:
        with archive.open(entry) as packed:
            return storage.store_blocks(_inflated(packed, entry, budget))
    except DAMAGED as error:
        raise VerbatimError(ErrorCode.ZIP_UNREADABLE) from error


def _inflated(packed: IO[bytes], entry: zipfile.ZipInfo, budget: _Budget) -> Iterator[bytes]:
    """The entry's bytes, refused as soon as they show what they should not."""
    size = 0
    while block := packed.read(BLOCK):
        if size == 0 and is_zip(entry.filename, block):
            raise VerbatimError(ErrorCode.ZIP_NESTED)
        size += len(block)
        budget.spend(len(block))
        storage.require_space(len(block))
        if size > SUSPICIOUS_FROM and size > SUSPICIOUS_RATIO * max(entry.compress_size, 1):
            raise VerbatimError(ErrorCode.ZIP_SUSPICIOUS)
        yield block
