"""POST /api/models/{id}/search speaks the contract."""

import pytest

from tests.documents.retrieval.test_search import HANDBOOK


@pytest.fixture
def handbook(collection, document_of):
    return document_of(
        collection, "handbook.pdf", HANDBOOK, pages=[1, 1, 2, 2, 3], media_type="application/pdf"
    )


def address(collection):
    return f"/api/models/{collection.pk}/search"


def test_a_member_gets_sources_with_ranks_and_scores(handbook, collection, member, client_for):
    response = client_for(member).post(address(collection), {"query": "AB-1234", "top_k": 2}, format="json")
    assert response.status_code == 200
    body = response.json()
    assert {"query", "rewritten", "results", "took_ms"} <= body.keys()
    first = body["results"][0]
    assert (first["marker"], first["document_id"], first["page"]) == (1, handbook.pk, 1)
    assert first["chunk_content"] == HANDBOOK[1]
    assert {"score", "dense_rank", "lexical_rank", "title_boost", "similarity_score", "rows"} <= first.keys()
    assert len(body["results"]) <= 2


def test_the_address_answers_with_a_slash_too(handbook, collection, member, client_for):
    response = client_for(member).post(address(collection) + "/", {"query": "AB-1234"}, format="json")
    assert response.status_code == 200


def test_a_stranger_gets_404_and_the_anonymous_401(handbook, collection, stranger, client_for):
    for body in ({"query": "holiday"}, {}):
        response = client_for(stranger).post(address(collection), body, format="json")
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"
    assert client_for(None).post(address(collection), {"query": "x"}, format="json").status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": "   "}, "query"),
        ({"query": "x" * 8001}, "query"),
        ({"query": {"a": 1}}, "query"),
        ({"query": "a\x00b"}, "query"),
        ({"query": "ok", "top_k": 0}, "top_k"),
        ({"query": "ok", "top_k": 51}, "top_k"),
        ({"query": "ok", "top_k": "many"}, "top_k"),
        ([1, 2], "non_field_errors"),
    ],
)
def test_a_wrong_request_names_the_field(handbook, collection, member, client_for, body, field):
    response = client_for(member).post(address(collection), body, format="json")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "validation_error"
    assert field in response.json()["error"]["details"]


def test_an_id_beyond_every_integer_is_not_found(db, admin, client_for):
    response = client_for(admin).post(f"/api/models/{10**25}/search", {"query": "x"}, format="json")
    assert response.status_code == 404


def test_nothing_near_enough_names_the_nearest_documents(handbook, collection, member, client_for):
    body = {"query": "Who won the chess olympiad in Budapest?"}
    answer = client_for(member).post(address(collection), body, format="json").json()
    assert answer["results"] == []
    assert answer["passed"] is False
    assert answer["nearest"][0]["document_name"] == "handbook.pdf"
