"""What a table's columns hold: types, counts, ranges, sums, the most frequent values.

`partial` describes a stretch of rows, `merge` adds one description to another, `profile_text` puts it in
words. All are JSON. Sums are exact (decimal); counts of values are exact until a column has too many
different ones: then `error` says by how much a kept count may be too low, and `distinct` is a lower bound.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from documents.parsing.clean import clean_line
from documents.parsing.values import EXACT, MISSING, dates, numbers

MAX_COLUMNS = 200
MAX_VALUE = 60  # characters of a value that are shown; longer ones are told apart by their end's hash
VALUE_BUDGET = 2_000_000  # over all partial descriptions of a table
LEAST_VALUES, MOST_VALUES = 40, 5000
BRIEF_CELLS, MAX_BRIEF = 3, 110


def values_kept(columns: int, stretches: int = 1) -> int:
    """How many different values of a column each partial description keeps."""
    return max(LEAST_VALUES, min(MOST_VALUES, VALUE_BUDGET // max(1, min(columns, MAX_COLUMNS) * stretches)))


def partial(
    columns: Sequence[str], rows: list[list[str]], first_row: int, keep: int = MOST_VALUES
) -> dict[str, Any]:
    """Describe rows.

    Args:
        columns: all names; the first MAX_COLUMNS are described.
        first_row: number of the first row.
        keep: how many different values of a column are counted.
    """
    names = columns[:MAX_COLUMNS]
    cells = list(zip_longest(*(row[: len(names)] for row in rows), fillvalue=""))
    described = []
    for index in range(len(names)):
        column = [cell.strip() for cell in cells[index]] if index < len(cells) else [""] * len(rows)
        described.append(_described(column, keep, _Briefs(names, rows, index, first_row)))
    return {"rows": len(rows), "columns": described}


def merge(into: dict[str, Any] | None, more: dict[str, Any]) -> dict[str, Any]:
    """Add a description of other rows."""
    if into is None:
        return more
    into["rows"] += more["rows"]
    keep = values_kept(len(into["columns"]))
    for column, other in zip(into["columns"], more["columns"], strict=True):
        for name in ("filled", "missing", "codes", "percents", "point_only", "comma_only"):
            column[name] += other[name]
        for name in ("point", "comma", "day_first", "month_first"):
            column[name] = _joined(column[name], other[name])
        _merge_values(column, other, keep)
    return into


class _Briefs:
    """Finds the row of a value and says which one it is by its first other cells."""

    def __init__(self, names: Sequence[str], rows: list[list[str]], index: int, first_row: int) -> None:
        self.names, self.rows, self.index, self.first_row = names, rows, index, first_row

    def of(self, at: int) -> list[Any]:
        """[row number, brief]."""
        cells = [
            f"{name}: {clean_line(cell, MAX_VALUE)}"
            for position, (name, cell) in enumerate(zip(self.names, self.rows[at], strict=False))
            if position != self.index and cell.strip() and len(name) + len(cell) < MAX_BRIEF
        ]
        brief = "; ".join(cells[:BRIEF_CELLS])
        return [self.first_row + at, brief if len(brief) <= MAX_BRIEF else cells[0]]


def _described(column: list[str], keep: int, briefs: _Briefs) -> dict[str, Any]:
    counts = Counter(column)
    empty = counts.pop("", 0)
    found: dict[str, Any] = {
        "filled": len(column) - empty,
        "missing": 0,
        "codes": 0,
        "percents": 0,
        "point_only": 0,
        "comma_only": 0,
    }
    readings: dict[str, dict[str, Any]] = {"point": {}, "comma": {}, "day_first": {}, "month_first": {}}
    seen: dict[str, int] = {}
    for value, count in counts.items():
        seen[value] = count
        if value.lower() in MISSING:
            found["missing"] += count
            continue
        number = numbers(value)
        if number:
            found["percents"] += count * number.percent
            found["point_only"] += count * (number.comma is None)
            found["comma_only"] += count * (number.point is None)
            readings["point"][value] = number.point
            readings["comma"][value] = number.comma
            continue
        found["codes"] += count * (value[:1] == "0" and value.isdecimal())
        date = dates(value)
        if date:
            readings["day_first"][value], readings["month_first"][value] = date
    for name, read in readings.items():
        found[name] = _summed(read, seen, column, briefs, adds=name in ("point", "comma"))
    return found | _kept(counts, keep)


def _summed(
    read: dict[str, Any], counts: dict[str, int], column: list[str], briefs: _Briefs, *, adds: bool
) -> dict[str, Any] | None:
    """Count, sum and range of the values that this reading understands."""
    read = {value: meaning for value, meaning in read.items() if meaning is not None}
    if not read:
        return None
    low, high = min(read, key=read.__getitem__), max(read, key=read.__getitem__)
    found: dict[str, Any] = {"count": sum(counts[value] for value in read)}
    for name, value in (("low", low), ("high", high)):
        found[name] = [str(read[value]), clean_line(value, MAX_VALUE), *briefs.of(column.index(value))]
    if adds:
        total = Decimal(0)
        for value, number in read.items():
            total = EXACT.add(total, EXACT.multiply(number, counts[value]))
        found["sum"] = str(total)
        found["whole"] = sum(
            counts[value] for value in read if read[value] == read[value].to_integral_value()
        )
    return found


def _joined(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    if one is None or other is None:
        return one or other
    adds = "sum" in one

    def key(end: list[Any]) -> Any:
        return Decimal(end[0]) if adds else end[0]

    joined: dict[str, Any] = {
        "count": one["count"] + other["count"],
        "low": min(one["low"], other["low"], key=key),
        "high": max(one["high"], other["high"], key=key),
    }
    if adds:
        joined["sum"] = str(EXACT.add(Decimal(one["sum"]), Decimal(other["sum"])))
        joined["whole"] = one["whole"] + other["whole"]
    return joined


# --- values and how often they occur ---------------------------------------------------------------


def _kept(counts: Counter[str], keep: int) -> dict[str, Any]:
    named: Counter[str] = Counter()
    for value, count in counts.items():
        named[_shown(value)] += count
    values, error = _cut(named, keep)
    return {"values": values, "error": error, "distinct": len(named)}


def _merge_values(column: dict[str, Any], other: dict[str, Any], keep: int) -> None:
    counts = Counter(column["values"])
    counts.update(other["values"])
    values, cut = _cut(counts, keep)
    distinct = max(column["distinct"], other["distinct"], len(counts))
    column |= {"values": values, "error": column["error"] + other["error"] + cut, "distinct": distinct}


def _cut(counts: Counter[str], keep: int) -> tuple[dict[str, int], int]:
    """The most frequent values, each lowered by what the first dropped one has (Misra and Gries).

    So true counts lie between what is kept and that plus the error, also after any number of merges.
    """
    if len(counts) <= keep:
        return dict(counts), 0
    ranked = counts.most_common(keep + 1)
    error = ranked[-1][1]
    return {value: count - error for value, count in ranked[:-1] if count > error}, error


def _shown(value: str) -> str:
    line = clean_line(value, 1 << 20)
    if len(line) <= MAX_VALUE:
        return line
    return f"{line[: MAX_VALUE - 10]}… ({hash_of(line)})"


def hash_of(text: str) -> str:
    """A few letters that tell long values apart."""
    from hashlib import blake2b

    return blake2b(text.encode(errors="replace"), digest_size=4).hexdigest()
