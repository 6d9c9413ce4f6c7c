"""A walk over a whole table in constant memory: where records begin, how wide they are, which hold anything.

Blocks whose quotes are sound (nearly all) are measured by counting bytes; the others are read record by
record as `records` does. Both say the same of the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from documents.parsing.base import ParseError
from documents.parsing.records import (
    LEAST_INNER,
    Format,
    holds_rows,
    is_comment,
    is_filled,
    lines_of,
    records,
    used,
)

BLOCK = 2 << 20
MAX_RECORD = 8 << 20  # bytes; what is longer and still open is no record
MAX_LINE = 64 << 20
MOST_OPEN = 20  # records that grew so long; after that many, no record reaches over lines
MOST_EXAMINED = 20_000  # records wider than the header whose last cells are looked at
UNITS = {"utf-16-le": "<u2", "utf-16-be": ">u2", "utf-32-le": "<u4", "utf-32-be": ">u4"}
# Their characters may hold the bytes of delimiters and quotes.
UNSAFE = frozenset(
    ["cp932", "shift_jis", "shift_jisx0213", "iso2022_jp", "euc_jp", "cp949", "johab", "euc_kr"]
    + [
        "euc_jis_2004",
        "euc_jisx0213",
        "shift_jis_2004",
        "big5",
        "big5hkscs",
        "gb2312",
        "gbk",
        "gb18030",
        "hz",
    ]
)


@dataclass(frozen=True)
class Codec:
    """How pieces of the file are decoded: a codec without a mark, and its error handler."""

    name: str
    errors: str = "strict"

    @property
    def unit(self) -> np.dtype[Any]:
        """What a delimiter is one of."""
        return np.dtype(UNITS.get(self.name, "u1"))

    def decode(self, raw: bytes) -> str:
        """Text, with all that stands there."""
        return raw.decode(self.name, errors=self.errors)


@dataclass(frozen=True)
class Measured:
    """Records of one block; arrays have one value per record.

    Attributes:
        bounds: byte offsets in the file where records begin, and where the last one ends.
        lines: number of each record's first line, from 1.
        cells: how many count (see `records.used`).
        rows: which are filled and no comment.
        comments: which are comments.
    """

    bounds: np.ndarray
    lines: np.ndarray
    cells: np.ndarray
    rows: np.ndarray
    comments: np.ndarray
    single: bool


class Scan:
    """The records of a file from a place on, block by block.

    Args:
        file: opened in binary.
        at: byte offset of the first record after the header.
        line: its line number, from 1.
    """

    def __init__(self, file: BinaryIO, codec: Codec, form: Format, at: int, line: int) -> None:
        self.file, self.codec, self.form = file, codec, form
        self.at, self.line = at, line
        self._grown = 0
        self._examined = 0

    def __iter__(self) -> Iterator[Measured]:
        self.file.seek(self.at)
        rest, size = b"", self.codec.unit.itemsize
        while True:
            block = self.file.read(BLOCK)
            data, final = rest + block, not block
            data = data[: len(data) // size * size] if final else data
            if final and not data:
                return
            end = len(data) if final else last_end(data, self.codec)
            if not end:
                if len(data) > MAX_LINE:
                    raise ParseError("csv_unreadable", f"Line {self.line} is longer than 64 MB; no table.")
                rest = data
                continue
            chunk = data[:end]
            found = self._measured(chunk, final) or self._walked(chunk, final)
            if found is None:
                rest = data
                continue
            measured, taken, lines = found
            yield measured
            self.at += taken
            self.line += lines
            rest = data[taken:]
            if final:
                return

    def _measured(self, chunk: bytes, final: bool) -> tuple[Measured, int, int] | None:
        """By counting; None when the block has to be read."""
        form = self.form
        units = np.frombuffer(chunk, self.codec.unit)
        if self.codec.name in UNSAFE or form.single or (form.escape and (units == 92).any()):
            return None
        ends = ends_of(units)
        if final and (not len(ends) or ends[-1] != len(units)):
            ends = np.append(ends, len(units))
        lines = ends
        cells = all_cells = np.flatnonzero(units == ord(form.delimiter))
        ink = (units > 32) & (units != ord(form.delimiter))
        if form.quote:
            quotes = np.flatnonzero(units == ord(form.quote))
            if len(quotes):
                if form.skip_space or not _sound(units, quotes, ord(form.delimiter)):
                    return None
                if final and len(quotes) % 2:
                    return None
                ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
                cells = cells[np.searchsorted(quotes, cells) % 2 == 0]
                ink[quotes] = False
        if not len(ends):
            return None
        bounds = np.concatenate(([0], ends))
        first_lines = np.searchsorted(lines, bounds, side="right")
        if len(lines) != len(ends) and self._some_hold_rows(all_cells, lines, first_lines):
            return None
        widths = np.diff(np.searchsorted(cells, bounds)) + 1
        filled = np.logical_or.reduceat(ink[: bounds[-1]], bounds[:-1])
        comments = np.zeros(len(filled), bool)
        if form.comment:
            marked = units[bounds[:-1]] == ord(form.comment)
            several = np.diff(first_lines) > 1
            if (marked & several).any() or not units.all():
                return None
            comments = marked & (widths != form.width)
        size = units.itemsize
        for index in np.flatnonzero(filled & ~comments & (widths > form.width)):
            if self._examined >= MOST_EXAMINED:
                break
            self._examined += 1
            text = self.codec.decode(chunk[bounds[index] * size : bounds[index + 1] * size])
            record = next(records(lines_of(text), form), None)
            widths[index] = used(record.cells, form.width) if record else 0
        measured = Measured(
            bounds * size + self.at,
            first_lines[:-1] + self.line,
            widths,
            filled & ~comments,
            comments & filled,
            False,
        )
        return measured, int(bounds[-1]) * size, int(first_lines[-1])

    def _some_hold_rows(self, cells: np.ndarray, lines: np.ndarray, first_lines: np.ndarray) -> bool:
        """See `records.holds_rows`; of every record of several lines."""
        counts = np.diff(np.searchsorted(cells, np.concatenate(([0], lines))))
        several = np.flatnonzero(np.diff(first_lines) >= LEAST_INNER + 2)
        return any(
            holds_rows(counts[first_lines[index] + 1 : first_lines[index + 1] - 1].tolist(), self.form)
            for index in several
        )

    def _walked(self, chunk: bytes, final: bool) -> tuple[Measured, int, int] | None:
        """Record by record; None when the block holds less than one."""
        form = self.form
        lines = lines_of(self.codec.decode(chunk))
        ends = line_bounds(chunk, self.codec)
        if len(ends) != len(lines) + 1:  # newlines that only the decoded text has
            raise ParseError("csv_unreadable", "Lines cannot be told apart in this encoding.")
        grown = len(chunk) > MAX_RECORD and not final
        firsts, widths, rows, comments, end = [], [], [], [], 0
        for record in records(lines, form, final=final or grown):
            comment = is_comment(lines[record.first], record.cells, form)
            filled = is_filled(record.cells, form)
            firsts.append(record.first)
            widths.append(used(record.cells, form.width))
            rows.append(filled and not comment)
            comments.append(filled and comment)
            end = record.end
            if grown:  # the first one is what did not end
                self._grown += 1
                break
        if not firsts:
            return None
        if self._grown > MOST_OPEN:
            self.form = replace(form, single=True)
        bounds = ends[[*firsts, end]]
        measured = Measured(
            bounds + self.at,
            np.array(firsts) + self.line,
            np.array(widths),
            np.array(rows, bool),
            np.array(comments, bool),
            form.single,
        )
        return measured, int(bounds[-1]), end


def line_bounds(raw: bytes, codec: Codec) -> np.ndarray:
    """Byte offsets where lines begin, and where the last one ends."""
    units = np.frombuffer(raw, codec.unit)
    ends = ends_of(units)
    if len(units) and (not len(ends) or ends[-1] != len(units)):
        ends = np.append(ends, len(units))
    return np.concatenate(([0], ends)) * units.itemsize


def ends_of(units: np.ndarray) -> np.ndarray:
    """Places after each newline, of whichever kind."""
    newlines = units == 10
    returns = units == 13
    if returns.any():
        followed = np.append(newlines[1:], False)
        newlines = newlines | (returns & ~followed)
    return np.flatnonzero(newlines) + 1


def last_end(data: bytes, codec: Codec) -> int:
    """Bytes up to the last newline; a return at the very end may be half of one."""
    size = codec.unit.itemsize
    units = np.frombuffer(data, codec.unit, len(data) // size)
    if len(units) and units[-1] == 13:
        units = units[:-1]
    for reach in (1 << 16, len(units)):
        tail = units[max(0, len(units) - reach) :]
        places = np.flatnonzero((tail == 10) | (tail == 13))
        if len(places):
            return (len(units) - len(tail) + int(places[-1]) + 1) * size
    return 0


def _sound(units: np.ndarray, quotes: np.ndarray, delimiter: int) -> bool:
    """Whether every quote opens or closes a cell or is doubled: counting then tells inside from outside."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = units[opening - 1]
    free = (before == delimiter) | (before == 10) | (before == 13) | (opening == 0)
    doubled = np.zeros(len(opening), bool)
    doubled[1:] = opening[1:] - 1 == closing[: len(opening) - 1]
    if not (free | doubled).all():
        return False
    after = units[np.minimum(closing + 1, len(units) - 1)]
    free = (after == delimiter) | (after == 10) | (after == 13) | (closing == len(units) - 1)
    doubled = np.zeros(len(closing), bool)
    follow = opening[1:]
    doubled[: len(follow)] = closing[: len(follow)] + 1 == follow
    return bool((free | doubled).all())
