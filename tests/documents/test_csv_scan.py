"""The walk over a whole table: counting bytes agrees with reading records; parts give all rows back."""

import io
import random

import pytest

from documents.parsing import csv, scan
from documents.parsing.records import Format, is_comment, is_filled, lines_of, records, used
from tests.documents.reading import read_all, rows_of


def by_reading(data: bytes, codec: scan.Codec, form: Format) -> list[tuple]:
    """(byte offset, line, cells) of each row, all in memory with the csv module."""
    lines, bounds = lines_of(codec.decode(data)), scan.line_bounds(data, codec)
    return [
        (int(bounds[record.first]), record.first + 1, used(record.cells, form.width))
        for record in records(lines, form)
        if is_filled(record.cells, form) and not is_comment(lines[record.first], record.cells, form)
    ]


def by_scanning(data: bytes, codec: scan.Codec, form: Format) -> list[tuple]:
    found = []
    for measured in scan.Scan(io.BytesIO(data), codec, form, 0, 1):
        facts = zip(measured.bounds, measured.lines, measured.cells, measured.rows, strict=False)
        found += [(int(at), int(line), int(cells)) for at, line, cells, is_row in facts if is_row]
    return found


def random_table(dice: random.Random, form: Format, *, sound: bool) -> str:
    """A soundly written table, or letters and signs at random."""
    quote = form.quote or '"'
    if not sound:
        signs = (
            [form.delimiter] * 4 + ["\n"] * 2 + [quote] * 3 + list("a1 #\r\\\x00é漢") + ["\r\n", quote * 2]
        )
        return "".join(dice.choices(signs, k=dice.randint(0, 60)))

    def cell() -> str:
        if dice.random() < 0.3 and form.quote and not form.escape:
            inner = ["a", form.delimiter, "\n", quote * 2, "é", " ", "\r\n"]
            return quote + "".join(dice.choices(inner, k=dice.randint(0, 5))) + quote
        return "".join(dice.choices("a1é漢# ", k=dice.randint(0, 4)))

    rows = (
        form.delimiter.join(cell() for _ in range(dice.randint(1, 5))) for _ in range(dice.randint(0, 12))
    )
    return dice.choice(["\n", "\r\n", "\r"]).join(rows) + dice.choice(["", "\n"])


@pytest.mark.parametrize("block", [8, 24, 40, 1 << 20])
def test_counting_bytes_agrees_with_reading_records(monkeypatch, block):
    monkeypatch.setattr(scan, "BLOCK", block)
    rows = 0
    for seed in range(1000):
        dice = random.Random(seed)
        form = Format(
            delimiter=dice.choice(",;\t|"),
            quote=dice.choice(['"', '"', "'", ""]),
            escape=dice.choice(["", "", "\\"]),
            skip_space=dice.random() < 0.1,
            comment=dice.choice(["", "#"]),
            width=dice.randint(1, 4),
        )
        codec = scan.Codec(dice.choice(["utf-8", "utf-8", "utf-16-le", "utf-32-be"]))
        text = random_table(dice, form, sound=bool(seed % 2))
        expected = by_reading(text.encode(codec.name), codec, form)
        assert by_scanning(text.encode(codec.name), codec, form) == expected, (seed, text)
        rows += len(expected)
    assert rows > 3000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp932"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_row_comes_back_once_from_the_parts(saved, monkeypatch, encoding, ends):
    monkeypatch.setattr(scan, "BLOCK", 3000)
    monkeypatch.setattr(csv, "PART_BYTES", 700)
    monkeypatch.setattr(csv, "STRETCH_BYTES", 5000)
    note = "ノート" if encoding == "cp932" else "naïve"
    lines = [f'{n},"{note} {n}{ends}second ""line"", {n}",{n * 7}' for n in range(1, 501)]
    content = ends.join(["id,note,value", *lines[:250], "", "", *lines[250:]]).encode(encoding)
    structure, blocks, readings = read_all(csv, saved(content), "t.csv")
    assert structure.row_count == 500
    assert len(structure.spans) > 20
    found = rows_of(blocks)
    assert list(found) == list(range(1, 501))
    assert all(found[n] == f'id: {n}; note: {note} {n} second "line", {n}; value: {n * 7}\n' for n in found)
    described = [reading.profile["rows"] for reading in readings if reading.profile]
    assert 3 < len(described) < len(readings)
    assert sum(described) == 500


def test_a_record_that_never_ends_is_left_behind_and_the_rest_is_read(saved, monkeypatch):
    monkeypatch.setattr(scan, "MAX_RECORD", 4000)
    monkeypatch.setattr(scan, "BLOCK", 1000)
    lines = [f"{n},plain,{n}" for n in range(1, 3001)]
    lines[4] = '5,"never closed,5'
    lines[2000] = '2001,"nor this,2001'
    structure, blocks, _ = read_all(csv, saved("\n".join(["id,word,value", *lines]).encode()), "t.csv")
    found = rows_of(blocks)
    assert list(found) == list(range(1, 3001))
    assert found[5] == "id: 5; word: never closed; value: 5\n"
    assert found[2001] == "id: 2001; word: nor this; value: 2001\n"
    assert found[3000] == "id: 3000; word: plain; value: 3000\n"


def test_with_too_many_open_quotes_every_line_is_a_row(saved, monkeypatch):
    monkeypatch.setattr(scan, "MAX_RECORD", 2000)
    monkeypatch.setattr(scan, "BLOCK", 500)
    monkeypatch.setattr(scan, "MOST_OPEN", 3)
    lines = [f"{n},plain,{n}" if n % 400 else f'{n},"open,{n}' for n in range(1, 4001)]
    structure, blocks, _ = read_all(csv, saved("\n".join(["id,word,value", *lines]).encode()), "t.csv")
    found = rows_of(blocks)
    assert list(found) == list(range(1, 4001))
    assert all(f"value: {n}\n" in line for n, line in found.items())
    assert any(span.get("single") for span in structure.spans)


def test_a_line_too_long_for_any_table_says_so(saved, monkeypatch):
    monkeypatch.setattr(scan, "MAX_LINE", 5000)
    monkeypatch.setattr(scan, "BLOCK", 1000)
    with pytest.raises(csv.ParseError) as caught:
        csv.split(saved(b"a,b\n1,2\n" * 100 + b"x" * 9000 + b"\n1,2\n"), "t.csv")
    assert caught.value.code == "csv_unreadable"
    assert "Line 201 " in caught.value.message
