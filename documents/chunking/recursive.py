"""Paragraphs, then lines, then sentences, then words: LangChain's splitter with exact places."""

import re
from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise

from documents.chunking.base import ChunkPlan
from documents.embedding.base import Embedder
from documents.parsing.base import Block

SEPARATORS = ["\n\n", "\n", ". ", "? ", "! ", "; ", ", ", " "]
WORD_START = re.compile(r"(?<!\S)\S")


def split(block: Block, plan: ChunkPlan, embedder: Embedder) -> list[tuple[int, int]]:
    """See `base.Splitter`.

    The text is cut without overlap into ranges of `size - overlap` tokens, which are then led back into
    what stands before them: so every place is known and no text is searched for.
    """
    ranges = cut(block.text, plan.size - plan.overlap, embedder)
    return overlapped(block.text, ranges, plan.overlap, embedder)


def cut(text: str, size: int, embedder: Embedder) -> list[tuple[int, int]]:
    """Ranges of at most `size` tokens that touch one another but for blanks."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    @lru_cache(maxsize=4096)
    def length(piece: str) -> int:
        # a piece of blanks counts too: the splitter would carry what is free over into the next chunk
        return max(1, embedder.count_tokens([piece])[0])

    if not text.strip():
        return []
    if length(text) <= size:
        return [(0, len(text))]
    splitter = RecursiveCharacterTextSplitter(
        separators=SEPARATORS,
        keep_separator="end",
        chunk_size=size,
        chunk_overlap=0,
        length_function=length,
        strip_whitespace=False,
    )
    ranges: list[tuple[int, int]] = []
    at = 0
    for piece in splitter.split_text(text):
        start = text.index(piece, at)  # at once: pieces follow one another
        at = start + len(piece)
        ranges += [(start, at)] if length(piece) <= size else _hard(text, start, at, size, length)
    return ranges


def overlapped(
    text: str, ranges: list[tuple[int, int]], overlap: int, embedder: Embedder
) -> list[tuple[int, int]]:
    """The ranges, each but the first begun at a word up to `overlap` tokens earlier."""
    if overlap <= 0 or len(ranges) < 2:
        return ranges
    widened = ranges[:1]
    for (before, _), (start, end) in pairwise(ranges):
        widened.append((_earlier(text, before, start, overlap, embedder), end))
    return widened


def _earlier(text: str, floor: int, start: int, overlap: int, embedder: Embedder) -> int:
    """The first word start in text[floor:start] from which at most `overlap` tokens remain."""
    words = [found.start() for found in WORD_START.finditer(text, max(floor, start - overlap * 8), start)]
    if not words:
        return start
    counts = embedder.count_tokens([text[a:b] for a, b in zip(words, [*words[1:], start], strict=True)])
    total = 0
    for word, count in zip(reversed(words), reversed(counts), strict=True):
        total += count
        if total > overlap:
            break
        start = word
    return start


def _hard(text: str, start: int, end: int, size: int, length) -> list[tuple[int, int]]:  # type: ignore[no-untyped-def]
    """Cut what has no separator (a word longer than a chunk) by halves."""
    if length(text[start:end]) <= size or end - start < 2:
        return [(start, end)]
    spaces = [match.end() for match in re.finditer(r"\s", text[start:end])]
    middle = (end - start) // 2
    if spaces and (index := bisect_right(spaces, middle)) and spaces[index - 1] < end - start:
        middle = spaces[index - 1]
    middle += start
    return [*_hard(text, start, middle, size, length), *_hard(text, middle, end, size, length)]
