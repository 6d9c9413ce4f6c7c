"""Django's upload handler: to disk, hashed on the way, and no byte beyond the limit."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from config.errors import ErrorCode, VerbatimError
from documents.ingestion import storage

MULTIPART_OVERHEAD = 64 * 1024


class HashingUploadHandler(TemporaryFileUploadHandler):
    """Counts what is received (a declared length may lie) and gives the file a `sha256`."""

    chunk_size = 256 * 1024

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        if content_length > storage.max_bytes() + MULTIPART_OVERHEAD:
            raise VerbatimError(ErrorCode.FILE_TOO_LARGE)
        storage.require_space(content_length)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        with storage.full_disk_is_an_answer():
            super().new_file(*args, **kwargs)
        self._digest = hashlib.sha256()
        self._size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with self._whole_or_gone():
            self._size += len(raw_data)
            if self._size > storage.max_bytes():
                raise VerbatimError(ErrorCode.FILE_TOO_LARGE)
            self._digest.update(raw_data)
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile | None:
        with self._whole_or_gone():  # the last bytes may be written only here
            file = super().file_complete(file_size)
        if file is not None:
            file.sha256 = self._digest.hexdigest()  # type: ignore[attr-defined]
            # Django cuts folders off `file.name`; a parser that lets them through means them (bulk uploads)
            file.relative_name = self.file_name  # type: ignore[attr-defined]
        return file

    @contextmanager
    def _whole_or_gone(self) -> Iterator[None]:
        """Remove the file of an upload that is refused: Django closes only those that are complete."""
        try:
            with storage.full_disk_is_an_answer():
                yield
        except VerbatimError:
            with suppress(OSError):  # on a full disk closing fails too, but removes
                self.file.close()
            raise
