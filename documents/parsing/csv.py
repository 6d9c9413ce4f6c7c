"""Tables. Every row becomes one line of `column: value; …`; offsets count in the part's lines.

Row numbers count records from 1 without the header and without blank lines; line numbers in warnings are
those of the file.
"""

import csv
import io
from collections.abc import Iterator
from itertools import compress
from typing import Any

from documents.parsing import dialect as dialects
from documents.parsing import encodings
from documents.parsing.base import Block, ParseError, Reading, Structure
from documents.parsing.clean import clean_text

PART_CHARS = 24_000  # of the file
PART_RENDERED = 50_000  # with the column's name before each cell: 10-15k tokens, 1-2 s of embedding
SAMPLE_CHARS = 200_000
MAX_EXTRA_COLUMNS = 200  # beyond the header's; a record with more is no row of this table
MOST_LISTED = 200


def split(path: str, name: str) -> Structure:
    """Blocks of whole records.

    Raises:
        ParseError: csv_unreadable, csv_empty.
    """
    encoding = encodings.detect(path)
    with open(path, encoding=encoding, newline="") as file:
        dialect = dialects.sniff(file.read(SAMPLE_CHARS).replace("\x00", ""))
    width = len(dialect.header)
    plan = _Plan(dialect)
    with open(path, encoding=encoding, newline="") as file:
        try:
            plan.scan(file)
        except csv.Error as error:
            raise ParseError("csv_unreadable", f"The table cannot be read as CSV: {error}.") from error
    if not plan.rows:
        raise ParseError("csv_empty")
    names = [*dialect.header, *(f"column {index}" for index in range(width + 1, plan.width + 1))]
    reading = {
        "encoding": encoding,
        "delimiter": dialect.delimiter,
        "header": dialect.has_header,
        "columns": names,
    }
    return Structure(tuple(plan.spans), row_count=plan.rows, reading=reading, warnings=plan.warnings())


def read(path: str, span: dict[str, Any]) -> Reading:
    """One block: the rendered rows."""
    with open(path, encoding=span["encoding"], newline="") as file:
        file.seek(span["at"])
        raw = file.read(span["length"]).replace("\x00", "")
    columns = [clean_text(column).replace("\n", " ") for column in span["columns"]]
    lines, rows, at = [], [], 0
    number = span["row"]
    for record in _records(raw, span, len(columns)):
        line = _rendered(columns, record)
        rows.append((number, at))
        lines.append(line)
        at += len(line)
        number += 1
    return Reading(blocks=(Block("".join(lines), rows=tuple(rows)),) if lines else ())


class _Plan:
    """Walks over the whole file once, record by record, and notes where blocks begin."""

    def __init__(self, dialect: dialects.Dialect) -> None:
        self.dialect = dialect
        self.spans: list[dict[str, Any]] = []
        self.rows = 0
        self.width = len(dialect.header)
        self._uneven: list[int] = []
        self._rejected: list[int] = []

    def scan(self, file: Any) -> None:
        """Fill `spans` and `rows`."""
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=self.dialect.delimiter)
        before = self.dialect.skip + int(self.dialect.has_header)
        names = [len(name) + len(": ; ") for name in self.dialect.header]
        start, length, kept, rendered = file.tell(), 0, 0, 0
        for record in reader:
            taken, lines.taken = lines.taken, 0
            filled = any(cell.strip() for cell in record)
            if filled and before:
                before -= 1
                start, length = file.tell(), 0
                continue
            rejected = filled and not self._acceptable(record, reader.line_num)
            if not rejected:
                length += taken
                kept += filled
                rendered += taken + sum(compress(names, record))
            # a block ends before a rejected record
            if rejected or length >= PART_CHARS or rendered >= PART_RENDERED:
                self._close(start, length, kept)
                start, length, kept, rendered = file.tell(), 0, 0, 0
        self._close(start, length, kept)

    def warnings(self) -> tuple[dict[str, Any], ...]:
        """What was noticed about rows, by line number."""
        noticed = {"rows_uneven": self._uneven, "rows_rejected": self._rejected}
        return tuple({"code": code, "numbers": lines} for code, lines in noticed.items() if lines)

    def _acceptable(self, record: list[str], line: int) -> bool:
        header = len(self.dialect.header)
        if len(record) > header + MAX_EXTRA_COLUMNS:
            self._note(self._rejected, line)
            return False
        filled = len(record)
        while filled > header and not record[filled - 1].strip():
            filled -= 1
        if filled > header or len(record) < header:
            self._note(self._uneven, line)
        self.width = max(self.width, filled)
        return True

    @staticmethod
    def _note(lines: list[int], line: int) -> None:
        if len(lines) < MOST_LISTED:
            lines.append(line)

    def _close(self, at: int, length: int, kept: int) -> None:
        if kept:
            self.spans.append({"at": at, "length": length, "row": self.rows + 1, "count": kept})
        self.rows += kept


class _Lines:
    """The file's lines for `csv.reader`, which takes no more than it needs: so places stay exact."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.taken = 0  # characters since the last record's end

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        self.taken += len(line)
        return str(line).replace("\x00", "")


def _records(raw: str, span: dict[str, Any], width: int) -> list[list[str]]:
    """The block's records with pandas; with the csv module where pandas counts them differently."""
    import pandas

    try:
        frame = pandas.read_csv(
            io.StringIO(raw),
            sep=span["delimiter"],
            header=None,
            names=range(width),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=True,
            on_bad_lines="skip",
        ).fillna("")
        records = [list(row) for row in frame.itertuples(index=False, name=None)]
    except (ValueError, pandas.errors.ParserError):
        records = []
    records = [record for record in records if any(cell.strip() for cell in record)]
    if len(records) == span["count"]:
        return records
    reader = csv.reader(io.StringIO(raw, newline=""), delimiter=span["delimiter"])
    return [record for record in reader if any(cell.strip() for cell in record)]


def _rendered(columns: list[str], record: list[str]) -> str:
    cells = (
        (column, " ".join(clean_text(cell).split())) for column, cell in zip(columns, record, strict=False)
    )
    return "; ".join(f"{column}: {cell}" for column, cell in cells if cell) + "\n"
