"""No NUL and no lone surrogate reaches the database, from whichever corner of a file it comes."""

import sys

import pytest

from documents import services
from documents.ingestion.part import part_process
from documents.ingestion.split import document_split
from documents.models import Status
from documents.parsing.clean import UNSTORABLE, storable
from documents.parsing.guards import ParserChild
from tests.documents.files import make_pdf

NUL = "\x00"


def strings(value) -> list[str]:
    """Every string within JSON, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in strings(item)]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


CSV = f"na{NUL}me,no{NUL}te,value\n" + "".join(
    f"A{NUL}da Lovelace, no. {n},{NUL},a number that is x{NUL}\n" for n in range(300)
)
FILES = [
    (f"About{NUL} it all\n\n{CSV}#\x00\n".encode(), "a\x00b.csv"),
    (f"# x{NUL}y\n{CSV}# {NUL}\n".encode(), "c\ud800d.csv"),
    (CSV.encode("utf-16") + b"\x00\xd8" + "\n1,2,3\n".encode("utf-16-le"), "wide.csv"),
    (f"Title{NUL}\n=====\n\nSome te{NUL}xt.\n\n## Se{NUL}cond\n\nMore{NUL}.\n".encode(), "x\udfff.md"),
    (b"plain \x00 words \xed\xa0\x80 and more, caf\xc3\xa9 and more caf\xc3\xa9\n" * 20, "plain.txt"),
    (make_pdf(["Some words of a page."], title="Ti\x00tle", outline=[("Se\x00ction", 1)]), "p.pdf"),
]


@pytest.mark.parametrize(
    ("content", "name"), FILES, ids=["table", "comments", "wide", "markdown", "text", "pdf"]
)
def test_nothing_unstorable_is_stored(upload, db, content, name):
    document = upload(content, name)
    ids = document_split(document_id=document.pk)
    while ids:
        ids += part_process(part_id=ids.pop())
    document.refresh_from_db()
    assert (document.status, document.error_message) == (Status.COMPLETED, "")
    chunks = list(document.chunks.all())
    assert chunks
    stored = [document.name, document.title, *strings(document.reading), *strings(document.warnings)]
    for chunk in chunks:
        stored += [chunk.content, chunk.context, chunk.section]
    for part in document.parts.all():
        stored += strings(part.span) + strings(part.warnings)
    assert not [text for text in stored if UNSTORABLE.search(text)]
    services.document_delete(actor=document.uploaded_by, document=document)


def test_what_a_reader_lets_through_is_replaced_at_the_gate(tmp_path, monkeypatch):
    sloppy = tmp_path / "reader"
    answer = '{"result": {"a\\u0000b": ["x\\ud800y", 7, "\\ud83d\\ude00"]}}'
    sloppy.write_text(f"#!/bin/sh\nwhile read -r request; do printf '%s\\n' '{answer}'; done\n")
    sloppy.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(sloppy))
    child = ParserChild(seconds=10, memory_mb=512)
    try:
        found = child.request("read", {})
    finally:
        child.close()
    assert found == {"a\ufffdb": ["x\ufffdy", 7, "\U0001f600"]}


def test_replacing_keeps_places():
    text = "a\x00b\ud800c\U0001f600"
    assert storable({"t\x00": [text, 5, None, True]}) == {
        "t\ufffd": ["a\ufffdb\ufffdc\U0001f600", 5, None, True]
    }
