"""The language of a model's documents: chosen, changed, and the same for questions as for passages."""

import pytest
from django.db import connection

from accounts.models import AuditEntry
from collections_app.models import Collection
from documents.models import Chunk, Document, Rebuild
from documents.rebuild import rebuild_abandon, rebuild_advance
from documents.retrieval.search import search
from tests.documents.test_rebuild import build, work

GERMAN = "Die Häuser der Gemeinde wurden im Frühling verkauft.".encode()
QUESTION = "Haus"  # found in German only: English knows nothing of Häuser


@pytest.fixture
def served(db, upload) -> Document:
    document = upload(GERMAN, "a.txt")
    build(document.pk)
    document.refresh_from_db()
    return document


def languages() -> set[str]:
    """Of the passages that readers find."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT c.language::text FROM documents_chunk c JOIN documents_document d"
            " ON d.id = c.document_id AND d.active_generation = c.generation"
        )
        return {language for (language,) in cursor.fetchall()}


def lexical_hits(admin, collection) -> int:
    found = search(user=admin, collection=collection, query=QUESTION)
    return sum(1 for one in found.trace["candidates"] if one["lexical_rank"])


def test_a_new_model_has_the_language_that_was_chosen(client_for, admin):
    made = client_for(admin).post(
        "/api/models", {"name": "Recht", "text_search_config": "german"}, format="json"
    )
    assert made.status_code == 201
    assert made.json()["text_search_config"] == "german"
    assert (
        client_for(admin).post("/api/models", {"name": "Law"}, format="json").json()["text_search_config"]
        == "english"
    )


@pytest.mark.parametrize("wrong", ["klingon", "", "english'; --", "pg_catalog.german"])
def test_a_language_that_is_not_there_is_refused_with_the_choices(client_for, admin, collection, wrong):
    for answer in (
        client_for(admin).post("/api/models", {"name": "X", "text_search_config": wrong}, format="json"),
        client_for(admin).patch(f"/api/models/{collection.pk}", {"text_search_config": wrong}, format="json"),
        client_for(admin).post(
            f"/api/models/{collection.pk}/rebuild", {"text_search_config": wrong}, format="json"
        ),
    ):
        assert answer.status_code == 400
        assert "text_search_config" in answer.json()["error"]["details"]
    assert not Rebuild.objects.exists()


def test_without_documents_it_changes_at_once(client_for, admin, collection):
    answer = client_for(admin).patch(
        f"/api/models/{collection.pk}", {"text_search_config": "german"}, format="json"
    )
    assert (answer.status_code, answer.json()["text_search_config"]) == (200, "german")
    assert not Rebuild.objects.exists()
    assert AuditEntry.objects.filter(action="model.language_set").count() == 1


def test_with_documents_it_changes_when_all_are_rebuilt(client_for, admin, collection, served):
    path = f"/api/models/{collection.pk}"
    assert lexical_hits(admin, collection) == 0
    answer = client_for(admin).patch(path, {"text_search_config": "german", "top_k": 7}, format="json")
    assert answer.status_code == 200
    assert (answer.json()["text_search_config"], answer.json()["top_k"]) == ("english", 7)
    state = client_for(admin).get(f"{path}/rebuild").json()
    assert (state["running"], state["text_search_config"], state["current_text_search_config"]) == (
        True,
        "german",
        "english",
    )
    for document_id in rebuild_advance(collection_id=collection.pk):
        build(document_id)
    # built for the new language, but what readers find is still of the old one, and asked for in it
    assert Chunk.objects.filter(generation=2).exists()
    assert Collection.objects.get().text_search_config == "english"
    assert languages() == {"english"}
    work(collection)
    assert collection.text_search_config == "german"
    assert languages() == {"german"}
    assert lexical_hits(admin, collection) == 1


def test_a_document_uploaded_meanwhile_serves_in_the_old_language_until_the_swap(
    client_for, admin, collection, served, upload
):
    client_for(admin).patch(f"/api/models/{collection.pk}", {"text_search_config": "german"}, format="json")
    late = upload(GERMAN + b" Spaet.", "late.txt")
    build(late.pk)
    assert languages() == {"english"}
    work(collection)
    assert languages() == {"german"}
    assert Document.objects.filter(active_generation__isnull=False).count() == 2


def test_abandoned_it_leaves_the_old_language(client_for, admin, collection, served):
    client_for(admin).patch(f"/api/models/{collection.pk}", {"text_search_config": "german"}, format="json")
    rebuild_abandon(actor=admin, collection=collection)
    assert Collection.objects.get().text_search_config == "english"
    late = client_for(admin).patch(
        f"/api/models/{collection.pk}", {"text_search_config": "russian"}, format="json"
    )
    assert late.status_code == 200
    assert Rebuild.objects.get().text_search_config == "russian"


def test_another_language_while_one_is_in_work_is_refused_and_changes_nothing(
    client_for, admin, collection, served
):
    path = f"/api/models/{collection.pk}"
    assert client_for(admin).patch(path, {"text_search_config": "german"}, format="json").status_code == 200
    again = client_for(admin).patch(path, {"text_search_config": "german", "top_k": 9}, format="json")
    assert again.status_code == 200  # the same one: it goes on
    refused = client_for(admin).patch(path, {"text_search_config": "french", "top_k": 3}, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "rebuild_running")
    assert Collection.objects.get().top_k == 9


def test_a_search_that_the_swap_overtakes_is_done_again(client_for, admin, collection, served, monkeypatch):
    from documents.retrieval import search as module

    client_for(admin).patch(f"/api/models/{collection.pk}", {"text_search_config": "german"}, format="json")
    embedded, asked = module.questions.vector, []

    def meanwhile(model, text):
        asked.append(model)
        if len(asked) == 1:
            work(collection)
        return embedded(model, text)

    stale = Collection.objects.get()
    monkeypatch.setattr(module.questions, "vector", meanwhile)
    assert lexical_hits(admin, stale) == 1
    assert len(asked) == 2
