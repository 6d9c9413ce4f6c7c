"""Tables: whole rows packed up to the size; a row is cut only when it alone is too long."""

from bisect import bisect_left, bisect_right

from documents.chunking import recursive
from documents.chunking.base import ChunkPlan
from documents.embedding.base import Embedder
from documents.parsing.base import Block


def split(block: Block, plan: ChunkPlan, embedder: Embedder) -> list[tuple[int, int]]:
    """See `base.Splitter`. No overlap: a row stands in one chunk."""
    starts = [start for _, start in block.rows]
    bounds = list(zip(starts, [*starts[1:], len(block.text)], strict=True))
    counts = embedder.count_tokens([block.text[start:end] for start, end in bounds])
    ranges: list[tuple[int, int]] = []
    tokens = 0
    for (start, end), count in zip(bounds, counts, strict=True):
        if count > plan.size:
            pieces = recursive.cut(block.text[start:end], plan.size, embedder)
            ranges += [(start + a, start + b) for a, b in pieces]
            tokens = plan.size
        elif ranges and tokens + count <= plan.size:
            ranges[-1] = (ranges[-1][0], end)
            tokens += count
        else:
            ranges.append((start, end))
            tokens = count
    return ranges


def range_of(block: Block, start: int, end: int) -> tuple[int, int]:
    """Numbers of the first and last row that text[start:end] touches."""
    starts = [at for _, at in block.rows]
    first = bisect_right(starts, start) - 1
    last = bisect_left(starts, end) - 1
    return block.rows[first][0], block.rows[last][0]
