"""Feedback for those who look after a model: comments and passages, and nothing else of people's chats."""

import uuid

import pytest

from chat import services
from documents.models import Document
from documents.retrieval.types import Passage

pytestmark = pytest.mark.django_db

QUESTION, ANSWER = "May I take canary leave?", "Canary leave is granted [1][2]."
SECRETS = ("canary", "mia@example.com", "Mia Member", "diary.txt", "gone.txt", "dear diary")


def document(collection, name, **fields) -> Document:
    return Document.objects.create(
        collection=collection,
        name=name,
        media_type="text/plain",
        size=1,
        sha256=uuid.uuid4().hex * 2,
        **fields,
    )


def passage(document_id, name, **place) -> Passage:
    return Passage(
        chunk_id=0,
        document_id=document_id,
        document_name=name,
        content="dear diary",
        similarity_score=0.8,
        score=1,
        **place,
    )


@pytest.fixture
def rated(member, collection, admin):
    """An answer that cites a document of the model, a file of the chat, and a document that is gone."""
    session, _, answer = services.question_ask(user=member, collection=collection, message=QUESTION)
    shared = document(collection, "handbook.txt", uploaded_by=admin)
    private = document(collection, "diary.txt", uploaded_by=member, session_id=session.pk)
    gone = document(collection, "gone.txt", uploaded_by=admin)
    found = [
        passage(private.pk, "diary.txt"),
        passage(shared.pk, "handbook.txt", page=3),
        passage(gone.pk, "gone.txt"),
        passage(shared.pk, "handbook.txt", page=1),
    ]
    services.answer_sources_set(message_id=answer.pk, passages=found, trace={"query": QUESTION})
    result = services.AnswerResult(
        status="complete",
        content=ANSWER,
        finish_reason="stop",
        cited=frozenset({1, 2}),
        supported={1: True, 2: False},
        trace={"refused": False},
    )
    services.answer_finish(message_id=answer.pk, result=result)
    services.feedback_set(answer=answer, rating="down", comment="The days are wrong <b>")
    gone.delete()
    return answer


def test_admins_see_the_comment_and_the_models_passages_alone(client_for, rated, admin, collection):
    response = client_for(admin).get(f"/api/models/{collection.pk}/feedback?rating=down")
    [row] = response.json()["results"]
    assert (row["rating"], row["comment"], row["refused"]) == ("down", "The days are wrong <b>", False)
    assert [
        (one["document_name"], one["page"], one["cited"], one["supported"]) for one in row["passages"]
    ] == [
        ("handbook.txt", 3, True, False),
        ("handbook.txt", 1, False, None),
    ]
    assert row["hidden_passages"] == 2
    text = response.content.decode()
    assert [secret for secret in SECRETS if secret in text] == []
    assert client_for(admin).get(f"/api/models/{collection.pk}/feedback?rating=up").json()["count"] == 0


def test_the_page_says_the_same_and_nothing_more(client, rated, admin, superadmin, collection):
    for person in (admin, superadmin):
        client.force_login(person)
        text = client.get(f"/models/{collection.pk}/feedback").content.decode()
        assert "The days are wrong &lt;b&gt;" in text
        assert "handbook.txt" in text
        assert "page 3" in text
        assert "cited, not supported" in text
        assert "Not helpful (1)" in text
        assert "· Extractive (no LLM: quotes the passages)" in text
        assert "2 passages of files attached to the chat, or of documents that are gone." in text
        assert [secret for secret in SECRETS if secret in text] == []
        for path in ("?rating=up", "?rating=nonsense&page=99", "?rating=all"):
            assert client.get(f"/models/{collection.pk}/feedback{path}").status_code == 200
        assert "The days" not in client.get(f"/models/{collection.pk}/feedback?rating=up").content.decode()


def test_the_console_says_the_same(client, rated, superadmin):
    client.force_login(superadmin)
    for path in ("/admin/chat/feedback/", f"/admin/chat/feedback/{rated.pk}/change/"):
        text = client.get(path).content.decode()
        assert "handbook.txt" in text
        assert "The days are wrong" in text
        assert [secret for secret in SECRETS if secret in text] == []
    assert client.get("/admin/chat/feedback/?rating__exact=up").status_code == 200


def test_strangers_and_members_see_no_feedback(client_for, rated, member, stranger, collection):
    path = f"/api/models/{collection.pk}/feedback"
    assert client_for(stranger).get(path).status_code == 404
    assert client_for(member).get(path).status_code == 403


def test_the_list_costs_as_many_queries_for_many_as_for_one(
    client_for, rated, admin, member, collection, django_assert_max_num_queries
):
    for _ in range(10):
        answer = services.question_ask(user=member, collection=collection, message="Why?")[2]
        services.answer_sources_set(message_id=answer.pk, passages=[passage(0, "x")], trace={})
        services.feedback_set(answer=answer, rating="down")
    with django_assert_max_num_queries(6):  # access, count, page, answers, sources
        listed = client_for(admin).get(f"/api/models/{collection.pk}/feedback").json()
    assert listed["count"] == 11
