"""HTTP/1.1 by hand, so that it can be broken: requests as they arrived, answers as they are sent."""

import asyncio
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Record:
    """One request as it arrived.

    Attributes:
        at: when, by `time.monotonic`.
        closed: set when the client has gone or the answer is complete.
        closed_at: when that was.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)
    closed: threading.Event = field(default_factory=threading.Event)
    closed_at: float = 0.0

    def close(self) -> None:
        """The client has gone, or the answer is complete; said twice, the first counts."""
        if not self.closed.is_set():
            self.closed_at = time.monotonic()
            self.closed.set()

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))


class Sender:
    """Writes HTTP/1.1 by hand, so that it can break it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    async def head(self, status: int, content_type: str, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", *headers]
        self.writer.write("\r\n".join([*lines, "transfer-encoding: chunked", "", ""]).encode())
        await self.writer.drain()

    async def slow_header(self) -> None:
        """A header that never ends: bytes keep coming."""
        self.writer.write(b"HTTP/1.1 200 X\r\nx-slow: ")
        while True:
            self.writer.write(b"z")
            await self.writer.drain()
            await asyncio.sleep(0.05)

    async def chunk(self, data: bytes) -> None:
        if data:
            self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await self.writer.drain()

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def whole(self, status: int, body: bytes, content_type: str, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", f"content-length: {len(body)}"]
        self.writer.write("\r\n".join([*lines, *headers, "", ""]).encode() + body)
        await self.writer.drain()

    async def json(self, status: int, value: Any, *headers: str) -> None:
        await self.whole(status, json.dumps(value).encode(), "application/json", *headers)

    def reset(self) -> None:
        """An RST instead of a FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def read_request(reader: asyncio.StreamReader) -> Record | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Record(method, path, headers, json.loads(body) if body else {})
