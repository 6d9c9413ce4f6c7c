"""Decoders for what arrives in pieces: lines, server-sent events, surrogate pairs.

Pure and incremental: whatever the cut between two pieces, the result is the same.
"""

import json
from collections.abc import Iterator
from typing import Any

MAX_LINE_BYTES = 1024 * 1024


class UnreadableStream(ValueError):
    """What arrived is not what the protocol allows."""


class LineDecoder:
    """Bytes in, whole lines out, ended by LF, CRLF or CR; a character may be cut between two pieces."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._after_cr = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that this piece completes, without their ends.

        Raises:
            UnreadableStream: a line is longer than the limit.
        """
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
        if data:
            self._after_cr = data.endswith(b"\r")
        for part in data.splitlines(keepends=True):
            line = part.rstrip(b"\r\n")
            self._size += len(line)
            if self._size > self._limit:
                raise UnreadableStream("a line without end")
            self._pieces.append(line)
            if len(line) < len(part):
                yield self._take()

    def end(self) -> Iterator[str]:
        """The last line, if it was not ended."""
        if self._pieces:
            yield self._take()

    def _take(self) -> str:
        line = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return line.decode("utf-8", "replace").removeprefix("\ufeff")


class ObjectDecoder:
    """Lines in, the texts of whole JSON objects out: one per line, or one written over many lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def feed(self, line: str) -> Iterator[str]:
        """The objects that this line completes. One that cannot be completed any more comes out as it is."""
        if self._lines and line[:1] in (" ", "\t", "}", "]"):
            self._lines.append(line)
            if line.rstrip() == "}":
                yield from self.end()
            return
        yield from self.end()
        if line.rstrip() == "{":
            self._lines.append(line)
        elif line.strip():
            yield line

    def end(self) -> Iterator[str]:
        """What has come of an object that was not completed."""
        if self._lines:
            text = "\n".join(self._lines)
            self._lines.clear()
            yield text


class EventDecoder:
    """Lines in, the data of server-sent events out (https://html.spec.whatwg.org/multipage/server-sent-events.html).

    The event's name is not needed: every provider repeats it in the data. A bare JSON object counts as data:
    some servers send one for an error, or for the whole answer where they do not stream.
    """

    def __init__(self) -> None:
        self._data: list[str] = []
        self._objects = ObjectDecoder()
        self._in_object = False

    def feed(self, line: str) -> Iterator[str]:
        """The data of the event that this line completes."""
        if line.startswith("data:"):
            self._in_object = False
            self._data.append(line[5:].removeprefix(" "))
        elif line.startswith("{") or self._in_object:
            self._in_object = True
            yield from self._objects.feed(line)
        elif not line:
            yield from self.end()

    def end(self) -> Iterator[str]:
        """The data of the last event, also when no blank line followed it."""
        if self._data:
            data = "\n".join(self._data)
            self._data.clear()
            yield data


class Cleaner:
    """Text that PostgreSQL and UTF-8 can hold: no NUL, surrogate halves joined across pieces or replaced."""

    def __init__(self) -> None:
        self._high = ""

    def feed(self, text: str) -> str:
        """The clean text; half a pair at its end waits for the next piece."""
        text = (self._high + text).replace("\x00", "")
        self._high = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        if text.isascii():
            return text
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object in a line or an event.

    Raises:
        UnreadableStream: it is not JSON, or no object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableStream("broken JSON") from None
    if not isinstance(value, dict):
        raise UnreadableStream("JSON that is no object")
    return value


def text_of(value: Any) -> str:
    """A string field that may be absent, null or of a wrong type."""
    return value if isinstance(value, str) else ""


def dict_of(value: Any) -> dict[str, Any]:
    """An object field that may be absent, null or of a wrong type."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list field that may be absent, null or of a wrong type."""
    return value if isinstance(value, list) else []


def count_of(value: Any) -> int | None:
    """A token count, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
