"""From blocks to chunks: cut by the collection's strategy, then give each piece its place and context."""

from documents.chunking import recursive, rows, semantic
from documents.chunking.base import (
    MAX_CONTENT_TOKENS,
    SPECIAL_TOKENS,
    ChunkDraft,
    ChunkPlan,
    Splitter,
    says_something,
)
from documents.chunking.measure import Measure
from documents.embedding.base import Embedder
from documents.parsing.base import MAX_SECTION, Block
from documents.parsing.clusters import boundary_before

SPLITTERS: dict[str, Splitter] = {"recursive": recursive.split, "semantic": semantic.split}

Piece = tuple[Block, int, int]


def chunk_blocks(
    blocks: tuple[Block, ...], *, strategy: str, plan: ChunkPlan, embedder: Embedder
) -> list[ChunkDraft]:
    """All chunks of a part, in the order of the document.

    Args:
        strategy: a key of SPLITTERS; tables are always packed by whole rows.
        embedder: counts tokens, and for `semantic` compares sentences.
    """
    plan = ChunkPlan(min(plan.size, MAX_CONTENT_TOKENS), min(plan.overlap, plan.size // 2), plan.title)
    measure = Measure(embedder)
    running = iter(SPLITTERS[strategy]([block for block in blocks if not block.rows], plan, measure))
    pieces: list[Piece] = []
    for block in blocks:
        ranges = rows.split(block, plan, measure) if block.rows else next(running)
        pieces += _passages(block, ranges)
    pieces, counts = _counted(pieces, plan.size, measure)
    contexts = _contexts(pieces, counts, plan, embedder)
    return [
        _draft(block, start, end, count, context)
        for (block, start, end), count, context in zip(pieces, counts, contexts, strict=True)
    ]


def _passages(block: Block, ranges: list[tuple[int, int]]) -> list[Piece]:
    """The ranges that say something, without blanks around them."""
    trimmed = [_trimmed(block.text, start, end) for start, end in ranges]
    return [(block, start, end) for start, end in trimmed if says_something(block.text, start, end)]


def _counted(pieces: list[Piece], size: int, measure: Measure) -> tuple[list[Piece], list[int]]:
    """The pieces with their exact tokens; what turns out to be too long is cut once more."""
    counts = measure.embedder.count_tokens([block.text[start:end] for block, start, end in pieces])
    if max(counts, default=0) <= size:
        return pieces, counts
    kept: list[Piece] = []
    for (block, start, end), count in zip(pieces, counts, strict=True):
        if count <= size:
            kept.append((block, start, end))
            continue
        text = block.text[start:end]
        half = max(1, measure(text) // 2)
        ranges = recursive.cut(text, half, measure, size)
        if len(ranges) == 1:
            ranges = recursive.cut(text, half, measure)
        kept += _passages(block, [(start + a, start + b) for a, b in ranges])
    return (kept, counts) if kept == pieces else _counted(kept, size, measure)


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
        " · ".join(filter(None, (plan.title, _section(block, start), rows.lead(block, start))))
        for block, start, _ in pieces
    ]
    sizes = dict(zip(unique := list(dict.fromkeys(full)), embedder.count_tokens(unique), strict=True))
    room = [embedder.max_tokens - SPECIAL_TOKENS - count for count in counts]
    fitted: dict[tuple[str, int], str] = {}
    for line, left in zip(full, room, strict=True):
        if (line, left) not in fitted:
            fitted[line, left] = line if sizes[line] <= left else _shortened(line, left, embedder)
    return [fitted[line, left] for line, left in zip(full, room, strict=True)]


def _section(block: Block, start: int) -> str:
    """The section's title, and the heading that text[start:] stands under; nothing twice.

    A passage that begins with a heading needs no other.
    """
    over = [(place, heading) for place, heading in block.headings if place <= start]
    if not over or over[-1][0] == start or over[-1][1].casefold() in block.section.casefold():
        return block.section
    return " › ".join(filter(None, (block.section, over[-1][1])))[:MAX_SECTION]


def _shortened(line: str, tokens: int, embedder: Embedder) -> str:
    """Whole words from the front; characters where not even one word fits."""
    words = line.split()
    while len(words) > 1 and embedder.count_tokens([" ".join(words)])[0] > tokens:
        words.pop()
    short = " ".join(words)
    while short and (count := embedder.count_tokens([short])[0]) > tokens:
        short = short[: boundary_before(short, min(len(short) - 1, len(short) * tokens // count))]
    return short.rstrip(" ·›")


def _draft(block: Block, start: int, end: int, count: int, context: str) -> ChunkDraft:
    lines = None
    if block.line is not None:
        first = block.line + block.text.count("\n", 0, start)
        lines = (first, first + block.text.count("\n", start, end))
    return ChunkDraft(
        content=block.text[start:end],
        context=context,
        section=_section(block, start),
        page=block.page,
        rows=rows.range_of(block, start, end) if block.rows else None,
        lines=lines,
        char_start=block.start + start,
        char_end=block.start + end,
        token_count=count,
    )
