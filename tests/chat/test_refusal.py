"""A strict model that cannot answer says what is true: nothing fits, nothing is there, or not yet."""

import pytest

from chat.engine.refusal import NEAREST as LIST
from chat.engine.refusal import NO_DOCUMENTS, NOT_READY, closing, is_refusal, refusal_text

NEAREST = [{"document_name": "a.pdf"}, {"document_name": "b`.csv"}, {"document_name": "a.pdf"}]


def test_a_refusal_names_the_nearest_documents_once_each_and_literally():
    text = refusal_text(NEAREST, ready=2, in_work=0)
    assert text.count("`a.pdf`") == 1
    assert "`b'.csv`" in text
    assert "processed" not in text


def test_a_refusal_says_what_is_still_in_work():
    assert "One more document is still being processed" in refusal_text(NEAREST, ready=2, in_work=1)
    assert "3 more documents are still being processed" in refusal_text([], ready=1, in_work=3)


def test_without_a_ready_document_nothing_is_claimed_about_the_documents():
    assert refusal_text([], ready=0, in_work=2).startswith(NOT_READY)
    assert refusal_text([], ready=0, in_work=0) == NO_DOCUMENTS


@pytest.mark.parametrize(
    "text",
    [
        "The passages do not say.",
        "The documents do not say when the Harbour Branch opened.",
        "I'm sorry. The provided documents don't explicitly mention a founder.",
        "None of the passages mentions a fee.",
        "There is no information about parking in the documents.",
        "The answer is not in the passages.",
        "I cannot find the answer in the given passages.",
        "Die Dokumente sagen nicht, wer gewonnen hat.",
        "In den Unterlagen steht nichts dazu.",
        "Les documents ne disent pas qui a gagné.",
        "Los documentos no dicen quién ganó.",
        "Os documentos não dizem quem ganhou.",
        "I documenti non dicono chi ha vinto.",
        "De documenten zeggen niet wie er won.",
        "В документах не говорится, кто победил.",
        "文档没有说明谁赢了。",
        "文書には記載がありません。",
        "문서에는 언급되어 있지 않습니다.",
    ],
)
def test_what_an_llm_says_when_the_documents_hold_no_answer_is_a_refusal(text):
    assert is_refusal(text)
    more = closing(text, nearest=NEAREST, ending="Read from a table.")
    assert more == f"{LIST}\n\n- `a.pdf`\n- `b'.csv`"
    assert is_refusal(f"{text}\n\n{more}")


@pytest.mark.parametrize(
    "text",
    [
        "It was West Germany.",
        "Staff have 25 days of annual leave.",
        "The documents do not say [1].",
        "The documents do not say who founded it. It was Anna Berg.",
        "The passages do not name a fee, but a hotel may cost up to 120 euros.",
        "Documents that do not contain a signature are sent back.",
        "The fee is not refundable.",
        "No documents are needed.",
        "Es werden keine weiteren Dokumente benötigt.",
        "この文書は提出する必要がない。",
        "",
    ],
)
def test_what_claims_something_is_no_refusal(text):
    assert not is_refusal(text)
    assert closing(text, nearest=NEAREST, ending="Read from a table.") == "Read from a table."
