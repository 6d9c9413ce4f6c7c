"""While a file is read in a child process, whoever waits for that holds no database connection."""

import pytest
from django.db import connection
from django.test import RequestFactory

from documents.api import sources
from documents.ingestion import storage
from documents.models import DocumentPart
from documents.parsing import text
from documents.parsing.guards import parser_child
from tests.documents.pdf_files import drawn

pytestmark = pytest.mark.django_db(transaction=True)


def page_shown(upload) -> None:
    document = upload(drawn([[(72, 700, "The ferry leaves at noon.")]]), "page.pdf")
    assert sources.page_response(RequestFactory().get("/"), document, 1, None).status_code == 200


def lines_shown(upload) -> None:
    document = upload(b"one\ntwo\n", "lines.txt")
    structure = text.split(str(storage.path_of(document.stored_name)), document.name)
    document.reading, document.active_generation = structure.reading, 1
    DocumentPart.objects.create(document=document, generation=1, index=0, span=structure.spans[0])
    assert sources.lines_around(document, 1, 1, "one")[0] == 1


@pytest.mark.parametrize("show", [page_shown, lines_shown])
def test_no_database_connection_is_held_while_a_file_is_read(upload, monkeypatch, show):
    held = []

    class Looking:
        def request(self, action, arguments, **options):
            held.append(connection.connection is not None)
            return parser_child().request(action, arguments, **options)

    monkeypatch.setattr(sources, "parser_child", Looking)
    show(upload)
    assert held == [False]
