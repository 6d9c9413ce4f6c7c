"""Records of a table: which lines belong together, and the cells that they hold.

A quote that opens a cell and is never closed would swallow all that follows. So a record of several lines
counts only when it is written soundly; else its first line stands alone and reading goes on at the next one.
The same rule gives the same records whether a whole file or one part of it is read.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

MAX_CELL = 4 << 20  # characters; an unclosed quote swallows no more than this before it is noticed
LEAST_WIDTH, LEAST_INNER = 3, 5  # below them, lines of a cell may look like rows by chance
BLANK = "".join(map(chr, range(0x21)))

csv.field_size_limit(MAX_CELL)


@dataclass(frozen=True)
class Format:
    """How cells are written.

    Attributes:
        quote: what cells are put in that hold delimiters or newlines; "" for nothing.
        escape: "\\" or "".
        skip_space: blanks after a delimiter do not count.
        comment: lines that begin so, and are no row by their width, are left out.
        width: columns of the header; 0 while unknown.
        single: every line is a record: quotes are too broken to reach over lines.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    skip_space: bool = False
    comment: str = ""
    width: int = 0
    single: bool = False

    def to_json(self) -> dict[str, Any]:
        """For `Structure.reading`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Format":
        """From a span that holds the fields of `to_json` among others."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


@dataclass(frozen=True)
class Record:
    """Cells, and the half-open range of lines (from 0) that they stand in."""

    first: int
    end: int
    cells: list[str]


def lines_of(text: str) -> list[str]:
    """Lines with their ends (\\n, \\r\\n or \\r, and nothing else), without NULs."""
    lines = list(io.StringIO(text, newline=""))
    return [line.replace("\x00", "") for line in lines] if "\x00" in text else lines


def records(lines: list[str], form: Format, *, final: bool = True) -> Iterator[Record]:
    """The records in order; every line belongs to one.

    Args:
        final: the last line ends the table. Otherwise a record that may go on is not given.
    """
    if form.single:
        yield from (Record(at, at + 1, _alone(line, form)) for at, line in enumerate(lines))
        return
    first = 0
    while first < len(lines):
        start = first
        reader = _reader(map(lines.__getitem__, range(first, len(lines))), form)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:  # a cell beyond MAX_CELL
                break
            end = start + reader.line_num
            is_last = end == len(lines)
            remark = bool(form.comment) and lines[first].startswith(form.comment)
            if (is_last or remark) and _open(lines[first:end], form):
                if not final and not remark:
                    return
                break
            if end - first > 1 and not _sound(lines[first:end], cells, form):
                break
            yield Record(first, end, cells)
            first = end
        yield Record(first, first + 1, _alone(lines[first], form))
        first += 1


def is_filled(cells: list[str], form: Format) -> bool:
    """Whether there is anything but blanks, quotes and delimiters."""
    return bool("".join(cells).strip(BLANK + form.quote + form.delimiter))


def is_comment(line: str, cells: list[str], form: Format) -> bool:
    """Whether a record that begins with this line is a remark."""
    return bool(form.comment) and line.startswith(form.comment) and len(cells) != form.width


def holds_rows(delimiters: Sequence[int], form: Format) -> bool:
    """Whether the lines within a record look like the table's own rows: two stray quotes have met.

    Args:
        delimiters: how many each line has, but for the first and the last one.
    """
    if form.width < LEAST_WIDTH or len(delimiters) < LEAST_INNER:
        return False
    return sum(count == form.width - 1 for count in delimiters) > len(delimiters) * 0.8


def used(cells: list[str], width: int) -> int:
    """How many cells count: blank ones beyond the header do not."""
    count = len(cells)
    while count > width and not cells[count - 1].strip():
        count -= 1
    return count


def _reader(lines: Iterator[str], form: Format, *, strict: bool = False) -> Any:
    return csv.reader(
        lines,
        delimiter=form.delimiter,
        quotechar=form.quote or None,
        quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
        escapechar=form.escape or None,
        skipinitialspace=form.skip_space,
        strict=strict,
    )


def _open(lines: list[str], form: Format) -> bool:
    """Whether these lines of one record end within quotes: then they swallow what is put after them."""
    if len(lines) == 1 and not any(sign and sign in lines[0] for sign in (form.quote, form.escape)):
        return False
    lines = [*lines[:-1], lines[-1].rstrip("\r\n") + "\n"]
    reader = _reader(iter([*lines, "x\n"]), form)
    try:
        next(reader)
    except csv.Error:
        return True
    return bool(reader.line_num > len(lines))


def _sound(lines: list[str], cells: list[str], form: Format) -> bool:
    if form.comment and lines[0].startswith(form.comment):
        return False  # a remark is one line
    inner = [line.count(form.delimiter) for line in lines[1:-1]]
    if holds_rows(inner, form):
        return False
    try:
        if len(list(_reader(iter(lines), form, strict=True))) == 1:
            return True
    except csv.Error:
        pass
    return len(cells) == form.width and form.width - 1 not in inner


def _alone(line: str, form: Format) -> list[str]:
    """The cells of one line, whatever its quotes do; that reading whose width fits best."""
    text = line.rstrip("\r\n")
    try:
        read: list[str] = next(_reader(iter([text]), form), [])
        if not _open([text], form):
            return read
    except csv.Error:
        read = [text]
    split = [_bare(cell, form.quote) for cell in text.split(form.delimiter)]
    if not form.width:
        return split
    return min(read, split, key=lambda cells: abs(len(cells) - form.width))


def _bare(cell: str, quote: str) -> str:
    cell = cell.strip()
    return cell.removeprefix(quote).removesuffix(quote) if quote else cell
