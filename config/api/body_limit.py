"""No request body grows without end: what counts is what arrives, whatever was declared."""

import errno
import json
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from config.errors import ErrorCode, VerbatimError

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
MULTIPART_OVERHEAD = 1024**2
FULL = (errno.ENOSPC, errno.EDQUOT)


class BodyTooLarge(Exception):
    """Ends the request that is being received."""


class BodyLimit:
    """ASGI middleware: 413 beyond MAX_FILE_SIZE_MB, 507 where the disk has no room for the body.

    Django spools a body to disk before any view or upload handler sees it, and one without Content-Length
    (chunked) to its very end.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = settings.MAX_FILE_SIZE_MB * 1024**2 + MULTIPART_OVERHEAD
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await _refuse(send, _too_large())
            return
        received, started, full, more = 0, False, False, True

        async def take() -> Message:
            nonlocal received, more
            message = await receive()
            received += len(message.get("body", b""))
            more = bool(message.get("more_body", False))
            return message

        async def counted() -> Message:
            message = await take()
            if received > limit:
                raise BodyTooLarge
            return message

        async def noticed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted, noticed)
            return
        except BodyTooLarge:
            pass
        except OSError as error:  # of the spooling: one of a view is answered by Django
            if started or error.errno not in FULL:
                raise
            full = True
        while full and more and received <= limit:  # a client that still sends reads no answer
            await take()
        if not started:
            await _refuse(send, VerbatimError(ErrorCode.STORAGE_FULL) if full else _too_large())


def spool_to_data_disk() -> None:
    """Let bodies that Django spools go where uploads go.

    It takes the system's temporary directory, which in a container is memory or a small disk.
    """
    tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)


def _too_large() -> VerbatimError:
    return VerbatimError(ErrorCode.FILE_TOO_LARGE, details={"max_mb": settings.MAX_FILE_SIZE_MB})


async def _refuse(send: Send, error: VerbatimError) -> None:
    body = json.dumps({"error": error.as_dict()}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
