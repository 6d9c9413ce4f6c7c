"""Lines of a PDF page in reading order, from pdfium's text and the places of a few of its characters.

pdfium gives text in the order in which the file draws it. That is the reading order nearly always; what this
module mends is a table's row that came as several lines, several rows that came as one line, a table drawn
column by column or from the bottom up, columns of prose drawn across, and right-to-left words that were
stored as they look. To stay quick, only the ends of each line are measured; its other characters only where
that shows something odd.
"""

from itertools import pairwise

from documents.parsing.pdf_columns import by_columns
from documents.parsing.pdf_lines import RTL, Line, Measure, join, logical, rows_at, same_row

LONG = 5  # words that make a cell look like a line of prose
TABLE_ROWS = 16  # lines that a page needs before its rows are put in order
MARKS = 5  # cells that make a run of short lines a column of a table
CELL = 14  # characters of a number, a date or a mark at most


def lines_of(raw: str, measure: Measure) -> list[Line]:
    """The page's lines.

    Args:
        raw: pdfium's text, one character per character index.
    """
    lines: list[Line] = []
    at = 0
    for text in raw.split("\r\n"):
        if text.strip():
            for line in rows_at(text, at, measure):
                if RTL.search(line.text):
                    line = logical(line, raw, measure)
                lines.append(line)
        at += len(text) + 2
    return by_columns(lines, raw, measure) or _table_order(joined_rows(lines))


def joined_rows(lines: list[Line]) -> list[Line]:
    """Lines that follow one another on one row, from left to right, as one: a row is one line.

    Two long ones stay apart: they belong to two columns.
    """
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if (
            last is not None
            and same_row(last, line)
            and line.left > last.right - 1
            and not (last.words >= LONG and line.words >= LONG)
            and not RTL.search(last.text + line.text)
        ):
            joined[-1] = join(last, line)
        else:
            joined.append(line)
    return joined


def _table_order(lines: list[Line]) -> list[Line]:
    """The lines by rows, where a table was drawn by columns or from the bottom up."""
    upright = [line for line in lines if line.upright]
    if len(upright) < TABLE_ROWS:
        return lines
    for run in _columns_of_cells(lines):
        lines = _beside_their_rows(lines, run)
    climbs = sum(1 for a, b in pairwise(upright) if 0 < b.bottom - a.top < 2 * a.height)
    return by_rows(lines) if climbs > len(upright) * 0.3 else lines


def _columns_of_cells(lines: list[Line]) -> list[list[Line]]:
    """Runs of numbers, dates or marks that stand beside other lines: a column drawn before or after the rest.

    Cells with words are left alone: several such columns may be one row of cells with several lines each.
    """
    found: list[list[Line]] = []
    run: list[Line] = []
    for line in [*lines, None]:
        if line is not None and _cell(line) and (not run or line.top <= run[-1].bottom + 1):
            run.append(line)
            continue
        if len(run) >= MARKS and not _counting(run):
            ours = {id(cell) for cell in run}
            others = [other for other in lines if id(other) not in ours]
            beside = sum(1 for cell in run if any(same_row(cell, other) for other in others))
            if beside >= 0.8 * len(run):
                found.append(run)
        run = [line] if line is not None and _cell(line) else []
    return found


def _cell(line: Line) -> bool:
    return line.upright and not line.words and len(line.text) <= CELL


def _counting(run: list[Line]) -> bool:
    """Whether the cells only number the lines beside them (transcripts, laws, source code)."""
    numbers = [int(line.text) for line in run if line.text.isdecimal()]
    return len(numbers) > 0.8 * len(run) and all(b - a in (1, 5) for a, b in pairwise(numbers))


def _beside_their_rows(lines: list[Line], run: list[Line]) -> list[Line]:
    """The lines with each cell of the run moved into the line that it stands beside."""
    there = {id(line) for line in lines}
    run = [cell for cell in run if id(cell) in there]  # not those that another column has taken in
    ours = {id(cell) for cell in run}
    ordered = [line for line in lines if id(line) not in ours or not _taken(line, lines, ours)]
    for cell in run:
        beside = [line for line in ordered if id(line) not in ours and same_row(cell, line)]
        if not beside:
            continue
        nearest = min(beside, key=lambda line: max(line.left - cell.right, cell.left - line.right))
        before = cell.left < nearest.left
        ordered[ordered.index(nearest)] = join(cell, nearest) if before else join(nearest, cell)
    return ordered


def _taken(cell: Line, lines: list[Line], ours: set[int]) -> bool:
    return any(id(line) not in ours and same_row(cell, line) for line in lines)


def by_rows(lines: list[Line]) -> list[Line]:
    """The lines in rows from the top, unless they are columns of prose."""
    rows: list[list[Line]] = []
    for line in sorted((line for line in lines if line.upright), key=lambda line: -(line.top + line.bottom)):
        if rows and same_row(rows[-1][0], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    if sum(1 for row in rows if sum(1 for line in row if line.words >= LONG) > 1) > 0.3 * len(rows):
        return lines
    ordered = []
    for row in rows:
        row.sort(key=lambda line: line.left)
        line = row[0]
        for cell in row[1:]:
            line = join(line, cell)
        ordered.append(line)
    return [*ordered, *(line for line in lines if not line.upright)]
