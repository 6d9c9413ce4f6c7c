"""A scripted LLM server on a real socket: it speaks the OpenAI, the Ollama and the Anthropic protocol.

The model's name chooses what it does wrong; see `_refusal`, `_stream` and `BODIES`. It runs in a thread of
its own, so that synchronous and asynchronous tests, and other processes, may call it.
"""

import asyncio
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contracts.protocols import HUGE_BLOCK, LEAK, MODELS, PROTOCOLS, REASONING, TEXT, Ollama, Protocol


@dataclass
class Record:
    """One request as it arrived. `closed` is set when the client has gone or the answer is complete."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))


class LLMServer:
    """The server. `url` is its address; `records` every request so far, newest last."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.models: list[str] = list(MODELS)
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "LLMServer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def of(self, model: str) -> list[Record]:
        """The chat requests for one model."""
        return [record for record in self.records if record.model == model]

    def clear(self) -> None:
        self.records.clear()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record: Record | None = None
        leaving: asyncio.Task[bytes] | None = None
        try:
            while (record := await _read_request(reader)) is not None:
                self.records.append(record)
                answering = asyncio.create_task(self._answer(record, writer))
                leaving = asyncio.create_task(reader.read(1))  # nothing is pipelined: EOF means they left
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done() or writer.transport.is_closing():
                    answering.cancel()
                    await asyncio.gather(answering, return_exceptions=True)
                    break
                answering.result()
                record.closed.set()
                first = await leaving
                if not first:
                    break
                reader._buffer[:0] = first  # type: ignore[attr-defined]
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if record is not None:
                record.closed.set()
            if leaving is not None:
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)
            writer.transport.abort()

    async def _answer(self, record: Record, writer: asyncio.StreamWriter) -> None:
        path = record.path.partition("?")[0]
        if record.method == "GET":
            await self._list(record, path, writer)
        elif path in PROTOCOLS:
            await _chat(PROTOCOLS[path], record, Sender(writer))
        else:
            await Sender(writer).whole(404, b"<html>not found</html>", "text/html")

    async def _list(self, record: Record, path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/api/tags":
            listing: dict[str, Any] = {"models": [{"name": name} for name in self.models]}
        elif path == "/v1/models":
            listing = {"object": "list", "data": [{"id": name} for name in self.models]}
        else:
            await Sender(writer).whole(404, b"404 page not found", "text/plain")
            return
        if "sk-bad" in record.headers.get("authorization", "") + record.headers.get("x-api-key", ""):
            await Sender(writer).json(401, {"error": {"message": f"Incorrect API key provided: {LEAK}"}})
            return
        await Sender(writer).json(200, listing)


class Sender:
    """Writes HTTP/1.1 by hand, so that it can break it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    async def head(self, status: int, content_type: str, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", *headers]
        self.writer.write("\r\n".join([*lines, "transfer-encoding: chunked", "", ""]).encode())
        await self.writer.drain()

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


async def _read_request(reader: asyncio.StreamReader) -> Record | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Record(method, path, headers, json.loads(body) if body else {})


_seen: dict[str, int] = {}


def _nth(record: Record) -> int:
    """How many times this mode was asked for in the same way (per path)."""
    key = f"{record.path} {record.model} {record.headers.get('authorization', '')}"
    _seen[key] = _seen.get(key, 0) + 1
    return _seen[key]


async def _chat(protocol: Protocol, record: Record, send: Sender) -> None:
    refusal = _refusal(record)
    if refusal is not None:
        status, body, headers = refusal
        if isinstance(body, str):
            await send.whole(status, body.encode(), "text/html", *headers)
        else:
            await send.json(status, body, *headers)
        return
    if record.model == "hang":
        await asyncio.sleep(3600)
    if record.model == "cut-first":
        send.reset()
        return
    if record.model == "html":
        await send.whole(200, b"<!doctype html><title>Sign in</title>", "text/html; charset=utf-8")
        return
    encoding = ("content-encoding: gzip",) if record.model == "gzip" else ()
    await send.head(200, protocol.content_type, *encoding)
    await _stream(protocol, record, send)


async def _stream(protocol: Protocol, record: Record, send: Sender) -> None:
    mode = record.model
    if mode in BODIES:
        for data in BODIES[mode](protocol):
            await send.chunk(data)
        await send.end()
        return
    await send.chunk(protocol.start())
    if mode == "echo":
        # an obedient model under prompt injection: it repeats whatever it was given
        given = "\n".join(str(one.get("content")) for one in record.body.get("messages", []))
        await send.chunk(protocol.text(given))
    elif mode in AFTER_TWO:
        for text in TEXT[:2]:
            await send.chunk(protocol.text(text))
        await asyncio.sleep(0.05)
        await AFTER_TWO[mode](protocol, send)
        return
    elif mode == "huge":
        while True:
            await send.chunk(protocol.text(HUGE_BLOCK))
    elif not mode.startswith("empty"):
        for text in TEXT:
            await send.chunk(protocol.text(text))
            await asyncio.sleep(0.005)
    await send.chunk(
        protocol.finish("length" if mode.endswith("length") else "stop", usage=mode != "no-usage")
    )
    if mode == "late-close":
        await asyncio.sleep(3600)
    await send.chunk(b"" if mode == "no-done" else protocol.last())
    await send.end()


def _refusal(record: Record) -> tuple[int, Any, tuple[str, ...]] | None:
    """(status, body, headers) for the modes that answer with a status, None for the others."""
    mode = record.model
    secret = f"internal detail {LEAK} <script>alert(1)</script>"
    plain: dict[str, tuple[int, Any, tuple[str, ...]]] = {
        "401": (401, {"error": {"message": secret, "code": "invalid_api_key"}}, ()),
        "403": (403, {"error": {"message": secret}}, ()),
        "404": (404, {"error": {"message": f"model '404' not found {LEAK}", "code": "model_not_found"}}, ()),
        "429": (429, {"error": {"message": secret}}, ()),
        "429-wait": (429, {"error": {"message": secret}}, ("retry-after: 1",)),
        "429-far": (429, {"error": {"message": secret}}, ("retry-after: 3600",)),
        "500": (500, {"error": {"message": secret}}, ()),
        "redirect": (307, {}, ("location: http://169.254.169.254/latest/meta-data/",)),
        "window": (400, {"error": {"message": "maximum context length is 8192 tokens"}}, ()),
        "credit": (429, {"error": {"message": secret, "code": "insufficient_quota"}}, ()),
    }
    if mode in plain:
        return plain[mode]
    once = {"429-once": (429, ("retry-after: 1",)), "503-once": (503, ())}
    if mode in once and _nth(record) % 2 == 1:
        status, headers = once[mode]
        return status, {"error": {"message": secret}}, headers
    needs = {
        "no-temperature": ("temperature", "Unsupported value: 'temperature' does not support 0.2"),
        "completion-tokens": (
            "max_tokens",
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.",
        ),
        "no-stream-options": ("stream_options", "extra fields not permitted: stream_options"),
    }
    if mode in needs and needs[mode][0] in record.body:
        return 400, {"error": {"message": needs[mode][1], "param": needs[mode][0]}}, ()
    return None


async def _cut(protocol: Protocol, send: Sender) -> None:
    send.reset()


async def _silent(protocol: Protocol, send: Sender) -> None:
    await asyncio.sleep(3600)


async def _drip(protocol: Protocol, send: Sender) -> None:
    """Bytes keep coming, tokens do not: timeouts per read never fire."""
    while True:
        await send.chunk(b"\n" if isinstance(protocol, Ollama) else b": still here\n\n")
        await asyncio.sleep(0.05)


async def _end_early(protocol: Protocol, send: Sender) -> None:
    await send.end()


async def _error_mid(protocol: Protocol, send: Sender) -> None:
    await send.chunk(protocol.error(f"cuda out of memory {LEAK}"))
    await send.end()


async def _malformed(protocol: Protocol, send: Sender) -> None:
    broken = (
        b'{"message": {"content": "x\n' if isinstance(protocol, Ollama) else b'data: {"choices": [{"del\n\n'
    )
    await send.chunk(broken)
    await send.end()


async def _longline(protocol: Protocol, send: Sender) -> None:
    await send.chunk(b"data: " + b"y" * 5_000_000)
    await send.end()


AFTER_TWO: dict[str, Callable[[Protocol, Sender], Any]] = {
    "cut": _cut,
    "silent": _silent,
    "drip": _drip,
    "end-early": _end_early,
    "error-mid": _error_mid,
    "malformed": _malformed,
    "longline": _longline,
}


def _ok(protocol: Protocol, texts: list[str] = TEXT) -> bytes:
    return protocol.start() + b"".join(map(protocol.text, texts)) + protocol.finish() + protocol.last()


def _split(protocol: Protocol) -> list[bytes]:
    """Every byte in a chunk of its own: characters, lines and tags are all cut."""
    return [bytes([byte]) for byte in _ok(protocol)]


def _gzip(protocol: Protocol) -> list[bytes]:
    packer = zlib.compressobj(wbits=31)
    return [packer.compress(_ok(protocol)) + packer.flush()]


def _reasoning(protocol: Protocol) -> list[bytes]:
    return [
        protocol.start(),
        *map(protocol.reasoning, REASONING),
        _ok(protocol).removeprefix(protocol.start()),
    ]


def _surrogate(protocol: Protocol) -> list[bytes]:
    """Half an emoji in each delta, as JSON escapes, and a lone half at the end."""
    body = protocol.text("@A") + protocol.text("@B!") + protocol.text(" @A.")
    body = body.replace(b"@A", b"\\ud83d").replace(b"@B", b"\\ude42")
    return [protocol.start() + body + protocol.finish() + protocol.last()]


BODIES: dict[str, Callable[[Protocol], list[bytes]]] = {
    "crlf": lambda protocol: [_ok(protocol).replace(b"\n", b"\r\n")],
    "split": _split,
    "gzip": _gzip,
    "reasoning": _reasoning,
    "think": lambda protocol: [_ok(protocol, ["<th", "ink>Let me ", "think.</thi", "nk>\n\n", *TEXT])],
    "garbage": lambda protocol: [b"\x00\xff\xfe not a stream \x80\n\n"],
    "error-first": lambda protocol: [protocol.error(f"overloaded {LEAK}")],
    "surrogate": _surrogate,
    "nul": lambda protocol: [_ok(protocol, ["a\x00b", "\x00"])],
}
