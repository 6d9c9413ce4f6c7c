"""Models over the API: who may do what, what each sees, and what is refused."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from collections_app.models import Collection
from collections_app.services import access_set
from documents.models import Document, MediaType, Status
from tests.conftest import make_user

OK, MADE, GONE, ANON, NO, HIDDEN = 200, 201, 204, 401, 403, 404
SECRETS = {
    "system_prompt",
    "llm_base_url",
    "has_api_key",
    "api_key_hint",
    "api_key",
    "api_key_unreadable",
    "temperature",
    "embedding_model",
    "created_by",
}


def document(collection, name: str, *, chunks: int, session_id=None) -> Document:
    return Document.objects.create(
        collection=collection,
        name=name,
        media_type=MediaType.TEXT,
        size=1,
        sha256=name,
        status=Status.COMPLETED,
        chunk_count=chunks,
        active_generation=1,
        embedding_model=collection.embedding_model,
        session_id=session_id,
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        # expected for: anonymous, stranger, member, admin, superadmin
        ("get", "/api/models", None, (ANON, OK, OK, OK, OK)),
        ("post", "/api/models", {"name": "New"}, (ANON, NO, NO, MADE, MADE)),
        ("post", "/api/models", {}, (ANON, NO, NO, 400, 400)),
        ("get", "/api/models/{id}", None, (ANON, HIDDEN, OK, OK, OK)),
        ("get", "/api/models/{id}/", None, (ANON, HIDDEN, OK, OK, OK)),
        ("patch", "/api/models/{id}", {"name": "Other"}, (ANON, HIDDEN, NO, OK, OK)),
        ("delete", "/api/models/{id}", None, (ANON, HIDDEN, NO, GONE, GONE)),
        ("get", "/api/models/{id}/users", None, (ANON, HIDDEN, NO, OK, OK)),
        ("post", "/api/models/{id}/users", {"user_ids": []}, (ANON, HIDDEN, NO, OK, OK)),
        ("get", "/api/models/999999", None, (ANON, HIDDEN, HIDDEN, HIDDEN, HIDDEN)),
        ("get", "/api/models/99999999999999999999", None, (ANON, HIDDEN, HIDDEN, HIDDEN, HIDDEN)),
        ("put", "/api/models/{id}", {"name": "X"}, (ANON, 405, 405, 405, 405)),
    ],
)
@pytest.mark.parametrize("index", range(5), ids=["anonymous", "stranger", "member", "admin", "superadmin"])
def test_every_endpoint_answers_each_role_with_the_status_of_the_table(
    collection, stranger, member, admin, superadmin, client_for, method, path, body, expected, index
):
    actor = (None, stranger, member, admin, superadmin)[index]
    response = getattr(client_for(actor), method)(path.format(id=collection.pk), body, format="json")
    assert response.status_code == expected[index], response.content


def test_the_list_holds_what_was_given_and_nothing_else(collection, admin, member, stranger, client_for):
    hidden = Collection.objects.create(name="Secret", embedding_model="m", embedding_dimension=384)

    def names(user) -> list[str]:
        return [row["name"] for row in client_for(user).get("/api/models").json()["results"]]

    assert names(member) == ["Handbook"]
    assert names(stranger) == []
    assert names(admin) == ["Handbook", "Secret"]
    assert "Secret" not in client_for(member).get("/api/models?search=Secret").content.decode()
    assert client_for(member).get(f"/api/models/{hidden.pk}").status_code == 404


def test_a_group_gives_access_and_leaving_it_takes_it_away(collection, admin, stranger, client_for):
    group = Group.objects.create(name="Law")
    access_set(actor=admin, collection=collection, user_ids=[], group_ids=[group.pk])
    path = f"/api/models/{collection.pk}"
    assert client_for(stranger).get(path).status_code == 404
    stranger.groups.add(group)
    assert client_for(stranger).get(path).status_code == 200
    client_for(admin).patch(f"/api/groups/{group.pk}", {"user_ids": []}, format="json")
    assert client_for(stranger).get(path).status_code == 404


def test_revoking_access_works_at_once(collection, admin, member, client_for):
    path = f"/api/models/{collection.pk}"
    assert client_for(member).get(path).status_code == 200
    client_for(admin).post(f"{path}/users", {"user_ids": []}, format="json")
    assert client_for(member).get(path).status_code == 404


def test_members_do_not_see_the_prompt_the_address_or_anything_of_the_key(
    collection, admin, member, client_for
):
    Collection.objects.filter(pk=collection.pk).update(
        system_prompt="hush", llm_base_url="http://inside.example", api_key_hint="9876"
    )
    for path in ("/api/models", f"/api/models/{collection.pk}"):
        text = client_for(member).get(path).content.decode()
        assert not any(word in text for word in ("hush", "inside.example", "9876"))
    assert not SECRETS & set(client_for(member).get(f"/api/models/{collection.pk}").json())
    seen = set(client_for(admin).get(f"/api/models/{collection.pk}").json())
    assert SECRETS - {"api_key"} <= seen
    assert "api_key" not in seen


def test_a_new_model_has_the_contracts_defaults_and_is_private(admin, member, client_for):
    made = client_for(admin).post("/api/models", {"name": " New "}, format="json").json()
    assert made["name"] == "New"
    assert (made["top_k"], made["similarity_threshold"], made["history_length"]) == (5, 0.3, 5)
    assert (made["llm_provider"], made["answer_mode"], made["chunk_strategy"]) == (
        "extractive",
        "strict",
        "recursive",
    )
    assert (made["embedding_dimension"], made["user_count"], made["created_by"]) == (384, 0, admin.pk)
    assert client_for(member).get(f"/api/models/{made['id']}").status_code == 404
    assert AuditEntry.objects.get(action="model.created").actor == admin


def test_fields_that_are_not_a_bodys_to_set_are_ignored(admin, stranger, client_for):
    body = {
        "name": "New",
        "id": 77,
        "created_by": stranger.pk,
        "users": [stranger.pk],
        "embedding_model": "x",
        "embedding_dimension": 1,
        "api_key_hint": "hint",
        "has_api_key": True,
    }
    made = client_for(admin).post("/api/models", body, format="json").json()
    assert made["created_by"] == admin.pk
    assert (made["embedding_dimension"], made["api_key_hint"], made["has_api_key"]) == (384, "", False)
    assert made["user_count"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "Handbook"}, "name"),
        ({"name": "nul\0"}, "name"),
        ({"llm_provider": "skynet"}, "llm_provider"),
        ({"llm_provider": "openai"}, "llm_model_name"),
        ({"llm_provider": "ollama", "llm_model_name": " "}, "llm_model_name"),
        ({"llm_provider": "custom", "llm_model_name": "m"}, "llm_base_url"),
        ({"llm_base_url": "ftp://example.com"}, "llm_base_url"),
        ({"llm_base_url": "file:///etc/passwd"}, "llm_base_url"),
        ({"llm_base_url": "javascript:alert(1)"}, "llm_base_url"),
        ({"llm_base_url": "example.com"}, "llm_base_url"),
        ({"llm_base_url": "http://"}, "llm_base_url"),
        ({"llm_base_url": "http://["}, "llm_base_url"),
        ({"llm_base_url": "http://h:99999"}, "llm_base_url"),
        ({"llm_base_url": "http://user:pass@host/"}, "llm_base_url"),
        ({"llm_base_url": "http://host/?key=1"}, "llm_base_url"),
        ({"llm_base_url": "http://169.254.169.254/latest"}, "llm_base_url"),
        ({"llm_base_url": "http://10.0.0.7/v1"}, "llm_base_url"),
        ({"llm_base_url": "http://host\\@evil.com"}, "llm_base_url"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": "nan"}, "temperature"),
        ({"temperature": "inf"}, "temperature"),
        ({"similarity_threshold": 1.1}, "similarity_threshold"),
        ({"similarity_threshold": "NaN"}, "similarity_threshold"),
        ({"max_tokens": 1}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": 51}, "top_k"),
        ({"top_k": "many"}, "top_k"),
        ({"history_length": -1}, "history_length"),
        ({"answer_mode": "lie"}, "answer_mode"),
        ({"chunk_strategy": "random"}, "chunk_strategy"),
        ({"chunk_size": 241}, "chunk_size"),
        ({"chunk_size": 31}, "chunk_size"),
        ({"chunk_size": 100, "chunk_overlap": 50}, "chunk_overlap"),
        ({"chunk_size": 40}, "chunk_overlap"),
        ({"chunk_overlap": -1}, "chunk_overlap"),
        ({"suggested_questions": "one"}, "suggested_questions"),
        ({"suggested_questions": ["q"] * 7}, "suggested_questions"),
        ({"suggested_questions": [" "]}, "suggested_questions"),
        ({"suggested_questions": ["q" * 201]}, "suggested_questions"),
        ({"suggested_questions": [{"a": 1}]}, "suggested_questions"),
        ({"system_prompt": "x" * 8001}, "system_prompt"),
        ({"description": "x" * 2001}, "description"),
        ({"api_key": "two words"}, "api_key"),
        ({"api_key": "line\nbreak"}, "api_key"),
        ({"api_key": "schlüssel"}, "api_key"),
        ({"api_key": "x" * 1001}, "api_key"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_one_thing_wrong_is_400_and_names_the_field_on_creating_and_on_changing(
    collection, admin, client_for, body, field
):
    other = Collection.objects.create(name="Other", embedding_model="m", embedding_dimension=384)
    client = client_for(admin)
    for response in (
        client.post("/api/models", {"name": "New", **body}, format="json"),
        client.patch(f"/api/models/{other.pk}", body, format="json"),
    ):
        assert response.status_code == 400, response.content
        error = response.json()["error"]
        assert error["code"] == "validation_error"
        assert field in error["details"]
    assert Collection.objects.count() == 2


def test_a_change_is_audited_with_values_but_long_texts_only_by_name(collection, admin, client_for):
    body = {"name": "Manual", "system_prompt": "a secret prompt", "top_k": 5}
    assert client_for(admin).patch(f"/api/models/{collection.pk}", body, format="json").status_code == 200
    entry = AuditEntry.objects.get(action="model.updated")
    assert entry.details == {
        "name": {"from": "Handbook", "to": "Manual"},
        "system_prompt": "changed",
    }


def test_a_model_outlives_its_creator_and_can_still_be_changed(collection, admin, superadmin, client_for):
    admin.delete()
    path = f"/api/models/{collection.pk}"
    assert client_for(superadmin).patch(path, {"top_k": 9}, format="json").json()["top_k"] == 9


# --- access -------------------------------------------------------------------------------------


def test_who_has_access_is_told_with_the_reasons(collection, admin, superadmin, member, stranger, client_for):
    law, tax = Group.objects.create(name="Law"), Group.objects.create(name="Tax")
    member.groups.add(law, tax)
    stranger.groups.add(law)
    retired = make_user("old@example.com", is_active=False)
    body = {"user_ids": [member.pk, admin.pk, retired.pk], "group_ids": [law.pk, tax.pk]}
    path = f"/api/models/{collection.pk}/users"
    assert client_for(admin).post(path, body, format="json").status_code == 200
    answer = client_for(admin).get(path).json()
    why = {row["email"]: row["why"] for row in answer["results"]}
    assert why == {
        "ada@example.com": ["direct", "role: admin"],
        "mia@example.com": ["direct", "group: Law", "group: Tax"],
        "root@example.com": ["role: superadmin"],
        "sam@example.com": ["group: Law"],
    }
    assert answer["count"] == 4
    assert set(answer["user_ids"]) == set(body["user_ids"]), "an assignment survives deactivation"
    assert answer["group_ids"] == [law.pk, tax.pk]


def test_what_is_absent_from_an_assignment_stays(collection, admin, member, stranger, client_for):
    group = Group.objects.create(name="Law")
    client, path = client_for(admin), f"/api/models/{collection.pk}/users"
    client.post(path, {"group_ids": [group.pk]}, format="json")
    assert list(collection.users.all()) == [member]
    client.post(path, {"user_ids": [stranger.pk]}, format="json")
    assert list(collection.users.all()) == [stranger]
    assert list(collection.groups.all()) == [group]


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"user_ids": [999998, 999999]}, "user_ids", "999998"),
        ({"group_ids": [999999]}, "group_ids", "999999"),
        ({"user_ids": [99999999999999999999999]}, "user_ids", "9999"),
        ({"user_ids": ["x"]}, "user_ids", "integer"),
        ({"user_ids": 5}, "user_ids", "list"),
        ({}, "non_field_errors", "user_ids"),
    ],
)
def test_unknown_ids_are_400_named_and_change_nothing(
    collection, admin, member, client_for, body, field, said
):
    response = client_for(admin).post(f"/api/models/{collection.pk}/users", body, format="json")
    assert response.status_code == 400
    assert said in str(response.json()["error"]["details"][field])
    assert list(collection.users.all()) == [member]


def test_an_assignment_is_audited_and_hinted_to_open_sockets(collection, admin, member, monkeypatch):
    from config import events

    told = []
    monkeypatch.setattr(events, "publish", lambda group, kind, **data: told.append((group, kind, data)))
    access_set(actor=admin, collection=collection, user_ids=[])
    assert told == [(events.ACCESS_GROUP, "access.changed", {"collection_id": collection.pk})]
    assert AuditEntry.objects.get(action="model.access_set").details == {"user_ids": [], "group_ids": []}


# --- numbers ------------------------------------------------------------------------------------


def test_the_numbers_count_each_person_once_and_no_chats_documents(
    collection, admin, member, stranger, client_for
):
    group = Group.objects.create(name="Law")
    member.groups.add(group)
    stranger.groups.add(group)
    retired = make_user("old@example.com", is_active=False)
    collection.groups.add(group)
    collection.users.add(retired)
    document(collection, "a", chunks=3)
    document(collection, "b", chunks=4)
    document(collection, "c", chunks=100, session_id="6f1cbd6e-2f0a-4a37-9a3c-7b1c9b3a0c11")
    other = Collection.objects.create(name="Other", embedding_model="m", embedding_dimension=384)
    document(other, "d", chunks=50)
    for user in (admin, member):
        seen = client_for(user).get(f"/api/models/{collection.pk}").json()
        assert (seen["user_count"], seen["document_count"], seen["chunk_count"]) == (2, 2, 7)
    listed = {row["name"]: row for row in client_for(admin).get("/api/models").json()["results"]}
    assert (listed["Other"]["user_count"], listed["Other"]["chunk_count"]) == (0, 50)


@pytest.mark.parametrize("who", ["admin", "member"])
def test_the_list_takes_two_queries_however_many_models_there_are(collection, client_for, request, who):
    member = request.getfixturevalue("member")
    for number in range(6):
        made = Collection.objects.create(name=f"M{number}", embedding_model="m", embedding_dimension=384)
        made.users.add(member)
        document(made, "a", chunks=1)
    client = client_for(request.getfixturevalue(who))
    with CaptureQueriesContext(connection) as captured:
        body = client.get("/api/models?ordering=-document_count").json()
    assert body["count"] == 7
    assert len(captured) == 2, "one to count, one to read"


def test_explaining_access_takes_as_many_queries_for_many_people_as_for_one(collection, admin, client_for):
    group = Group.objects.create(name="Law")
    collection.groups.add(group)
    for number in range(10):
        make_user(f"u{number}@example.com").groups.add(group)
    with CaptureQueriesContext(connection) as captured:
        body = client_for(admin).get(f"/api/models/{collection.pk}/users").json()
    assert body["count"] == 12
    assert len(captured) == 6, "the model, direct and by group, the people, and the ids of both assignments"
    second = client_for(admin).get(f"/api/models/{collection.pk}/users?page=2&page_size=5").json()
    assert (second["count"], len(second["results"])) == (12, 5)
    assert [grant["id"] for grant in second["results"]] == [grant["id"] for grant in body["results"][5:10]]


def test_deleting_a_model_takes_its_documents_along(collection, admin, client_for):
    document(collection, "a", chunks=3)
    assert client_for(admin).delete(f"/api/models/{collection.pk}").status_code == 204
    assert not Document.objects.exists()
    assert AuditEntry.objects.get(action="model.deleted").target.endswith("Handbook")
