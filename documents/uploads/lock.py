"""One request at a time writes to an upload, on however many machines."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from config.errors import ErrorCode, VerbatimError


@contextmanager
def held(upload_id: uuid.UUID) -> Iterator[None]:
    """Hold the upload's lock: PostgreSQL's, for this connection, without a transaction.

    It ends with the connection, so a process that dies holds nothing.

    Raises:
        VerbatimError: UPLOAD_BUSY at once when somebody else holds it.
    """
    key = int.from_bytes(upload_id.bytes[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        (got,) = cursor.fetchone()
    if not got:
        raise VerbatimError(ErrorCode.UPLOAD_BUSY, retry_after=1)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
