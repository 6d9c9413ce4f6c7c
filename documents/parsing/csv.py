"""Tables. Every row becomes one line of `column: value; …`; offsets count in the part's lines.

Row numbers count records from 1 without the header, blank lines and comments; line numbers in warnings are
those of the file.
"""

from typing import Any

import numpy as np

from documents.parsing import dialect as dialects
from documents.parsing import encodings
from documents.parsing.base import Block, ParseError, Reading, Structure
from documents.parsing.clean import clean_text
from documents.parsing.profile import partial, values_kept
from documents.parsing.records import Format, is_comment, is_filled, lines_of, records, used
from documents.parsing.scan import MAX_LINE, Codec, Measured, Scan, last_end, line_bounds

PART_BYTES = 24_000  # of the file
PART_RENDERED = 50_000  # with the column's name before each cell: 10-15k tokens, 1-2 s of embedding
SAMPLE_BYTES = 1 << 19
LEAST_SAMPLED = 20  # lines; a header of ten thousand columns needs a longer sample
STRETCH_BYTES = 2 << 20  # whose rows are described together
MAX_EXTRA_COLUMNS = 200  # beyond the header's; a record with more is no row of this table
MOST_LISTED = 200
MAX_PREAMBLE = 1500
LONG_ROW = 60  # characters; of longer rows the cells' places are told, so that they can be cut there
LOOK_AGAIN_BYTES = 16 << 20


def split(path: str, name: str) -> Structure:
    """Blocks of whole records.

    Raises:
        ParseError: csv_unreadable, csv_empty.
    """
    encoding = encodings.detect(path)
    with open(path, "rb") as file:
        mark, codec_name = encodings.body_of(encoding.name, file.read(4))
        codec = Codec(codec_name, encoding.errors)
        raw = _sample(file, codec, mark)
        lines = lines_of(codec.decode(raw))
        dialect = dialects.sniff(lines)
        at = mark + int(line_bounds(raw, codec)[dialect.body_line])
        scan = Scan(file, codec, dialect.form, at, dialect.body_line + 1)
        plan = _Plan(dialect, codec)
        for measured in scan:
            plan.add(measured)
        plan.end()
    if not plan.rows:
        raise ParseError("csv_empty")
    names = [*dialect.columns, *(f"column {n}" for n in range(len(dialect.columns) + 1, plan.width + 1))]
    reading = encoding.reading() | dialect.form.to_json()
    reading |= {
        "codec": codec_name,
        "header": bool(dialect.header_records),
        "header_records": dialect.header_records,
        "columns": names,
        "single_rows": dialect.single_rows,
        "preamble": " / ".join(clean_text(line) for line in dialect.preamble)[:MAX_PREAMBLE],
    }
    return Structure(
        tuple(plan.spans),
        row_count=plan.rows,
        reading=reading,
        warnings=(*encoding.warnings(), *plan.warnings()),
        gathers={"kind": "profile"},
    )


def read(path: str, span: dict[str, Any]) -> Reading:
    """The rendered rows: one block, or one per row where rows are questions with answers."""
    found = _rows(path, span, span)
    columns = span["columns"]
    lines, rows, cells, at = [], [], [], 0
    for number, record in enumerate(found, start=span["row"]):
        line, places = _rendered(columns, record)
        rows.append((number, at))
        if len(line) > LONG_ROW:
            cells += [at + place for place in places]
        lines.append(line)
        at += len(line)
    described = None
    if stretch := span.get("profile"):
        same = stretch["at"] == span["at"] and stretch["length"] == span["length"]
        wanted = found if same else _rows(path, span, stretch)
        described = partial(columns, wanted, stretch["row"], stretch["values"])
    if not lines:
        return Reading(blocks=(), profile=described)
    whole = Block("".join(lines), rows=tuple(rows), cells=tuple(cells))
    return Reading(blocks=_one_per_row(whole) if span["single_rows"] else (whole,), profile=described)


def _one_per_row(block: Block) -> tuple[Block, ...]:
    starts = [start for _, start in block.rows]
    return tuple(
        Block(
            block.text[start:end],
            start=start,
            rows=((number, 0),),
            cells=tuple(cell - start for cell in block.cells if start <= cell < end),
        )
        for (number, start), end in zip(block.rows, [*starts[1:], len(block.text)], strict=True)
    )


class _Plan:
    """Cuts the records into parts, and notes what a person should know about them."""

    def __init__(self, dialect: dialects.Dialect, codec: Codec) -> None:
        self.header = len(dialect.columns)
        self.width = self.header
        self.weight = dialect.weight
        self.part_bytes = PART_BYTES * codec.unit.itemsize
        self.spans: list[dict[str, Any]] = []
        self.rows = 0
        self._span: dict[str, Any] = {}
        self._rendered = 0.0
        self._noticed: dict[str, list[int]] = {}
        self._counts: dict[str, int] = {}

    def add(self, measured: Measured) -> None:
        """The next records."""
        wide = measured.cells > self.header + MAX_EXTRA_COLUMNS
        kept = measured.rows & ~wide
        self._note("rows_uneven", measured.lines[kept & (measured.cells != self.header)])
        self._note("rows_rejected", measured.lines[measured.rows & wide])
        self._note("lines_comments", measured.lines[measured.comments])
        if kept.any():
            self.width = max(self.width, int(measured.cells[kept].max()))
        if measured.single and not self._span.get("single"):
            self._close()
        sizes = np.diff(measured.bounds)
        loads = np.concatenate(([0.0], np.cumsum(sizes + self.weight * kept)))
        counts = np.concatenate(([0], np.cumsum(kept)))
        first, last = 0, len(kept)
        while first < last:
            if not self._span:
                self._span = {
                    "at": int(measured.bounds[first]),
                    "length": 0,
                    "row": self.rows + 1,
                    "count": 0,
                    "line": int(measured.lines[first]),
                } | ({"single": True} if measured.single else {})
            by_size = measured.bounds[first] + self.part_bytes - self._span["length"]
            by_load = loads[first] + PART_RENDERED - self._rendered
            after = min(
                int(np.searchsorted(measured.bounds, by_size)), int(np.searchsorted(loads, by_load)), last
            )
            full = after < last or measured.bounds[after] >= by_size or loads[after] >= by_load
            after = max(after, first + 1)
            taken = int(counts[after] - counts[first])
            self._span["length"] += int(measured.bounds[after] - measured.bounds[first])
            self._span["count"] += taken
            self._rendered += float(loads[after] - loads[first])
            self.rows += taken
            first = after
            if full:
                self._close()

    def end(self) -> None:
        """No more records."""
        self._close()
        self._stretch()

    def warnings(self) -> tuple[dict[str, Any], ...]:
        """What was noticed about rows, by line number."""
        return tuple(
            {"code": code, "numbers": lines, "count": self._counts[code]}
            for code, lines in self._noticed.items()
        )

    def _note(self, code: str, lines: np.ndarray) -> None:
        if not len(lines):
            return
        listed = self._noticed.setdefault(code, [])
        listed += [int(line) for line in lines[: MOST_LISTED - len(listed)]]
        self._counts[code] = self._counts.get(code, 0) + len(lines)

    def _close(self) -> None:
        if self._span.get("count"):
            self.spans.append(self._span)
        self._span, self._rendered = {}, 0.0

    def _stretch(self) -> None:
        """Have the first part of every stretch of parts describe the stretch's rows."""
        owner: dict[str, Any] = {}
        owners = []
        for span in self.spans:
            end = span["at"] + span["length"]
            if owner and not span.get("single") and end - owner["at"] <= STRETCH_BYTES:
                owner |= {"length": end - owner["at"], "count": owner["count"] + span["count"]}
                continue
            owner = {name: span[name] for name in ("at", "length", "row", "count")}
            span["profile"] = owner
            owners.append(owner)
        keep = values_kept(self.width, len(owners))
        for owner in owners:
            owner["values"] = keep


def _sample(file: Any, codec: Codec, mark: int) -> bytes:
    """The first lines, whole."""
    size = SAMPLE_BYTES
    while True:
        file.seek(mark)
        raw = bytes(file.read(size))
        if len(raw) < size:
            return raw[: len(raw) // codec.unit.itemsize * codec.unit.itemsize]
        whole = raw[: last_end(raw, codec)]
        if whole.count(b"\n") + whole.count(b"\r") >= LEAST_SAMPLED or (size >= LOOK_AGAIN_BYTES and whole):
            return whole
        if size > MAX_LINE:
            raise ParseError("csv_unreadable", "The first line is longer than 64 MB; this is no table.")
        size *= 2


def _rows(path: str, span: dict[str, Any], place: dict[str, Any]) -> list[list[str]]:
    """The cells of a part's (or stretch's) rows, as the plan counted them."""
    form = Format.from_json(span)
    with open(path, "rb") as file:
        file.seek(place["at"])
        raw = file.read(place["length"])
    lines = lines_of(Codec(span["codec"], span.get("errors", "strict")).decode(raw))
    most = form.width + MAX_EXTRA_COLUMNS
    return [
        record.cells
        for record in records(lines, form)
        if is_filled(record.cells, form)
        and not is_comment(lines[record.first], record.cells, form)
        and used(record.cells, form.width) <= most
    ]


def _rendered(columns: list[str], record: list[str]) -> tuple[str, list[int]]:
    """The row's line, and where its cells begin."""
    pieces, places, at = [], [], 0
    for column, cell in zip(columns, record, strict=False):
        text = " ".join(clean_text(cell).split())
        if text:
            piece = f"{column}: {text}; "
            pieces.append(piece)
            places.append(at)
            at += len(piece)
    return "".join(pieces).removesuffix("; ") + "\n", places
