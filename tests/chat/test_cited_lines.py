"""The lines around a passage of a text: decoded and counted as it was read, and of the cited bytes only."""

from itertools import cycle

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chat.models import MessageSource
from documents import services
from documents.ingestion import storage
from documents.models import Document
from tests.chat.test_evidence import CITED, answered, near_and_far, upload
from tests.documents.test_versions import build

__all__ = ["near_and_far", "upload"]  # fixtures

pytestmark = pytest.mark.usefixtures("near_and_far")

JAPANESE = [f"第{number}条　これは社内規程の文章です。" for number in range(1, 31)]
GERMAN = [f"§ {number} Größe und Maß der Straße, “café” genügt." for number in range(1, 31)]
RUSSIAN = [f"Статья {number}. Это довольно длинный текст на русском языке." for number in range(1, 31)]
NEWLINES = ("\n", "\r\n", "\r", "\f")
ALL_NEWLINES = (*NEWLINES, "\x85", "\u2028", "\u2029")


def with_cited(lines: list[str], newlines=("\n",)) -> str:
    """The lines with CITED as line 18, ended by these in turn."""
    whole = [*lines[:17], CITED, *lines[17:]]
    return "".join(line + end for line, end in zip(whole, cycle(newlines), strict=False))


def cited_in(answer) -> MessageSource:
    return MessageSource.objects.get(message=answer, content__contains=CITED)


def path_to(source: MessageSource) -> str:
    return f"/api/chat/messages/{source.message_id}/sources/{source.marker}"


@pytest.fixture
def ask_about(upload, member, collection):
    """A function: bytes and a name -> the document, and the source that holds CITED in an answer about it."""

    def ask(content: bytes, name: str = "rules.txt") -> tuple[Document, MessageSource]:
        document = build(upload(content, name))
        return document, cited_in(answered(member, collection))

    return ask


@pytest.mark.parametrize(
    ("lines", "newlines", "encoding"),
    [
        (JAPANESE, NEWLINES, "cp932"),
        (JAPANESE, NEWLINES, "euc_jis_2004"),
        (RUSSIAN, NEWLINES, "koi8_r"),
        (GERMAN, ("\n", "\r\n", "\r"), "mac_roman"),
        (GERMAN, ALL_NEWLINES, "utf-8"),
        (GERMAN, ALL_NEWLINES, "utf-16-be"),
        (GERMAN, ALL_NEWLINES, "utf-32-le"),
    ],
)
def test_lines_are_decoded_and_counted_as_the_passages_were(
    client_for, member, ask_about, lines, newlines, encoding
):
    document, source = ask_about(with_cited(lines, newlines).encode(encoding))
    assert document.reading["encoding"] == encoding
    answer = client_for(member).get(f"{path_to(source)}/lines")
    assert answer.status_code == 200, answer.content
    _are_right(answer.json(), source, [*lines[:17], CITED, *lines[17:], ""])


@pytest.mark.parametrize("mark", [b"\xfe\xff", b"\xff\xfe"])
def test_a_byte_order_mark_is_obeyed_and_not_shown(client_for, member, ask_about, mark):
    order = "utf-16-be" if mark == b"\xfe\xff" else "utf-16-le"
    _, source = ask_about(mark + with_cited(JAPANESE, ALL_NEWLINES).encode(order))
    shown = client_for(member).get(f"{path_to(source)}/lines").json()
    _are_right(shown, source, [*JAPANESE[:17], CITED, *JAPANESE[17:], ""])


def _are_right(shown: dict, source: MessageSource, whole: list[str]) -> None:
    first, last = source.lines
    assert (shown["from"], shown["to"]) == (first, last)
    assert first <= 18 <= last
    assert shown["first"] == max(1, first - 12)
    assert shown["lines"] == whole[shown["first"] - 1 : last + 12]


def test_markdown_has_lines_too(client_for, member, ask_about):
    _, source = ask_about(
        f"# Travel\n\n## Hotels\n\n{CITED}\n\n## Trains\n\nSecond class.\n".encode(), "a.md"
    )
    shown = client_for(member).get(f"{path_to(source)}/lines").json()
    assert (shown["first"], shown["lines"][:5]) == (1, ["# Travel", "", "## Hotels", "", CITED])


def test_rows_and_pages_have_no_lines(client_for, member, ask_about):
    _, source = ask_about(f'rule,text\n1,Nothing else\n2,"{CITED}"\n'.encode(), "rules.csv")
    refused = client_for(member).get(f"{path_to(source)}/lines")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")


def test_who_may_not_read_the_chat_sees_no_lines(
    client_for, member, stranger, admin, superadmin, collection, ask_about
):
    _, source = ask_about(with_cited(GERMAN).encode())
    for path in (path_to(source), f"{path_to(source)}/lines"):
        assert client_for(member).get(path).status_code == 200, path
        assert client_for(None).get(path).status_code == 401, path
        for person in (stranger, admin, superadmin):
            assert client_for(person).get(path).status_code == 404, path
        assert client_for(member).get(path.replace("sources/", "sources/9")).status_code == 404, path
    collection.users.clear()
    for path in (path_to(source), f"{path_to(source)}/lines"):
        assert client_for(member).get(path).status_code == 404, path


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_other_worker")  # which would build the newer version before the test does
@pytest.mark.parametrize("name", ["rules.txt", "rules.csv"])
def test_a_document_replaced_while_the_tab_is_open_is_not_shown_for_the_cited_one(
    client_for, member, admin, ask_about, name
):
    of_table = name.endswith(".csv")
    older = f'rule,text\n1,Nothing else\n2,"{CITED}"\n' if of_table else with_cited(GERMAN)
    newer = "a,b\n1,2\n" if of_table else with_cited(RUSSIAN)
    document, source = ask_about(older.encode(), name)
    mine = client_for(member)
    before = mine.get(path_to(source)).json()
    assert (before["document_replaced"], before["document"]["sha256"]) == (False, document.sha256)
    services.document_replace(actor=admin, document=document, file=SimpleUploadedFile(name, newer.encode()))
    assert mine.get(path_to(source)).json()["document_replaced"] is False  # the older version still serves
    assert mine.get(f"{path_to(source)}/lines").status_code == (404 if of_table else 200)
    build(document)
    now = mine.get(path_to(source)).json()
    assert (now["document_replaced"], now["document"]) == (True, None)
    assert now["chunk_content"] == before["chunk_content"]
    refused = mine.get(f"{path_to(source)}/lines")
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        404,
        "The document has been replaced since.",
    )


def test_a_document_read_anew_keeps_its_lines(client_for, member, admin, ask_about):
    document, source = ask_about(with_cited(GERMAN).encode())
    before = client_for(member).get(f"{path_to(source)}/lines").json()
    services.document_reprocess(actor=admin, document=document)
    build(document)
    assert client_for(member).get(path_to(source)).json()["chunk_id"] is None
    assert client_for(member).get(f"{path_to(source)}/lines").json() == before


def test_of_a_deleted_document_there_are_no_lines(client_for, member, ask_about):
    document, source = ask_about(with_cited(GERMAN).encode())
    document.delete()
    now = client_for(member).get(path_to(source)).json()
    assert (now["document_deleted"], now["document"]) == (True, None)
    refused = client_for(member).get(f"{path_to(source)}/lines")
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        404,
        "The document has been deleted since.",
    )


def test_an_original_that_was_not_kept_is_named_as_the_reason(client_for, member, ask_about):
    document, source = ask_about(with_cited(GERMAN).encode())
    storage.path_of(document.stored_name).unlink()
    refused = client_for(member).get(f"{path_to(source)}/lines")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "original_not_kept")
    assert client_for(member).get(path_to(source)).json()["document"]["id"] == document.pk


def test_lines_that_do_not_hold_the_passage_are_not_shown_for_it(client_for, member, ask_about):
    _, source = ask_about(with_cited(GERMAN).encode())
    MessageSource.objects.filter(pk=source.pk).update(lines=[1, 2])
    refused = client_for(member).get(f"{path_to(source)}/lines")
    assert (refused.status_code, "read in another way" in refused.content.decode()) == (404, True)
