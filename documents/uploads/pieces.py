"""Long pieces of an upload are handed on in short ones, so that a broken connection loses next to nothing.

Django reads a request's whole body before any view runs, and forgets it when the client goes away. A tus
client may send a file as one single piece of a gigabyte; in front of Django it is cut into pieces of PIECE
bytes, each a request of its own with its own check of who asks. What has arrived when the connection breaks
is handed on too.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PIECE = 2 * 1024**2  # below what Django keeps in memory (FILE_UPLOAD_MAX_MEMORY_SIZE)
READ_ON = 16 * 1024**2  # of a body whose answer is known: a client that still sends may miss the answer
ROUTE = re.compile(r"^/api/uploads/[0-9a-fA-F-]{36}/?$")
OFFSET, LENGTH = b"upload-offset", b"content-length"
NO_CONTENT = 204


class Pieces:
    """ASGI middleware for PATCH /api/uploads/<id>; everything else passes."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PATCH" or not ROUTE.match(scope["path"]):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        offset = headers.get(OFFSET, b"")
        if not offset.isdigit() or len(offset) > 18:
            await self.app(scope, receive, send)
            return
        await self._cut(scope, _Body(receive), int(offset), send)

    async def _cut(self, scope: Message, body: "_Body", offset: int, send: Send) -> None:
        while True:
            piece = [await body.read(PIECE)]
            size = len(piece[0])
            if body.gone and not size:
                return
            answer = await self._ask(scope, piece, offset)
            offset += size
            if body.ended or answer[0]["status"] != NO_CONTENT:
                break
        if body.gone:
            return
        if not body.ended and not await body.skip(READ_ON):
            answer[0]["headers"] = [*answer[0].get("headers", []), (b"connection", b"close")]
        for message in answer:
            await send(message)

    async def _ask(self, scope: Message, piece: list[bytes], offset: int) -> list[Message]:
        """Django's answer to a short piece. It is not told that the client went away: what came, counts.

        Args:
            piece: taken out of its list, so that nothing here holds it while Django works on a copy.
        """
        own = (OFFSET, LENGTH, b"transfer-encoding")
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in own]
        headers += [(OFFSET, b"%d" % offset), (LENGTH, b"%d" % len(piece[0]))]
        answer: list[Message] = []

        async def receive() -> Message:
            if not piece:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": piece.pop(), "more_body": False}

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.app(scope | {"headers": headers}, receive, keep)
        return answer


class _Body:
    """A request's body, read in lengths of our choice."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.kept = bytearray()
        self.complete = False  # the client has sent all
        self.gone = False  # the client went away

    @property
    def ended(self) -> bool:
        """Nothing more will be read."""
        return not self.kept and (self.complete or self.gone)

    async def read(self, size: int) -> bytes:
        """`size` bytes, fewer at the end; one more is waited for, to know whether this is the end."""
        while len(self.kept) <= size and not (self.complete or self.gone):
            await self._more()
        with memoryview(self.kept) as kept:
            piece = bytes(kept[:size])
        del self.kept[:size]
        return piece

    async def skip(self, size: int) -> bool:
        """Read on without keeping; whether the end came within `size` bytes."""
        self.kept.clear()
        while size > 0 and not (self.complete or self.gone):
            await self._more()
            size -= len(self.kept)
            self.kept.clear()
        return self.complete or self.gone

    async def _more(self) -> None:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            self.gone = True
            return
        self.kept += message.get("body", b"")
        self.complete = not message.get("more_body", False)
