"""Files in, exact text out: types by content, pages. Tables: test_csv.py, texts: test_text.py."""

import pytest

from documents.parsing import pdf, sniff
from documents.parsing.base import ParseError
from tests.documents.files import encrypted, make_pdf
from tests.documents.reading import read_all

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
