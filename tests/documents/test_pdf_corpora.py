"""The real hard PDFs: each is read as its manifest says, or otherwise for a reason."""

import csv as csvlib
from functools import cache

import pytest

from bench.expected import pdf_differences
from documents.parsing import ocr, pdf, sniff
from documents.parsing.base import ParseError
from documents.parsing.pdf_forms import open_forms
from tests.documents.pdf_files import read_all

pytestmark = pytest.mark.corpora


@pytest.fixture
def manifest(corpora):
    """Its rows, and the paths of their files."""
    with (corpora / "pdf" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row, corpora / "pdf" / row["file"]) for row in csvlib.DictReader(file)]
    return [(row, path) for row, path in rows if path.exists()]


@pytest.fixture(autouse=True)
def _without_recognition(monkeypatch):
    """What the manifest expects is the text that the files hold."""
    monkeypatch.setattr(ocr, "find_spec", lambda name: None)


@cache
def outcome(path) -> dict:
    """What came of a file, with its blocks."""
    nothing = {"path": str(path), "warnings": []}
    try:
        kind = sniff.media_type(str(path), path.name)
        if kind != sniff.PDF:
            return nothing | {"media_type": kind}
        structure, blocks, noticed = read_all(path)
    except ParseError as error:
        return nothing | {"error": error.code}
    if not blocks:
        return nothing | {"error": "no_text"}
    return nothing | {
        "media_type": kind,
        "page_count": structure.page_count,
        "characters": sum(len("".join(block.text.split())) for block in blocks),
        "warnings": list(noticed),
        "blocks": blocks,
    }


def test_every_real_pdf_is_read_as_expected(manifest):
    unexplained, explained = {}, {}
    for expected, path in manifest:
        found = outcome(path)
        differences = pdf_differences(expected, found)
        if any(not why for _, why in differences):
            unexplained[path.name] = differences
        elif differences:
            explained[path.name] = differences
        for block in found.get("blocks", ()):
            assert 1 <= block.page <= found["page_count"]
            assert not set("\x00\ufffe\uffff") & set(block.text), path.name
            block.text.encode()
    assert len(manifest) > 50
    assert unexplained == {}
    assert len(explained) < 8


def test_what_stands_in_a_real_pdf_is_at_its_place(manifest):
    """`block.text == page[start:end]` of the page as pdfium's text is kept, wherever pdfium could read it."""
    import pypdfium2

    compared = 0
    for _, path in manifest:
        found = outcome(path)
        if not found.get("blocks") or found["page_count"] > 60 or "pages_read_otherwise" in found["warnings"]:
            continue
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError:
            continue
        with document:
            open_forms(document)
            pages = {number: pdf.page_text(document, number) for number in {b.page for b in found["blocks"]}}
        for block in found["blocks"]:
            if pages[block.page]:
                assert pages[block.page][block.start : block.start + len(block.text)] == block.text, path.name
                compared += 1
    assert compared > 100
