"""From blocks to chunks: cut by the collection's strategy, then give each piece its place and context."""

import re

from documents.chunking import recursive, rows, semantic
from documents.chunking.base import MAX_CONTENT_TOKENS, SPECIAL_TOKENS, ChunkDraft, ChunkPlan, Splitter
from documents.embedding.base import Embedder
from documents.parsing.base import Block

SPLITTERS: dict[str, Splitter] = {"recursive": recursive.split, "semantic": semantic.split}
WORD = re.compile(r"\w")


def chunk_blocks(
    blocks: tuple[Block, ...], *, strategy: str, plan: ChunkPlan, embedder: Embedder
) -> list[ChunkDraft]:
    """All chunks of a part, in the order of the document.

    Args:
        strategy: a key of SPLITTERS; tables are always packed by whole rows.
        embedder: counts tokens, and for `semantic` compares sentences.
    """
    plan = ChunkPlan(min(plan.size, MAX_CONTENT_TOKENS), min(plan.overlap, plan.size // 2), plan.title)
    pieces: list[tuple[Block, int, int]] = []
    for block in blocks:
        cut = rows.split if block.rows else SPLITTERS[strategy]
        for start, end in cut(block, plan, embedder):
            start, end = _trimmed(block.text, start, end)
            if WORD.search(block.text, start, end):
                pieces.append((block, start, end))
    counts = embedder.count_tokens([block.text[start:end] for block, start, end in pieces])
    contexts = _contexts(pieces, counts, plan, embedder)
    return [
        _draft(block, start, end, count, context)
        for (block, start, end), count, context in zip(pieces, counts, contexts, strict=True)
    ]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _contexts(
    pieces: list[tuple[Block, int, int]], counts: list[int], plan: ChunkPlan, embedder: Embedder
) -> list[str]:
    """Context lines, shortened from the end so that line and content fit the model together."""
    full = [
        " · ".join(filter(None, (plan.title, block.section, rows.lead(block, start))))
        for block, start, _ in pieces
    ]
    sizes = dict(zip(unique := list(dict.fromkeys(full)), embedder.count_tokens(unique), strict=True))
    room = [embedder.max_tokens - SPECIAL_TOKENS - count for count in counts]
    fitted: dict[tuple[str, int], str] = {}
    for line, left in zip(full, room, strict=True):
        if (line, left) not in fitted:
            fitted[line, left] = line if sizes[line] <= left else _shortened(line, left, embedder)
    return [fitted[line, left] for line, left in zip(full, room, strict=True)]


def _shortened(line: str, tokens: int, embedder: Embedder) -> str:
    words = line.split()
    while words and embedder.count_tokens([" ".join(words)])[0] > tokens:
        words.pop()
    return " ".join(words).rstrip(" ·›")


def _draft(block: Block, start: int, end: int, count: int, context: str) -> ChunkDraft:
    lines = None
    if block.line is not None:
        first = block.line + block.text.count("\n", 0, start)
        lines = (first, first + block.text.count("\n", start, end))
    return ChunkDraft(
        content=block.text[start:end],
        context=context,
        section=block.section,
        page=block.page,
        rows=rows.range_of(block, start, end) if block.rows else None,
        lines=lines,
        char_start=block.start + start,
        char_end=block.start + end,
        token_count=count,
    )
