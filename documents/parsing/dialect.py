"""How a table is written, judged by its beginning: delimiter, quotes, comments, where the header is."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import product

from documents.parsing import header as headers
from documents.parsing.header import VALUE
from documents.parsing.records import Format, Record, is_comment, is_filled, records

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_RECORDS = 1000
JUDGED_RECORDS = 300
JUDGED_CHARS = 120_000
PREAMBLE_RECORDS = 40
COMMENT = "#"


@dataclass(frozen=True)
class Dialect:
    """What a reader needs to know.

    Attributes:
        form: how cells are written; its width is the header's.
        columns: the columns' names; made up (`column 1`…) where the file has none.
        header_records: how many records the names come from; 0 when the file has no header.
        preamble: what stands above the table, one line of text each.
        body_line: lines before the first row (preamble, comments and header).
        weight: characters that the names of a usual row's filled cells add when it is rendered.
        single_rows: rows are questions with answers, each a passage of its own.
    """

    form: Format
    columns: tuple[str, ...]
    header_records: int
    preamble: tuple[str, ...]
    body_line: int
    weight: float
    single_rows: bool


def sniff(lines: list[str]) -> Dialect:
    """Judge by the first lines; a cut last record must not be among them."""
    form = _format(lines)
    found = [
        record
        for record in _records(lines, form, SAMPLE_RECORDS)
        if not is_comment(lines[record.first], record.cells, form)
    ]
    start = _table_start(found, form)
    table = [record for record in found[start:] if is_filled(record.cells, form)]
    above = [record for record in found[:start] if is_filled(record.cells, form)]
    names, header_records = headers.names([record.cells for record in table])
    body = table[header_records:]
    last_head = table[header_records - 1] if header_records else None
    body_line = last_head.end if last_head else (body[0].first if body else len(lines))
    return Dialect(
        form=replace(form, width=len(names)),
        columns=names,
        header_records=header_records,
        preamble=tuple(" ".join(" ".join(cell.split()) for cell in record.cells if cell) for record in above),
        body_line=body_line,
        weight=_weight(names, [record.cells for record in body]),
        single_rows=headers.asks_and_answers(names),
    )


def _records(lines: list[str], form: Format, most: int) -> list[Record]:
    found = []
    for record in records(lines, form):
        found.append(record)
        if len(found) >= most:
            break
    return found


# --- how cells are written -------------------------------------------------------------------------


def _format(lines: list[str]) -> Format:
    size, judged = 0, []
    for line in lines:
        judged.append(line)
        size += len(line)
        if size > JUDGED_CHARS and len(judged) > 20:
            break
    remarks = [line for line in judged if line.startswith(COMMENT)]
    if remarks:
        form = _best([line for line in judged if not line.startswith(COMMENT)] or judged)
        width = _usual_width(_widths(judged, form))
        odd = [len(next(iter(_cells([line], form)), [])) != width for line in remarks]
        above = odd[0] and next(line for line in judged if line.strip()) is remarks[0]
        if sum(odd) >= len(remarks) * (0.5 if above else 0.8):
            form = replace(form, comment=COMMENT, width=width)
            return _escaped(lines, form)
    return _escaped(lines, _best(judged))


def _best(lines: list[str]) -> Format:
    text = "".join(lines)
    quotes = ['"']
    if re.search(r"(^|[,;\t|])'", text, re.MULTILINE) and re.search(r"'[,;\t|\r\n]", text):
        quotes.append("'")
    escapes = ["", "\\"] if re.search(r"\\[\"',;|\t]", text) else [""]
    spaces = [False, True] if re.search(r"[,;|\t] +[\"']", text) else [False]
    delimiters = [delimiter for delimiter in DELIMITERS if delimiter in text] or [","]
    forms = [
        Format(delimiter, quote, escape, space)
        for delimiter, quote, escape, space in product(delimiters, quotes, escapes, spaces)
    ]
    return max(forms, key=lambda form: _score(lines, form))


def _escaped(lines: list[str], form: Format) -> Format:
    """With backslash escapes when only they keep a later record of the sample to the usual width."""
    if form.escape or not any("\\" + form.delimiter in line for line in lines):
        return form
    escaped = replace(form, escape="\\")
    usual = _usual_width(_widths(lines, form))
    fits = [sum(width == usual for width in _widths(lines, one)) for one in (form, escaped)]
    return escaped if fits[1] > fits[0] else form


def _score(lines: list[str], form: Format) -> tuple[float, int]:
    """From 0 to 1: do records agree in their width, and do cells look whole? Then the width."""
    found = [cells for cells in _cells(lines, form) if is_filled(cells, form)]
    usual = _usual_width([len(cells) for cells in found])
    if usual < 2:
        return (0.0, 0)
    cells = [cell for record in found[:100] for cell in record[:60] if cell]
    whole = sum(_whole(cell, form) for cell in cells) / len(cells) if cells else 0.0
    score = sum(len(cells) == usual for cells in found) / len(found) * (0.4 + 0.6 * whole)
    return (round(score, 6), usual)


def _whole(cell: str, form: Format) -> bool:
    """Whether a cell shows no sign of another delimiter, quote or escape than the format's."""
    bare = cell.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        return False
    if bare.count('"') % 2 and (bare[:1] == '"' or bare[-1:] == '"'):
        return False
    if "\\" in bare and (bare.endswith("\\") or re.search(r"\\[\"',;|\t]", bare)):
        return False
    if "\n" in bare and re.search(r"[\"'][,;\t|]|[,;\t|][\"']", bare):
        return False
    if VALUE.match(bare):
        return True
    return not re.search(r"[,;\t|](?! )", bare.replace(form.delimiter, ""))


def _cells(lines: list[str], form: Format) -> list[list[str]]:
    return [record.cells for record in _records(lines, form, JUDGED_RECORDS)]


def _widths(lines: list[str], form: Format) -> list[int]:
    found = [record.cells for record in _records(lines, form, SAMPLE_RECORDS)]
    return [len(cells) for cells in found if is_filled(cells, form)]


def _usual_width(widths: list[int]) -> int:
    return Counter(widths).most_common(1)[0][0] if widths else 1


# --- where the table begins ------------------------------------------------------------------------


def _table_start(found: list[Record], form: Format) -> int:
    """Index of the header: after a title, remarks or a list of facts that stand above the table.

    These are leading records with hardly a cell filled; a blank record under them is a sure sign.
    """
    counts = [sum(bool(cell.strip()) for cell in record.cells) for record in found]
    body = [count for count in counts[len(counts) // 2 :] if count] or [1]
    usual = sorted(body)[len(body) // 2]
    start = 0
    most = min(PREAMBLE_RECORDS, len(found) - 2)
    while start < most and usual > 1 and counts[start] <= 1:
        start += 1
    sparse = start
    while sparse < most and usual >= 4 and counts[sparse] <= usual * 0.35:
        if counts[sparse] == 0:
            start = sparse + 1
        sparse += 1
    while start < len(found) and not is_filled(found[start].cells, form):
        start += 1
    return start


def _weight(names: tuple[str, ...], body: list[list[str]]) -> float:
    """Characters of names (and what stands between cells) in a usual row; a quarter of all at least."""
    lengths = [len(name) + len(": ; ") for name in names]
    if not body:
        return float(sum(lengths))
    total = sum(
        length for cells in body for cell, length in zip(cells, lengths, strict=False) if cell.strip()
    )
    return max(total / len(body), sum(lengths) / 4)
