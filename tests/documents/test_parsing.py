"""Files in, exact text out: types by content, encodings, tables, pages."""

import json

import pytest

from documents.parsing import csv, pdf, sniff, text
from documents.parsing.base import ParseError, reading_from_json, structure_from_json, to_json
from documents.parsing.clean import clean_line, clean_text
from tests.documents.files import encrypted, make_pdf


@pytest.fixture
def saved(tmp_path):
    """A function: bytes -> the path of a file that holds them."""

    def make(content: bytes) -> str:
        path = tmp_path / "file"
        path.write_bytes(content)
        return str(path)

    return make


def read_all(parser, path: str, name: str):
    """Structure and all blocks, through JSON as between the processes."""
    structure = structure_from_json(json.loads(json.dumps(to_json(parser.split(path, name)))))
    readings = [parser.read(path, structure.reading | span) for span in structure.spans]
    readings = [reading_from_json(json.loads(json.dumps(to_json(reading)))) for reading in readings]
    return structure, [block for reading in readings for block in reading.blocks], readings


# --- types -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (make_pdf(["x"]), "table.csv", sniff.PDF),
        (b"junk first\n" + make_pdf(["x"]), "a.pdf", sniff.PDF),
        (b"a,b\n1,2\n3,4\n5,6\n", "thing.pdf", sniff.CSV),
        (b"a;b\n1;2\n3;4\n5;6\n", "no-extension", sniff.CSV),
        (b"one\ntwo\n", "list.csv", sniff.CSV),
        (b"a,b\n1,2\n3,4\n5,6\n", "notes.txt", sniff.TEXT),
        (b"# Title\n\nSome text, with commas, here.\n", "readme.md", sniff.MARKDOWN),
        ("Grüße".encode("utf-16"), "u.txt", sniff.TEXT),
        (b"text with a \x00 in it, but a text all the same", "t.txt", sniff.TEXT),
    ],
)
def test_the_type_comes_from_the_content(saved, content, name, expected):
    assert sniff.media_type(saved(content), name) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\x00" + b"\x00" * 200,
        b"\x7fELF" + b"\x01" * 60,
        b"PK\x03\x04" + b"word/document.xml",
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 60,
        b"<!DOCTYPE html><html><script>alert(1)</script>",
        b"  <!-- x --><svg onload=alert(1)>",
        b"\xef\xbb\xbf<html>",
        b"<?xml version='1.0'?><x/>",
        bytes(range(256)) * 8,
    ],
)
@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a.csv", "a"])
def test_what_is_neither_pdf_nor_text_is_refused_under_any_name(saved, content, name):
    with pytest.raises(ParseError) as caught:
        sniff.media_type(saved(content), name)
    assert caught.value.code == "file_type_unsupported"


def test_an_empty_file_is_refused(saved):
    with pytest.raises(ParseError) as caught:
        sniff.media_type(saved(b""), "a.txt")
    assert caught.value.code == "file_empty"


# --- text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_a_text_is_read_in_its_encoding(saved, encoding):
    words = "Die Größe der Straße – “café” naïve\n" * 40
    _, blocks, _ = read_all(text, saved(words.encode(encoding)), "a.txt")
    assert "".join(block.text for block in blocks) == words


def test_a_late_bad_byte_does_not_break_the_guess(saved):
    content = b"plain ascii\n" * 20_000 + "Größe\n".encode("cp1252")
    _, blocks, _ = read_all(text, saved(content), "a.txt")
    assert blocks[-1].text.endswith("Größe\n")


def test_a_long_text_is_cut_at_paragraphs_and_nothing_is_lost(saved):
    source = "".join(f"Paragraph {n} of many.\r\nIts second line.\r\n\r\n" for n in range(6000))
    structure, blocks, _ = read_all(text, saved(source.encode()), "a.txt")
    whole = source.replace("\r\n", "\n")
    assert len(structure.spans) > 3
    assert "".join(block.text for block in blocks) == whole
    for block in blocks:
        assert whole[block.start : block.start + len(block.text)] == block.text
        assert block.text.endswith("\n\n")
        assert whole.count("\n", 0, block.start) + 1 == block.line


@pytest.mark.parametrize("filler", ["x" * 120_001, "é" * 90_000, "x\r" * 50_000, "e\u0301" * 60_000])
def test_a_text_without_good_places_to_cut_is_still_read_whole(saved, filler):
    _, blocks, _ = read_all(text, saved(filler.encode()), "a.txt")
    assert "".join(block.text for block in blocks) == clean_text(filler)


def test_markdown_headings_become_sections_across_parts(saved):
    source = (
        "# Guide\n\nIntro.\n\n## Setup\n\n"
        + "Step. " * 9000
        + "\n\n```\n# no heading\n```\n\n## Use\n\nText.\n"
    )
    structure, blocks, _ = read_all(text, saved(source.encode()), "guide.md")
    assert structure.title == "Guide"
    assert [block.section for block in blocks][:2] == ["Guide", "Guide › Setup"]
    assert blocks[-1].section == "Guide › Use"
    assert {block.section for block in blocks} == {"Guide", "Guide › Setup", "Guide › Use"}


def test_a_blank_text_says_so(saved):
    with pytest.raises(ParseError) as caught:
        text.split(saved(b" \n\n \t "), "a.txt")
    assert caught.value.code == "no_text"


def test_cleaning_removes_what_the_database_refuses():
    assert clean_text("a\x00b\ud800c\ufeff\r\nd\re\u0301") == "abc\nd\né"
    assert clean_line("  a\u202e b\n\tc  ") == "a b c"
    assert len(clean_line("x" * 999)) == 255


# --- tables ----------------------------------------------------------------------------------------


def rows_of(blocks) -> dict[int, str]:
    found = {}
    for block in blocks:
        starts = [start for _, start in block.rows]
        for (number, start), end in zip(block.rows, [*starts[1:], len(block.text)], strict=True):
            found[number] = block.text[start:end]
    return found


def test_rows_carry_their_numbers_and_the_column_names(saved):
    structure, blocks, _ = read_all(csv, saved(b"name,age\nAda,36\nBob,41\n"), "p.csv")
    assert structure.row_count == 2
    assert rows_of(blocks) == {1: "name: Ada; age: 36\n", 2: "name: Bob; age: 41\n"}


def test_a_semicolon_table_keeps_cells_with_commas_and_quoted_newlines(saved):
    content = 'Ort;Text;Größe\nBonn;"eins, zwei\nund drei; vier";1,5\nKöln;"er sagte ""ja""";2\n'
    structure, blocks, _ = read_all(csv, saved(content.encode("cp1252")), "t.csv")
    assert structure.reading["delimiter"] == ";"
    assert structure.reading["encoding"] == "cp1252"
    assert rows_of(blocks) == {
        1: "Ort: Bonn; Text: eins, zwei und drei; vier; Größe: 1,5\n",
        2: 'Ort: Köln; Text: er sagte "ja"; Größe: 2\n',
    }


def test_ragged_rows_are_kept_and_named_by_line(saved):
    content = b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12,,\n"
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert rows_of(blocks)[2] == "a: 4; b: 5\n"
    assert rows_of(blocks)[3] == "a: 6; b: 7; c: 8; column 4: 9\n"
    assert structure.warnings == ({"code": "rows_uneven", "numbers": [3, 4]},)


def test_a_row_far_too_wide_is_rejected_and_named(saved):
    content = b"a,b\n1,2\n" + b"x," * 5000 + b"x\n3,4\n"
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert list(rows_of(blocks).values()) == ["a: 1; b: 2\n", "a: 3; b: 4\n"]
    assert {"code": "rows_rejected", "numbers": [3]} in structure.warnings


def test_blank_lines_nul_characters_and_repeated_names_do_no_harm(saved):
    content = b"\n\nid,id,\n\n1,\x00x,y\n\n2,z,\n"
    structure, blocks, _ = read_all(csv, saved(content), "t.csv")
    assert structure.row_count == 2
    assert rows_of(blocks) == {1: "id: 1; id (2): x; column 3: y\n", 2: "id: 2; id (2): z\n"}


def test_a_table_without_header_gets_column_numbers(saved):
    structure, blocks, _ = read_all(csv, saved(b"1,2\n3,4\n5,6\n"), "t.csv")
    assert structure.row_count == 3
    assert rows_of(blocks)[1] == "column 1: 1; column 2: 2\n"


def test_a_title_above_the_table_is_not_the_header(saved):
    _, blocks, _ = read_all(csv, saved(b"My report,,\nname,age,city\nAda,36,Rome\nBob,3,Bonn\n"), "t.csv")
    assert rows_of(blocks)[1] == "name: Ada; age: 36; city: Rome\n"


def test_many_rows_are_cut_between_rows(saved):
    lines = [f'{n},"name {n}\nsecond line",{n * 7}' for n in range(1, 8001)]
    structure, blocks, _ = read_all(
        csv, saved(("id,name,value\n" + "\n".join(lines)).encode("utf-16")), "t.csv"
    )
    assert len(structure.spans) > 5
    found = rows_of(blocks)
    assert list(found) == list(range(1, 8001))
    assert all(found[n] == f"id: {n}; name: name {n} second line; value: {n * 7}\n" for n in found)


def test_wide_rows_are_counted_with_the_names_that_stand_before_their_cells(saved):
    names = ",".join(f"What did respondent answer to question number {n}?" for n in range(300))
    rows = "\n".join(",".join(["y"] * 300) for _ in range(60))
    structure, blocks, _ = read_all(csv, saved(f"{names}\n{rows}\n".encode()), "survey.csv")
    assert list(rows_of(blocks)) == list(range(1, 61))
    assert max(len(block.text) for block in blocks) < 2 * csv.PART_RENDERED


def test_an_endless_column_name_is_cut(saved):
    structure, _, _ = read_all(csv, saved(b"id," + b"n" * 5000 + b"\n1,2\n3,4\n"), "t.csv")
    assert [len(name) for name in structure.reading["columns"]] == [2, 200]


def test_a_table_with_only_a_header_says_so(saved):
    with pytest.raises(ParseError) as caught:
        csv.split(saved(b"a,b,c\n"), "t.csv")
    assert caught.value.code == "csv_empty"


@pytest.mark.corpora
def test_every_real_table_is_read_with_all_its_rows(corpora):
    for path in sorted((corpora / "csv").glob("*.csv")):
        if path.name == "dk__header_only.csv":
            continue
        structure, blocks, _ = read_all(csv, str(path), path.name)
        assert list(rows_of(blocks)) == list(range(1, structure.row_count + 1)), path.name


# --- PDF -------------------------------------------------------------------------------------------


def test_pages_keep_their_numbers_and_the_outline_names_their_sections(saved):
    content = make_pdf(
        [f"This is page {n}." for n in range(1, 12)],
        title="Annual Report",
        outline=[("Risks", 2), ("People", 6)],
    )
    structure, blocks, _ = read_all(pdf, saved(content), "a.pdf")
    assert (structure.page_count, structure.title, len(structure.spans)) == (11, "Annual Report", 3)
    assert [(block.page, block.text.strip()) for block in blocks] == [
        (n, f"This is page {n}.") for n in range(1, 12)
    ]
    assert [block.section for block in blocks] == [""] + ["Risks"] * 4 + ["People"] * 6


def test_pages_without_text_are_named(saved):
    _, blocks, readings = read_all(pdf, saved(make_pdf(["One.", "", "Three.", ""])), "a.pdf")
    assert [block.page for block in blocks] == [1, 3]
    assert readings[0].warnings == ({"code": "pages_without_text", "numbers": [2, 4]},)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (encrypted(make_pdf(["secret"]), user="word"), "pdf_encrypted"),
        (make_pdf(["Some text."])[:200], "pdf_corrupt"),
        (b"%PDF-1.7\n" + b"\x01\x02\x03" * 400, "pdf_corrupt"),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(saved, content, code):
    with pytest.raises(ParseError) as caught:
        pdf.split(saved(content), "a.pdf")
    assert caught.value.code == code


def test_a_pdf_that_only_restricts_its_owner_is_read(saved):
    _, blocks, _ = read_all(pdf, saved(encrypted(make_pdf(["Readable."]), user="")), "a.pdf")
    assert blocks[0].text.strip() == "Readable."


def test_a_pdf_without_pages_says_so(saved):
    with pytest.raises(ParseError) as caught:
        pdf.split(saved(make_pdf([])), "a.pdf")
    assert caught.value.code == "pdf_no_pages"


def test_ligatures_and_hyphens_at_line_ends_are_undone():
    assert (
        pdf.normalise("The oﬃce\r\nhas in\ufffeformation; information is")
        == "The office\nhas information; information is"
    )
    assert pdf.normalise("a wholly\ufffeowned firm, owned by") == "a wholly-owned firm, owned by"
    assert pdf.normalise("20\ufffeyear") == "20-year"


@pytest.mark.corpora
def test_real_broken_and_odd_pdfs_are_read_or_refused_with_a_code(corpora):
    codes = set()
    for path in sorted((corpora / "pdf").glob("*.pdf")):
        try:
            structure, _, _ = read_all(pdf, str(path), path.name)
            codes.add("read" if structure.page_count else path.name)
        except ParseError as error:
            codes.add(error.code)
    assert codes == {"read", "pdf_encrypted", "pdf_corrupt"}
