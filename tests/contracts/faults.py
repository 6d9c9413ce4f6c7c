"""What the scripted server does wrong, by the model's name: refusals, faults in the middle, odd bodies."""

import asyncio
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.contracts.protocols import LEAK, REASONING, TEXT, Ollama, Protocol
from tests.contracts.wire import Record, Sender

WINDOW = "this model's maximum context length is 8192 tokens"

_seen: dict[str, int] = {}


def _nth(record: Record) -> int:
    """How many times this mode was asked for in the same way (per path)."""
    key = f"{record.path} {record.model} {record.headers.get('authorization', '')}"
    _seen[key] = _seen.get(key, 0) + 1
    return _seen[key]


def refusal(record: Record) -> tuple[int, Any, tuple[str, ...]] | None:
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
        "529": (529, {"error": {"type": "overloaded_error", "message": secret}}, ()),
        "502-page": (502, f"<html><h1>502 Bad Gateway</h1>{LEAK}</html>", ()),
        "403-page": (403, f"<html><h1>Access denied</h1>{LEAK}</html>", ()),
        "413-page": (413, f"<html><h1>413 Request Entity Too Large</h1>{LEAK}</html>", ()),
        "declined": (400, {"error": {"message": secret, "code": "content_filter"}}, ()),
        "too-long-answer": (400, {"error": {"message": "max_tokens is too large: 9. At most 4."}}, ()),
        "echo-refused": (422, {"detail": [{"loc": ["body"], "msg": "bad", "input": "billing"}]}, ()),
        "redirect": (307, {}, ("location: http://169.254.169.254/latest/meta-data/",)),
        "window": (
            400,
            {"error": {"message": "maximum context length is 8192 tokens; lower max_completion_tokens"}},
            (),
        ),
        "credit": (429, {"error": {"message": secret, "code": "insufficient_quota"}}, ()),
    }
    if mode in plain:
        return plain[mode]
    soon = datetime.now(UTC) + timedelta(seconds=3600)  # by its own clock, which is an hour ahead
    date = (f"retry-after: {_http(soon + timedelta(seconds=1))}", f"date: {_http(soon)}")
    once = {"429-once": (429, ("retry-after: 1",)), "429-date-once": (429, date), "503-once": (503, ())}
    if mode in once and _nth(record) % 2 == 1:
        status, headers = once[mode]
        return status, {"error": {"message": secret}}, headers
    needs = {
        "no-temperature": ("temperature", "Unsupported value: 'temperature' does not support 0.2"),
        "completion-tokens": (
            "max_tokens",
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.",
        ),
        "no-system": ("system", "System role not supported"),
        "no-stream-options": ("stream_options", "extra fields not permitted: stream_options"),
    }
    given = {*record.body, *(one.get("role") for one in record.body.get("messages", []))}
    if mode in needs and needs[mode][0] in given:
        return 400, {"error": {"message": needs[mode][1], "param": needs[mode][0]}}, ()
    return None


def _http(when: datetime) -> str:
    return format_datetime(when, usegmt=True)


async def _cut(protocol: Protocol, send: Sender) -> None:
    send.reset()


async def _silent(protocol: Protocol, send: Sender) -> None:
    await asyncio.sleep(3600)


async def _drip(protocol: Protocol, send: Sender) -> None:
    """Bytes keep coming, tokens do not: timeouts per read never fire."""
    while True:
        await send.chunk(b"\n" if isinstance(protocol, Ollama) else b": still here\n\n")
        await asyncio.sleep(0.05)


async def _slowly(protocol: Protocol, send: Sender) -> None:
    """A token in a chunk of its own every ten milliseconds."""
    for number in range(SLOW_TOKENS):
        await send.chunk(protocol.text(f" {number}"))
        await asyncio.sleep(0.01)
    await send.chunk(protocol.finish() + protocol.last())
    await send.end()


async def _endless(protocol: Protocol, send: Sender) -> None:
    while True:
        await send.chunk(protocol.text(" and"))
        await asyncio.sleep(0.01)


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


async def _declined(protocol: Protocol, send: Sender) -> None:
    await send.chunk(protocol.declined())
    await send.end()


SLOW_TOKENS = 60

AFTER_TWO: dict[str, Callable[[Protocol, Sender], Any]] = {
    "cut": _cut,
    "silent": _silent,
    "drip": _drip,
    "slowly": _slowly,
    "endless": _endless,
    "end-early": _end_early,
    "error-mid": _error_mid,
    "malformed": _malformed,
    "longline": _longline,
    "declined-mid": _declined,
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


def _thought_only(protocol: Protocol) -> list[bytes]:
    """A model that spends all its tokens on reasoning."""
    thoughts = b"".join(map(protocol.reasoning, REASONING))
    return [protocol.start() + thoughts + protocol.finish("length") + protocol.last()]


LATE_THOUGHT = ["\n<thi", "nk>Let me think.</think>"]


def _half_think(protocol: Protocol) -> list[bytes]:
    """The prompt's template held the opening tag."""
    thought = map(protocol.text, ["Let me ", "think.</thi", "nk>\n", "\n"])
    return [protocol.start(), *thought, _ok(protocol).removeprefix(protocol.start())]


def _half_think_once(protocol: Protocol) -> list[bytes]:
    """A model that thinks before its first answer only."""
    name = f"half-think-once {type(protocol).__name__}"
    _seen[name] = _seen.get(name, 0) + 1
    return BODIES["half-think" if _seen[name] == 1 else "crlf"](protocol)


PACED = {"half-think": 0.02}  # seconds after each piece of a body

BODIES: dict[str, Callable[[Protocol], list[bytes]]] = {
    "crlf": lambda protocol: [_ok(protocol).replace(b"\n", b"\r\n")],
    "split": _split,
    "gzip": _gzip,
    "reasoning": _reasoning,
    "thought-only": _thought_only,
    "think": lambda protocol: [_ok(protocol, ["<th", "ink>Let me ", "think.</thi", "nk>\n\n", *TEXT])],
    "half-think": _half_think,
    "half-think-once": _half_think_once,
    "late-think": lambda protocol: [_ok(protocol, [*TEXT[:2], *LATE_THOUGHT, *TEXT[2:]])],
    "garbage": lambda protocol: [b"\x00\xff\xfe not a stream \x80\n\n"],
    "error-first": lambda protocol: [protocol.error(f"overloaded {LEAK}")],
    "surrogate": _surrogate,
    "nul": lambda protocol: [_ok(protocol, ["a\x00b", "\x00"])],
}
