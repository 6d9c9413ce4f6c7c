"""Lines of a long text: only the parts that hold them are read, wherever they are cut."""

import json

import pytest

from config.errors import ErrorCode, VerbatimError
from documents.api import sources
from documents.api.sources import lines_around
from documents.ingestion import storage
from documents.models import DocumentPart
from documents.parsing import text
from documents.parsing.clean import clean_text
from documents.parsing.guards import parser_child


@pytest.fixture
def as_read(db, upload):
    """A function: bytes -> the document with its parts, as after splitting; no passages."""

    def make(content: bytes):
        document = upload(content, "long.txt")
        structure = text.split(str(storage.path_of(document.stored_name)), document.name)
        DocumentPart.objects.bulk_create(
            DocumentPart(document=document, generation=1, index=index, span=json.loads(json.dumps(span)))
            for index, span in enumerate(structure.spans)
        )
        document.reading, document.active_generation = structure.reading, 1
        return document

    return make


@pytest.fixture
def asked_for(monkeypatch):
    """The spans that the reader was asked for, request by request."""
    spans = []

    class Asked:
        def request(self, action, arguments, **options):
            spans.append(arguments["spans"])
            return parser_child().request(action, arguments, **options)

    monkeypatch.setattr(sources, "parser_child", Asked)
    return spans


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp932"])
def test_lines_of_a_long_text_are_the_same_wherever_its_parts_begin(as_read, asked_for, encoding):
    source = "".join(
        f"第{number}条　これは社内規程の文章です。"
        + ("長い文章です。" * 900 if number % 400 == 0 else "")
        + "\r\n\f"[: number % 4 or 1]
        for number in range(1, 9000)
    )
    whole = clean_text(source).split("\n")
    document = as_read(source.encode(encoding))
    borders = [part.span["line"] for part in document.parts.all()]
    assert len(borders) > 4
    for first in (1, 2, 400, *(line + step for line in borders[1:] for step in (-13, -1, 0, 1)), len(whole)):
        passage = "\n".join(whole[first - 1 : first + 1])
        start, lines = lines_around(document, first, min(first + 1, len(whole)), passage)
        assert start == max(1, first - 12), first
        assert lines == whole[start - 1 : first + 13], first
    assert max(len(spans) for spans in asked_for) <= 4


def test_a_line_without_an_end_is_not_read_whole(as_read, asked_for):
    document = as_read(b"word " * 120_000 + b"\nend\n")
    with pytest.raises(VerbatimError, match="too long") as refused:
        lines_around(document, 1, 1, "word word")
    assert refused.value.code == ErrorCode.NOT_FOUND
    assert asked_for == []
    assert lines_around(document, 2, 2, "end") == (2, ["end", ""])  # of the long line no piece is shown


def test_what_was_given_a_new_build_meanwhile_is_refused(as_read):
    document = as_read(b"one\ntwo\n")
    document.parts.all().delete()
    with pytest.raises(VerbatimError, match="another way"):
        lines_around(document, 1, 1, "one")
