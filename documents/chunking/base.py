"""What chunkers take and give. Pure: blocks in, frozen drafts out; no ORM, no settings."""

import re
from dataclasses import dataclass
from typing import Protocol

from documents.chunking.measure import Measure
from documents.embedding.base import Embedder
from documents.parsing.base import Block

MAX_CONTENT_TOKENS = 240
SPECIAL_TOKENS = 2
CONTEXT_ROOM = 14  # least tokens of a context line that fit beside the longest content
LETTERS = re.compile("[\\w\u2190-\u21ff\u2600-\u27bf\U0001f000-\U0001faff]")  # and digits, arrows, emoji


@dataclass(frozen=True)
class ChunkPlan:
    """How to cut.

    Attributes:
        size: most tokens of one chunk's content.
        overlap: tokens of the previous chunk that the next one repeats.
        title: what the document is called; begins every context line.
    """

    size: int
    overlap: int
    title: str


@dataclass(frozen=True)
class ChunkDraft:
    """A chunk without its vector. `content == block.text[start - block.start:end - block.start]`."""

    content: str
    context: str
    section: str
    page: int | None
    rows: tuple[int, int] | None
    lines: tuple[int, int] | None
    char_start: int
    char_end: int
    token_count: int

    @property
    def embedded_text(self) -> str:
        """What the model sees: the context line, then the content."""
        return f"{self.context}\n{self.content}" if self.context else self.content


class Splitter(Protocol):
    """A strategy: where to cut running text."""

    def __call__(self, blocks: list[Block], plan: ChunkPlan, measure: Measure) -> list[list[tuple[int, int]]]:
        """(start, end) in each block's text, in order; each range at most `plan.size` tokens."""
        ...


def says_something(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is more than blanks, rules, dots and lone marks: only then it is a passage."""
    return LETTERS.search(text, start, end) is not None


def content_limit(embedder: Embedder) -> int:
    """Most tokens of one chunk's content with this model: never more than it reads beside a context line."""
    return min(MAX_CONTENT_TOKENS, embedder.max_tokens - SPECIAL_TOKENS - CONTEXT_ROOM)
