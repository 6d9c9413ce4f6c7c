"""Plain text and Markdown. Offsets count in the whole file, decoded and cleaned."""

import re
from collections.abc import Iterator
from typing import Any, TextIO

from documents.parsing import encodings
from documents.parsing.base import MAX_SECTION, Block, ParseError, Reading, Structure
from documents.parsing.clean import clean_text
from documents.parsing.clusters import boundary_before

PART_CHARS = 40_000  # about 10k tokens: 1-2 s of embedding on one core
HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$")
UNDERLINE = re.compile(r"^(=+|-{2,})[ \t]*$")
TITLE_LINE = re.compile(r"^ {0,3}(?![-*+>|#]|\d+[.)] )[^\s|][^|\n]{0,200}$")
FENCE = re.compile(r"^ {0,3}(```|~~~)")
MAX_SETTINGS = 60  # lines


def split(path: str, name: str) -> Structure:
    """Stretches that end at a blank line, else at a line's end, else at a space.

    Raises:
        ParseError: no_text, for a file of nothing but blanks.
    """
    encoding = encodings.detect(path)
    markdown = name.lower().endswith((".md", ".markdown"))
    spans: list[dict[str, Any]] = []
    chars, line, title, headings = 0, 1, "", Headings(markdown)
    blank = True
    with open(path, encoding=encoding.name, errors=encoding.errors, newline="") as file:
        while True:
            at = file.tell()
            raw = _next_stretch(file, at)
            if not raw:
                break
            text = clean_text(raw)
            span = {"at": at, "length": len(raw), "start": chars, "line": line}
            spans.append(span | {"headings": headings.state()} if markdown else span)
            for _, section in headings.sections(text, first=not spans[:-1]):
                title = title or section
            chars += len(text)
            line += text.count("\n")
            blank = blank and not text.strip()
    if blank:
        raise ParseError("no_text", "The file holds no text.")
    reading = encoding.reading() | {"lines": line, "markdown": markdown}
    return Structure(spans=tuple(spans), title=title, reading=reading, warnings=encoding.warnings())


def read(path: str, span: dict[str, Any]) -> Reading:
    """The blocks of one stretch: one per Markdown section, else one."""
    with _opened(path, span) as file:
        text = _stretch(file, span)
    headings = Headings(span["markdown"], span.get("headings"))
    starts = [(0, headings.title()), *headings.sections(text, first=span["start"] == 0)]
    blocks = []
    for index, (start, section) in enumerate(starts):
        end = starts[index + 1][0] if index + 1 < len(starts) else len(text)
        if text[start:end].strip():
            line = span["line"] + text.count("\n", 0, start)
            blocks.append(Block(text[start:end], start=span["start"] + start, section=section, line=line))
    return Reading(blocks=tuple(blocks))


def lines(path: str, spans: list[dict[str, Any]], first: int, last: int) -> dict[str, Any]:
    """Some lines of the file, numbered as those of the blocks are.

    Args:
        spans: stretches that follow one another, as for `read`. Only what they hold is read.
        first, last: from 1; of these the whole lines within the stretches are given.

    Returns:
        {"first": number of the first one given, "lines": [text]}.
    """
    with _opened(path, spans[0]) as file:
        text = "".join([_stretch(file, span) for span in spans])
        goes_on = bool(file.read(1))
    found, number = text.split("\n"), spans[0]["line"]
    if spans[0]["start"]:  # it may begin within a line
        found, number = found[1:], number + 1
    if goes_on:
        found = found[:-1]
    skipped = max(first - number, 0)
    return {"first": number + skipped, "lines": found[skipped : max(last + 1 - number, 0)]}


def _opened(path: str, span: dict[str, Any]) -> TextIO:
    return open(path, encoding=span["encoding"], errors=span.get("errors", "strict"), newline="")


def _stretch(file: TextIO, span: dict[str, Any]) -> str:
    file.seek(span["at"])
    return clean_text(file.read(span["length"]))


class Headings:
    """Follows Markdown headings from line to line; the section is the path of titles."""

    def __init__(self, markdown: bool, state: list[Any] | None = None) -> None:
        self.markdown = markdown
        path, self.fenced = state or [[], False]
        self.path: list[tuple[int, str]] = [(level, text) for level, text in path]

    def state(self) -> list[Any]:
        """JSON-able, for `__init__`."""
        return [[list(item) for item in self.path], self.fenced]

    def title(self) -> str:
        """The section in force."""
        return " › ".join(text for _, text in self.path)[:MAX_SECTION]

    def sections(self, text: str, *, first: bool) -> Iterator[tuple[int, str]]:
        """(offset, section) of each heading in the text.

        Args:
            first: the text is the file's beginning, where settings may stand between two lines of dashes.
        """
        if not self.markdown:
            return
        lines = text.splitlines(keepends=True)
        settings = _settings_end(lines) if first else 0
        offset = 0
        for index, line in enumerate(lines):
            if index < settings:
                pass
            elif FENCE.match(line):
                self.fenced = not self.fenced
            elif not self.fenced and (found := HEADING.match(line.rstrip("\n"))):
                yield offset, self._entered(len(found[1]), found[2])
            elif not self.fenced and (level := _underlined(lines, index, settings)):
                yield offset, self._entered(level, line.strip())
            offset += len(line)

    def _entered(self, level: int, title: str) -> str:
        self.path = [item for item in self.path if item[0] < level] + [(level, title)]
        return self.title()


def _settings_end(lines: list[str]) -> int:
    """How many lines the block of settings takes that a Markdown file may begin with."""
    if lines and lines[0].rstrip() == "---":
        for index, line in enumerate(lines[1:MAX_SETTINGS], start=2):
            if line.rstrip() in ("---", "..."):
                return index
    return 0


def _underlined(lines: list[str], index: int, settings: int) -> int:
    """1 or 2 for a line of its own with a line of = or - under it, else 0."""
    if index + 1 >= len(lines) or not (found := UNDERLINE.match(lines[index + 1])):
        return 0
    alone = index == settings or not lines[index - 1].strip()
    return (1 if found[1][0] == "=" else 2) if alone and TITLE_LINE.match(lines[index]) else 0


def _next_stretch(file: Any, at: int) -> str:
    """Read on to a good end and leave the file there; "" at the end of the file."""
    raw = file.read(PART_CHARS)
    if len(raw) < PART_CHARS:
        return str(raw)
    for mark in ("\r\n\r\n", "\n\n", "\n", "\r", " ", "\t", "。"):
        cut = raw.rfind(mark, PART_CHARS // 2)
        if cut >= 0 and (mark != "\r" or raw[cut : cut + 2] != "\r\n"):
            raw = raw[: cut + len(mark)]
            break
    else:
        raw = raw[: boundary_before(raw, len(raw) - 1)]
    file.seek(at)
    return str(file.read(len(raw)))
