"""The real tables and texts: each is read as its manifest says, or otherwise for a reason."""

import csv as csvlib

import pytest

from bench.expected import table_differences, text_differences
from documents.parsing import csv, sniff, text
from documents.parsing.base import ParseError
from tests.documents.reading import read_all, rows_of

pytestmark = pytest.mark.corpora


def manifest(folder) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csvlib.DictReader(file))


def test_every_real_table_is_read_as_expected_with_all_its_rows(corpora):
    unexplained, explained = {}, {}
    for expected in manifest(corpora / "csv"):
        path = corpora / "csv" / expected["file"]
        assert sniff.media_type(str(path), path.name) == sniff.CSV, path.name
        try:
            structure, blocks, _ = read_all(csv, str(path), path.name)
        except ParseError as error:
            found = {"error": error.code}
        else:
            assert list(rows_of(blocks)) == list(range(1, structure.row_count + 1)), path.name
            found = {
                "reading": structure.reading,
                "row_count": structure.row_count,
                "warnings": {warning["code"] for warning in structure.warnings},
                "path": str(path),
            }
        differences = table_differences(expected, found)
        if any(not why for _, why in differences):
            unexplained[path.name] = differences
        elif differences:
            explained[path.name] = differences
    assert unexplained == {}
    assert len(explained) < 12


def test_every_real_text_is_read_in_its_encoding(corpora):
    unexplained = {}
    for expected in manifest(corpora / "txt"):
        path = corpora / "txt" / expected["file"]
        found = {"media_type": sniff.media_type(str(path), path.name)}
        if found["media_type"] != sniff.PDF:
            structure, blocks, _ = read_all(text, str(path), path.name)
            found["reading"] = structure.reading
            whole = "".join(block.text for block in blocks)
            assert whole.strip(), path.name
            assert "\ufffd" not in whole, path.name
        differences = text_differences(expected, found)
        if any(not why for _, why in differences):
            unexplained[path.name] = differences
    assert unexplained == {}
