"""Columns of prose that a PDF draws across: line by line over all columns, which mixes their sentences.

Most files draw column after column, and nothing is done to them. A page is looked at closely only when most
of its wide lines have a wide gap at the same place, or many lines stand beside one another; and it is put in
order only when what stands between the gaps reads like prose, for the same gaps make a table.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from documents.parsing.pdf_lines import Line, Measure, join, line_at, middle, same_row

ROWS = 8  # lines that a page needs before columns are looked for
SAMPLE = 12  # wide lines that are looked at
SHARE = 0.6  # of the sample with a gap at the same place
CROSSING = 0.12  # share of rows that may run over a gutter: headings, figures
MOST_COLUMNS = 4
WORDS = 3.5  # of a column's line, on average
LOWER = (
    0.35  # share of lines that begin in lower case, where a script has it: prose goes on, cells begin anew
)
SPACE = re.compile(r"\s+")


def by_columns(lines: list[Line], raw: str, measure: Measure) -> list[Line] | None:
    """The lines column by column; None when they are well as they are."""
    upright = [line for line in lines if line.upright]
    if len(upright) < ROWS or not _drawn_across(lines, upright, raw, measure):
        return None
    pieces = [piece for line in lines for piece in _pieces(line, raw, measure)]
    return arranged(pieces, lambda line, gutter: _cut_at(line, gutter, raw, measure))


def arranged(
    pieces: list[Line], cut: Callable[[Line, float], list[Line]] = lambda line, _: [line]
) -> list[Line] | None:
    """Pieces of lines column by column; None when they do not stand in columns of prose.

    Args:
        cut: divides a line that runs over a gutter, if it has a gap there.
    """
    gutters = _gutters([piece for piece in pieces if piece.upright])
    if not gutters or len(gutters) >= MOST_COLUMNS:
        return None
    for gutter in gutters:
        pieces = [part for piece in pieces for part in cut(piece, gutter)]
    columns: list[list[Line]] = [[] for _ in range(len(gutters) + 1)]
    ordered: list[Line] = []
    everything: list[list[Line]] = [[] for _ in columns]
    for line in sorted(pieces, key=lambda line: -line.top):
        if not line.upright or any(line.left < gutter < line.right for gutter in gutters):
            ordered += _in_turn(columns)
            ordered.append(line)
            columns = [[] for _ in columns]
            continue
        place = sum(1 for gutter in gutters if line.left >= gutter)
        columns[place].append(line)
        everything[place].append(line)
    ordered += _in_turn(columns)
    return ordered if _prose(everything) else None


def _drawn_across(lines: list[Line], upright: list[Line], raw: str, measure: Measure) -> bool:
    left, right = min(line.left for line in upright), max(line.right for line in upright)
    wide = [line for line in upright if line.right - line.left > 0.6 * (right - left) and line.words >= 6]
    if len(wide) >= max(ROWS, 0.25 * len(upright)):
        sample = wide[:: -(-len(wide) // SAMPLE)]
        gaps: list[list[tuple[float, float]]] = []
        for count, line in enumerate(sample, start=1):
            found = _gaps(line, raw, measure)
            gaps += [found] if found else []
            if count - len(gaps) > (1 - SHARE) * len(sample):
                return False
        return _most_common(gaps) >= SHARE * len(sample)
    beside = [
        (a, b)
        for a, b in pairwise(lines)
        if same_row(a, b) and b.left > a.right and min(a.words, b.words) >= 3
    ]
    return len(beside) >= max(ROWS, 0.25 * len(upright))


def _gaps(line: Line, raw: str, measure: Measure) -> list[tuple[float, float]]:
    """(from, to) of the gaps between a line's words that are wider than its letters are high."""
    found = []
    first, end = line.ranges[0][0], line.ranges[-1][1]
    for place in SPACE.finditer(raw, first, end):
        if first < place.start() and place.end() < end:
            before, after = measure.box(place.start() - 1), measure.box(place.end())
            if after[0] - before[2] > max(before[3] - before[1], after[3] - after[1], 3.0):
                found.append((before[2], after[0]))
    return found


def _most_common(gaps: list[list[tuple[float, float]]]) -> int:
    """How many lines have a gap at the place where most have one."""
    edges = sorted({edge for line in gaps for gap in line for edge in gap})
    return max(
        (sum(1 for line in gaps if any(a <= x and y <= b for a, b in line)) for x, y in pairwise(edges)),
        default=0,
    )


def _pieces(line: Line, raw: str, measure: Measure) -> list[Line]:
    """The line, cut at wide gaps and where pdfium went on in another row."""
    first, end = line.ranges[0][0], line.ranges[-1][1]
    if not line.upright or len(line.ranges) > 1:
        return [line]
    cuts = [first]
    for place in SPACE.finditer(raw, first, end):
        if place.start() == first or place.end() == end:
            continue
        before, after = measure.box(place.start() - 1), measure.box(place.end())
        size = max(before[3] - before[1], after[3] - after[1], 3.0)
        gap = after[0] - before[2]
        if gap > size or gap < -size or abs(middle(after) - middle(before)) > size:
            cuts.append(place.end())
    if len(cuts) == 1:
        return [line]
    return [line_at(raw[a:b], a, measure) for a, b in pairwise([*cuts, end])]


def _gutters(pieces: list[Line]) -> list[float]:
    """The middles of the upright strips that hardly any piece runs over, between others with text."""
    if not pieces:
        return []
    left, right = min(line.left for line in pieces), max(line.right for line in pieces)
    width = int(right - left) + 1
    if width < 100:
        return []
    covered = [0] * (width + 1)
    for line in pieces:
        for x in range(max(0, int(line.left - left)), min(width, int(line.right - left)) + 1):
            covered[x] += 1
    usual = sorted(covered)[len(covered) // 2]
    gutters, start = [], None
    for x, count in enumerate(covered):
        if count <= CROSSING * usual:
            start = x if start is None else start
        elif start is not None:
            if x - start >= 4 and start > 0.12 * width and x < 0.88 * width:
                gutters.append(left + (start + x) / 2)
            start = None
    return gutters


def _cut_at(line: Line, gutter: float, raw: str, measure: Measure) -> list[Line]:
    if not line.upright or len(line.ranges) > 1 or not line.left < gutter < line.right:
        return [line]
    first, end = line.ranges[0][0], line.ranges[-1][1]
    for place in SPACE.finditer(raw, first + 1, end - 1):
        if measure.box(place.start() - 1)[2] <= gutter <= measure.box(place.end())[0]:
            return [
                line_at(raw[first : place.start()], first, measure),
                line_at(raw[place.end() : end], place.end(), measure),
            ]
    return [line]


def _in_turn(columns: list[list[Line]]) -> list[Line]:
    """Column after column, what stands on one row of a column as one line."""
    ordered: list[Line] = []
    for column in columns:
        rows: list[Line] = []
        for line in sorted(column, key=lambda line: -(line.top + line.bottom)):
            if rows and same_row(rows[-1], line):
                last = rows[-1]
                rows[-1] = join(last, line) if last.left <= line.left else join(line, last)
            else:
                rows.append(line)
        ordered += rows
    return ordered


def _prose(columns: list[list[Line]]) -> bool:
    texts = [line.text for column in columns for line in column]
    if any(
        len(column) < ROWS or sum(line.words for line in column) < WORDS * len(column) for column in columns
    ):
        return False
    joined = "".join(texts)
    if sum(1 for character in joined if character.isdigit()) > 0.2 * len(joined):
        return False
    cased = [text[0] for text in texts if text and text[0].lower() != text[0].upper()]
    return len(cased) < len(texts) * 0.2 or sum(1 for c in cased if c.islower()) > LOWER * len(cased)
