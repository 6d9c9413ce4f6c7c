"""Text that came over a wire, made fit for PostgreSQL and UTF-8, for one line, and for plain reading."""

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

ACTIVE = re.compile(r"!(?=\[)|<(?=[a-zA-Z/!?])")
BREAKS = {"softbreak", "hardbreak"}
AT_A_WORD = 0.6  # of the room: a title is cut at a word unless less than this would stay
CONTROL = re.compile(r"[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def storable(text: str) -> str:
    """The text without NUL characters (PostgreSQL refuses them) and with lone surrogates replaced."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def one_line(text: str, limit: int) -> str:
    """The text on one line, at most `limit` characters long; cut at a word, which an ellipsis says."""
    line = " ".join(CONTROL.sub(" ", storable(text)).split())
    if len(line) <= limit:
        return line
    kept = line[: limit - 1]
    word_end = kept.rfind(" ") if not line[limit - 1].isspace() else -1
    if word_end >= limit * AT_A_WORD:
        kept = kept[:word_end]
    return kept.rstrip(" ,;:–—-") + "…"


def plain(markdown: str) -> str:
    """What Markdown says, on one line, without its marks: no headings, emphasis, links, fences or bars."""
    parts: list[str] = []
    for block in _reader().parse(storable(markdown)):
        if block.type in ("fence", "code_block"):
            parts.append(block.content)
        elif block.type == "inline":
            parts.append(_inline(block.children or []))
    return " ".join(" ".join(parts).split())


def inert(markdown: str) -> str:
    """The same Markdown, in which no image is fetched and no HTML is read, whatever shows it.

    Blocks of code stay as they are; elsewhere `![` and what looks like a tag get a backslash.
    """
    lines = storable(markdown).split("\n")
    code = {
        line
        for block in _reader(with_code=True).parse("\n".join(lines))
        if block.type in ("fence", "code_block") and block.map
        for line in range(*block.map)
    }
    return "\n".join(
        text if number in code else ACTIVE.sub(r"\\\g<0>", text) for number, text in enumerate(lines)
    )


class Backticks:
    """Whether a text that arrives in pieces is inside Markdown code.

    Attributes:
        open: length of the run of backticks that opened the code we are in; 0 outside code.
    """

    def __init__(self) -> None:
        self.open = 0
        self._run = 0  # backticks just seen

    def backticks(self, count: int = 1) -> None:
        """So many came; more of the same run may follow."""
        self._run += count

    def other(self) -> None:
        """Anything else came: a run before it opens code, or closes what one of its length opened."""
        if self._run and not self.open:
            self.open = self._run
        elif self._run and self._run == self.open:
            self.open = 0
        self._run = 0

    def line_end(self) -> None:
        """A line ended. Code within a line that was never closed there was an ordinary backtick."""
        self.other()
        if self.open < 3:
            self.open = 0


def _inline(tokens: list[Token]) -> str:
    return "".join(" " if token.type in BREAKS else token.content for token in tokens)


@lru_cache(maxsize=2)
def _reader(with_code: bool = False) -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "linkify": False})
    reader.enable(["table", "strikethrough"])
    reader.disable(["image", "html_block", "html_inline", "reference"])
    if not with_code:
        reader.disable(["list", "code"])  # "1." and "-" are said, and four blanks mean nothing
    return reader
