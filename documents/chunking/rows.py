"""Tables: whole rows packed up to the size; only a row that alone is too long is cut, between its cells.

Each cell stands with its column's name, so a passage needs no header. A piece that does not begin with its
row is led in by the row's first cells (`lead`), which mostly say what the row is about.
"""

from bisect import bisect_left, bisect_right

from documents.chunking import recursive
from documents.chunking.base import ChunkPlan
from documents.chunking.measure import Measure
from documents.parsing.base import Block

LEAD_TOKENS = 40  # kept free in the pieces of a cut row, at most a quarter of the size
LEAD_CELLS, LEAD_CHARS = 2, 120


def split(block: Block, plan: ChunkPlan, measure: Measure) -> list[tuple[int, int]]:
    """(start, end) of the chunks in a table's text. No overlap: a row stands in one chunk."""
    starts = [start for _, start in block.rows]
    bounds = list(zip(starts, [*starts[1:], len(block.text)], strict=True))
    counts = measure.exact([block.text[start:end] for start, end in bounds])
    ranges: list[tuple[int, int]] = []
    tokens = 0
    for (start, end), count in zip(bounds, counts, strict=True):
        if count > plan.size:
            ranges += _cut_row(block, start, end, plan.size, measure)
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


def lead(block: Block, start: int) -> str:
    """For a piece that begins within a row: the row's first cells, and the column whose cell is cut."""
    if not block.rows:
        return ""
    starts = [at for _, at in block.rows]
    row = starts[bisect_right(starts, start) - 1]
    if start <= row:
        return ""
    cells = block.cells[bisect_left(block.cells, row) : bisect_right(block.cells, start)]
    first = [
        block.text[cell:after].rstrip("; \n")
        for cell, after in zip(cells[:LEAD_CELLS], [*cells[1:], start][:LEAD_CELLS], strict=False)
    ]
    while first and len("; ".join(first)) > LEAD_CHARS:
        first.pop()
    cut = cells[-1] if cells and cells[-1] < start else None
    column = block.text[cut:start].split(": ", 1)[0] if cut is not None else ""
    return "; ".join(filter(None, (*first, f"{column} (continued)" if column else "")))


def _cut_row(block: Block, start: int, end: int, most: int, measure: Measure) -> list[tuple[int, int]]:
    """Ranges of whole cells; only a cell that alone is too long is cut, between its words."""
    size = most - min(LEAD_TOKENS, most // 4)
    cells = block.cells[bisect_left(block.cells, start) : bisect_left(block.cells, end)] or (start,)
    bounds = list(zip((start, *cells[1:]), (*cells[1:], end), strict=True))
    counts = measure.exact([block.text[a:b] for a, b in bounds])
    ranges: list[tuple[int, int]] = []
    tokens = size
    for (a, b), count in zip(bounds, counts, strict=True):
        if count > size:
            ranges += [(a + x, a + y) for x, y in recursive.cut(block.text[a:b], size, measure, most)]
            tokens = size
        elif tokens + count <= size:
            ranges[-1] = (ranges[-1][0], b)
            tokens += count
        else:
            ranges.append((a, b))
            tokens = count
    return ranges
