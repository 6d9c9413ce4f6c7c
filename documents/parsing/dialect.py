"""How a table is written: delimiter, quote, whether it has a header and where the table begins."""

import csv
import re
from collections import Counter
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_RECORDS = 200
VALUE = re.compile(r"^[\s$€£%()+\-.,:/\d]*\d[\s$€£%()+\-.,:/\d]*$")  # numbers, amounts, dates
MAX_CELL = 1 << 20
MAX_NAME = 200  # of a column; it stands before every cell

csv.field_size_limit(MAX_CELL)


@dataclass(frozen=True)
class Dialect:
    """What a reader needs to know.

    Attributes:
        skip: records before the header (a title above the table).
        header: the columns' names; made up (`column 1`…) when the file has none.
        has_header: whether the first record (after `skip`) is the header.
    """

    delimiter: str
    skip: int
    header: tuple[str, ...]
    has_header: bool


def sniff(sample: str) -> Dialect:
    """Judge by the first records.

    Args:
        sample: the beginning of the decoded file; a cut last record is left out.
    """
    best = max(DELIMITERS, key=lambda delimiter: _score(_records(sample, delimiter)))
    records = _records(sample, best)
    usual = _usual_width(records)
    skip = 0
    while skip < min(10, len(records) - 2) and usual > 1 and _filled(records[skip]) <= 1:
        skip += 1
    table = records[skip:]
    has_header = _has_header(table)
    first = table[0] if table else []
    header = _names(first if has_header else [""] * max(len(first), 1))
    return Dialect(best, skip, header, has_header)


def _records(sample: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(sample.splitlines(keepends=True), delimiter=delimiter)
    records: list[list[str]] = []
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                records.append(record)
            if len(records) >= SAMPLE_RECORDS:
                break
    except csv.Error:
        pass  # what was read so far has to do
    return records


def _usual_width(records: list[list[str]]) -> int:
    return Counter(len(record) for record in records).most_common(1)[0][0] if records else 1


def _score(records: list[list[str]]) -> tuple[float, int]:
    """How much of the sample has the usual width, and that width; a width of 1 says nothing."""
    usual = _usual_width(records)
    if usual < 2:
        return (0.0, 0)
    return (sum(len(record) == usual for record in records) / len(records), usual)


def _filled(record: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in record)


def _has_header(table: list[list[str]]) -> bool:
    """A first record with words where the column below holds values, or simply no value at all."""
    if len(table) < 2:
        return bool(table) and not any(VALUE.match(cell) for cell in table[0])
    first, rest = table[0], table[1:21]
    if any(VALUE.match(cell.strip()) for cell in first if cell.strip()):
        years = all(re.match(r"^\s*(19|20)\d\d\s*$", cell) for cell in first if VALUE.match(cell.strip()))
        return years and not VALUE.match(first[0].strip() or "x")
    for index, cell in enumerate(first):
        below = [record[index].strip() for record in rest if index < len(record)]
        if cell.strip() and below and all(VALUE.match(value) for value in below if value) and any(below):
            return True
    names = [cell.strip().lower() for cell in first if cell.strip()]
    return len(set(names)) == len(names) and not any(first == record for record in rest)


def _names(header: list[str]) -> tuple[str, ...]:
    """Every column gets a name of its own."""
    seen: Counter[str] = Counter()
    names = []
    for index, cell in enumerate(header, start=1):
        name = " ".join(cell.replace("\x00", "").split())[:MAX_NAME] or f"column {index}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)
