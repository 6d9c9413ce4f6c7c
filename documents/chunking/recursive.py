"""Paragraphs, then lines, then sentences, then words: LangChain's splitter with exact places."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from documents.chunking.base import ChunkPlan, says_something
from documents.chunking.measure import CHARS_PER_TOKEN, STOPS, Measure
from documents.parsing.base import Block
from documents.parsing.clusters import boundary_after

SEPARATORS = [
    *("\n\n", "\n", ". ", "? ", "! ", "؟ ", "۔ ", "। ", "。", "！", "？"),
    *("; ", "؛ ", "；", ", ", "، ", "，", "、", " "),
]
WORD_START = re.compile(rf"(?<![^\s{STOPS}])[^\s{STOPS}]")
BETWEEN_WORDS = re.compile(rf"(?<![^\s{STOPS}])|(?=\s)")
WORD = re.compile(r"([^\s\u200b]*)[\s\u200b]*")
UNIT = 16  # characters that stand together where a word is cut, at most


def split(blocks: list[Block], plan: ChunkPlan, measure: Measure) -> list[list[tuple[int, int]]]:
    """See `base.Splitter`.

    The text is cut without overlap into ranges of `size - overlap` tokens, which are then led back into
    what stands before them: so every place is known and no text is searched for.
    """
    measure.learn(block.text for block in blocks)
    return [
        overlapped(block.text, cut(block.text, plan.size - plan.overlap, measure, plan.size), plan, measure)
        for block in blocks
    ]


def cut(text: str, size: int, measure: Measure, most: int | None = None) -> list[tuple[int, int]]:
    """Ranges of at most `size` tokens that touch one another.

    Args:
        most: what a single word may have, which is then not cut; `size` when None.
    """
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    if not text.strip():
        return []
    if measure(text) <= size:
        return [(0, len(text))]
    splitter = RecursiveCharacterTextSplitter(
        separators=SEPARATORS,
        keep_separator="end",
        chunk_size=size,
        chunk_overlap=0,
        length_function=lru_cache(maxsize=4096)(measure),  # lines and words are often the same
        strip_whitespace=False,
    )
    ranges: list[tuple[int, int]] = []
    at = 0
    for piece in splitter.split_text(text):
        start = text.index(piece, at)  # at once: pieces follow one another
        at = start + len(piece)
        ranges += [(start, at)] if measure(piece) <= size else _packed(text, start, at, size, measure, most)
    return ranges


def overlapped(
    text: str, ranges: list[tuple[int, int]], plan: ChunkPlan, measure: Measure
) -> list[tuple[int, int]]:
    """The ranges that say something, each but the first begun at a word up to `plan.overlap` tokens earlier.

    One that stands whole in the next is left out.
    """
    widened: list[tuple[int, int]] = []
    for start, end in ranges:
        if not says_something(text, start, end):
            continue
        follows = bool(widened) and widened[-1][1] == start
        while text[start].isspace():
            start += 1
        if follows:
            room = min(plan.overlap, plan.size - measure(text[start:end]))
            start = _earlier(text, start, room, measure)
        while widened and widened[-1][0] >= start:
            widened.pop()
        widened.append((start, end))
    return widened


def _earlier(text: str, start: int, room: int, measure: Measure) -> int:
    """The first word start before `start` from which at most `room` tokens remain."""
    if not BETWEEN_WORDS.match(text, start):  # within a word: what stands before is no start to read from
        return start
    floor = max(0, start - room * CHARS_PER_TOKEN)
    words = [found.start() for found in WORD_START.finditer(text, floor, start)]
    found, total = start, 0
    for word, after in reversed(list(pairwise([*words, start]))):
        total += measure(text[word:after])
        if total > room:
            break
        found = word
    return found


def _packed(
    text: str, start: int, end: int, size: int, measure: Measure, most: int | None
) -> list[tuple[int, int]]:
    """What none of the separators parts: by other blanks, and words that are too long by characters."""
    units: list[tuple[int, int]] = []
    for word in WORD.finditer(text, start, end):
        short = measure(word[1]) <= max(size, most or 0)
        units += [word.span()] if short else _units(text, *word.span(), max(1, min(UNIT, size // 4)))
    measure.learn(text[a:b] for a, b in units)
    ranges: list[tuple[int, int]] = []
    tokens = size
    for a, b in units:
        count = measure(text[a:b])
        if ranges and tokens + count <= size:
            ranges[-1] = (ranges[-1][0], b)
            tokens += count
        else:
            ranges.append((a, b))
            tokens = count
    return ranges


def _units(text: str, start: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """About `length` characters each, none of which is cut."""
    while start < end:
        after = min(end, boundary_after(text, start, length))
        yield start, after
        start = after
