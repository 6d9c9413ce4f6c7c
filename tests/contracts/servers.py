"""A scripted LLM server on a real socket: it speaks the OpenAI, the Ollama and the Anthropic protocol.

The model's name chooses what it does wrong; see `_chat` and `faults`. It runs in a thread of its own, so that
synchronous and asynchronous tests, and other processes, may call it.
"""

import asyncio
import json
import threading
from typing import Any

from tests.contracts.faults import AFTER_TWO, BODIES, PACED, refusal
from tests.contracts.protocols import HUGE_BLOCK, LEAK, MODELS, PROTOCOLS, REASONING, TEXT, Protocol
from tests.contracts.wire import Record, Sender, read_request


class LLMServer:
    """The server. `url` is its address; `records` every request so far, newest last."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.models: list[str] = list(MODELS)
        self.gates: dict[str, threading.Event] = {}
        self.window: int | None = None  # what it says of every model, if anything
        self.tokenizer: tuple[
            str, ...
        ] = ()  # the fields that its `/tokenize` wants, the text last; none: 404
        self.tokenizer_says: tuple[int, Any] | None = None  # instead: a status, and JSON or a page
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
        return [one for one in self.records if one.model == model and "messages" in one.body]

    def clear(self) -> None:
        self.records.clear()

    def gate(self, model: str) -> threading.Event:
        """What a model named `gated-<words before>-<words after>` waits for between the two."""
        return self.gates.setdefault(model, threading.Event())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.wait(left, timeout=5) if left else asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record: Record | None = None
        leaving: asyncio.Task[bytes] | None = None
        try:
            while (record := await read_request(reader)) is not None:
                self.records.append(record)
                answering = asyncio.create_task(self._answer(record, writer))
                leaving = asyncio.create_task(reader.read(1))  # nothing is pipelined: EOF means they left
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done() or writer.transport.is_closing():
                    answering.cancel()
                    await asyncio.gather(answering, return_exceptions=True)
                    break
                answering.result()
                record.close()
                first = await leaving
                if not first:
                    break
                reader._buffer[:0] = first  # type: ignore[attr-defined]
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if record is not None:
                record.close()
            if leaving is not None:
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)
            writer.transport.abort()

    async def _answer(self, record: Record, writer: asyncio.StreamWriter) -> None:
        path = record.path.partition("?")[0]
        if record.method == "GET":
            await self._list(record, path, writer)
        elif path in PROTOCOLS and record.model.startswith("gated-"):
            await self._gated(PROTOCOLS[path], record, Sender(writer))
        elif path == "/tokenize" and self.tokenizer_says:
            status, said = self.tokenizer_says
            if isinstance(said, str):
                await Sender(writer).whole(status, said.encode(), "text/html")
            else:
                await Sender(writer).json(status, said)
        elif path == "/tokenize" and self.tokenizer:
            given = [record.body[name] for name in self.tokenizer]
            await Sender(writer).json(200, {"tokens": [ord(char) for char in given[-1]]})
        elif path == "/api/show":
            facts = {"general.architecture": "llama", "llama.context_length": self.window}
            await Sender(writer).json(200, {"model_info": facts if self.window else {}})
        elif path in PROTOCOLS:
            await _chat(PROTOCOLS[path], record, Sender(writer))
        else:
            await Sender(writer).whole(404, b"<html>not found</html>", "text/html")

    async def _gated(self, protocol: Protocol, record: Record, send: Sender) -> None:
        """Numbered words (see `words`), some of them before the gate opens."""
        before, after = (int(number) for number in record.model.split("-")[1:3])
        await send.head(200, protocol.content_type)
        await send.chunk(protocol.start())
        for number in range(before + after):
            while number == before and not self.gate(record.model).is_set():
                await asyncio.sleep(0.01)
            await send.chunk(protocol.text(words(number + 1, number)))
            await asyncio.sleep(0.005)
        await send.chunk(protocol.finish() + protocol.last())
        await send.end()

    async def _list(self, record: Record, path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/api/tags":
            listing: dict[str, Any] = {"models": [{"name": name} for name in self.models]}
        elif path == "/v1/models":
            windows = {"max_model_len": self.window} if self.window else {}
            listing = {"object": "list", "data": [{"id": name} | windows for name in self.models]}
        elif path.startswith("/v1/models/"):
            listing = {"id": path.rpartition("/")[2], "max_input_tokens": self.window}
        else:
            await Sender(writer).whole(404, b"404 page not found", "text/plain")
            return
        if "sk-bad" in record.headers.get("authorization", "") + record.headers.get("x-api-key", ""):
            await Sender(writer).json(401, {"error": {"message": f"Incorrect API key provided: {LEAK}"}})
            return
        await Sender(writer).json(200, listing)


def words(count: int, begin: int = 0) -> str:
    """What a gated model says: `w0 w1` and so on, so that each lost or doubled word shows."""
    return "".join(f"{' ' if number else ''}w{number}" for number in range(begin, count))


async def _chat(protocol: Protocol, record: Record, send: Sender) -> None:
    refused = refusal(record)
    if refused is not None:
        status, body, headers = refused
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
    if record.model in ("whole", "whole-pretty"):
        value = protocol.whole("".join(TEXT), "".join(REASONING))
        text = json.dumps(value, ensure_ascii=False, indent=2 if record.model == "whole-pretty" else None)
        await send.whole(200, text.encode(), "application/json")
        return
    if record.model == "slow-header":
        await send.slow_header()
        return
    encoding = ("content-encoding: gzip",) if record.model == "gzip" else ()
    types = {"wrong-type": "application/octet-stream"}
    await send.head(200, types.get(record.model, protocol.content_type), *encoding)
    await _stream(protocol, record, send)


ENDLESS = {"huge": "text", "huge-thoughts": "reasoning", "huge-silence": "nothing"}


async def _stream(protocol: Protocol, record: Record, send: Sender) -> None:
    mode = record.model
    if mode in BODIES:
        for data in BODIES[mode](protocol):
            await send.chunk(data)
            await asyncio.sleep(PACED.get(mode, 0))
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
    elif mode in ENDLESS:
        block = getattr(protocol, ENDLESS[mode])(HUGE_BLOCK)
        while True:
            await send.chunk(block)
    elif mode == "slow-thinker":
        for _ in range(12):  # longer than the limit for the first token, in steps shorter than a gap
            await send.chunk(protocol.reasoning("hm "))
            await asyncio.sleep(0.15)
        await send.chunk(protocol.text("".join(TEXT)))
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
