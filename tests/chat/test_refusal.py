"""A strict model that cannot answer says what is true: nothing fits, nothing is there, or not yet."""

from chat.engine.refusal import NO_DOCUMENTS, NOT_READY, refusal_text

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
