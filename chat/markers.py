"""Where a text cites: `[n]` in running text, and not in code nor in the text of a link, as it is shown."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_CHARS = 100_000  # longer answers are shown as plain text, in which nothing is code
MARKER = re.compile(r"\[(\d{1,3})\]")
# In place of a marker's number while Markdown is read: which one it is. Characters for private use.
_OPEN, _CLOSE = "\ue000", "\ue001"
_TAGGED = re.compile(rf"\[{_OPEN}(\d+){_CLOSE}\]")
_TAGS = str.maketrans(_OPEN + _CLOSE, "\ufffd\ufffd")


@dataclass(frozen=True)
class Marker:
    """One citation: `text[start:end]` is `[number]`."""

    start: int
    end: int
    number: int


@lru_cache(maxsize=16)
def find(text: str) -> tuple[Marker, ...]:
    """The citations of an answer, in order: exactly those that its readers are shown as such.

    Args:
        text: Markdown with markers as `chat.engine.marker_filter` writes them.
    """
    every = [Marker(one.start(), one.end(), int(one[1])) for one in MARKER.finditer(text)]
    if not every or len(text) > MAX_CHARS:
        return tuple(every)
    count = iter(range(len(every)))
    tagged = MARKER.sub(lambda _: f"[{_OPEN}{next(count)}{_CLOSE}]", text.translate(_TAGS))
    cited = {
        int(number)
        for block in _reader().parse(tagged)
        for token in running_text(block)
        for number in _TAGGED.findall(token.content)
    }
    return tuple(one for at, one in enumerate(every) if at in cited)


def without(text: str, found: Iterable[Marker] | None = None, *, start: int = 0) -> str:
    """The text without its citations and the blanks before them.

    Args:
        found: its citations, if they are known; those of a larger text may be given.
        start: where the text begins in that larger text.
    """
    parts: list[str] = []
    at = 0
    for one in find(text) if found is None else found:
        if start <= one.start and one.end <= start + len(text):
            parts.append(text[at : one.start - start].rstrip(" \t"))
            at = one.end - start
    return "".join([*parts, text[at:]])


def syntax(**options: Any) -> MarkdownIt:
    """The Markdown of answers: CommonMark with tables and strikethrough, without images and HTML."""
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False} | options)
    parser.enable(["table", "strikethrough"])
    parser.disable(["image", "html_block", "html_inline", "reference"])  # a definition would eat its [n]
    parser.validateLink = is_link_allowed  # type: ignore[method-assign]
    return parser


def is_link_allowed(url: str) -> bool:
    """Whether a link may lead there; others stay text."""
    return url.strip().lower().startswith(("http://", "https://", "mailto:"))


def running_text(block: Token) -> Iterator[Token]:
    """The pieces of a block in which `[n]` cites: text, but no code, and nothing within a link."""
    depth = 0
    for token in (block.children or []) if block.type == "inline" else []:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type == "text" and depth == 0:
            yield token


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    return syntax().disable("text_join")  # `\[2\]` is not yet text before it
