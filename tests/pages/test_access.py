"""Every page, looked at by everybody: the status, and that refusals show nothing."""

import pytest
from django.urls import URLPattern, get_resolver

from chat.models import ChatSession, Message
from documents.models import Document

SIGN_IN = 302
PAGES = [
    # path, nobody, stranger, member, admin, superadmin
    ("/", SIGN_IN, 200, 200, 200, 200),
    ("/account", SIGN_IN, 200, 200, 200, 200),
    ("/account/chats/delete", SIGN_IN, 405, 405, 405, 405),  # posted to
    ("/chat/", SIGN_IN, 200, 200, 200, 200),
    ("/chat/?model={collection}", SIGN_IN, 404, 200, 200, 200),
    ("/chat/{session}/", SIGN_IN, 404, 200, 404, 404),
    ("/models/", SIGN_IN, 403, 403, 200, 200),
    ("/models/new", SIGN_IN, 403, 403, 200, 200),
    ("/models/{collection}/", SIGN_IN, 404, 200, 200, 200),
    ("/models/{collection}/counts", SIGN_IN, 404, 200, 200, 200),
    ("/models/{collection}/try", SIGN_IN, 404, 200, 200, 200),
    ("/models/{collection}/settings", SIGN_IN, 404, 403, 200, 200),
    ("/models/{collection}/access", SIGN_IN, 404, 403, 200, 200),
    ("/models/{collection}/evaluate", SIGN_IN, 404, 403, 200, 200),
    ("/models/{collection}/feedback", SIGN_IN, 404, 403, 200, 200),
    ("/documents/{document}/", SIGN_IN, 404, 200, 200, 200),
    ("/documents/{private_document}/", SIGN_IN, 404, 200, 404, 404),
    ("/users/", SIGN_IN, 403, 403, 200, 200),
    ("/groups/", SIGN_IN, 403, 403, 200, 200),
    ("/usage/", SIGN_IN, 200, 200, 200, 200),
    ("/usage/people/", SIGN_IN, 403, 403, 200, 200),
    ("/api/docs/", SIGN_IN, 200, 200, 200, 200),
]
PAGE_MODULES = (
    *("accounts.views", "collections_app.views", "documents.views", "chat.views", "chat.evaluation.pages"),
    "chat.feedback.pages",
    "chat.usage.pages",
    "config.api.docs",
)
OPEN_TO_ALL = {"signin", "signup-page", "signout"}


@pytest.fixture
def ids(collection, member, admin) -> dict:
    """What the paths name: the member's chat with a file of its own, and a document of the model."""
    session = ChatSession.objects.create(user=member, collection=collection, title="Secret plans")
    Message.objects.create(session=session, role="user", content="What is the secret?")
    document = Document.objects.create(
        collection=collection, name="handbook.pdf", media_type="application/pdf", size=1, sha256="a" * 64
    )
    private = Document.objects.create(
        collection=collection,
        session_id=session.pk,
        uploaded_by=member,
        name="private.txt",
        media_type="text/plain",
        size=1,
        sha256="b" * 64,
    )
    return {
        "collection": collection.pk,
        "session": session.pk,
        "document": document.pk,
        "private_document": private.pk,
    }


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row[0])
def test_each_page_answers_each_person_with_the_right_status(row, ids, people, page_for):
    path = row[0].format(**ids)
    for (name, user), expected in zip(people.items(), row[1:], strict=True):
        response = page_for(user).get(path)
        assert response.status_code == expected, f"{path} as {name}"
        if expected == SIGN_IN:
            assert response["Location"].startswith("/signin?next=")
        if expected in (403, 404):
            text = response.content.decode()
            for hidden in ("Handbook", "Secret plans", "handbook.pdf", "private.txt"):
                assert hidden not in text, f"{path} as {name} shows {hidden}"


def test_every_page_of_the_url_map_stands_in_the_table_above():
    listed = {row[0].split("?")[0].strip("/").replace("{private_document}", "{document}") for row in PAGES}

    def spelled(pattern: URLPattern) -> str:
        return str(pattern.pattern).strip("/")

    names = {
        "<int:model_id>": "{collection}",
        "<int:document_id>": "{document}",
        "<uuid:session_id>": "{session}",
    }
    found = set()
    for pattern in get_resolver().url_patterns:
        for entry in getattr(pattern, "url_patterns", [pattern]):
            if not isinstance(entry, URLPattern) or entry.callback.__module__ not in PAGE_MODULES:
                continue
            if entry.name in OPEN_TO_ALL or (
                entry.name is None and spelled(entry) in ("signin", "signup", "signout")
            ):
                continue
            route = spelled(entry)
            for old, new in names.items():
                route = route.replace(old, new)
            found.add(route)
    assert found == listed


def test_the_overview_shows_a_person_his_own_models_and_chats_only(ids, people, page_for):
    shown = page_for(people["member"]).get("/").content.decode()
    assert "Handbook" in shown
    assert "Secret plans" in shown
    hidden = page_for(people["stranger"]).get("/").content.decode()
    assert "Handbook" not in hidden
    assert "No model was given to you yet" in hidden
    for manager in ("admin", "superadmin"):
        text = page_for(people[manager]).get("/").content.decode()
        assert "Handbook" in text
        assert "Secret plans" not in text, "nobody reads another person's chats"


def test_only_admins_are_told_about_documents_in_work_and_the_missing_worker(ids, people, page_for):
    assert "handbook.pdf" in page_for(people["admin"]).get("/").content.decode()
    assert "No ingestion worker is running" in page_for(people["admin"]).get("/").content.decode()
    text = page_for(people["member"]).get("/").content.decode()
    assert "handbook.pdf" not in text
    assert "No ingestion worker" not in text
    assert "private.txt" not in page_for(people["admin"]).get("/").content.decode()


def test_members_see_the_documents_of_a_model_without_the_means_to_change_them(ids, people, page_for):
    text = page_for(people["member"]).get(f"/models/{ids['collection']}/").content.decode()
    assert "Choose files" not in text
    assert "/settings" not in text
    assert "Choose files" in page_for(people["admin"]).get(f"/models/{ids['collection']}/").content.decode()


def test_counts_leave_the_files_of_chats_out(ids, people, page_for):
    counts = page_for(people["member"]).get(f"/models/{ids['collection']}/counts").json()
    assert counts["all"] == 1
    assert counts["by_status"]["queued"] == 1


def test_the_stored_key_of_a_model_never_reaches_a_page(ids, collection, people, page_for):
    collection.api_key, collection.api_key_hint = "sk-very-secret-abcd", "abcd"
    collection.llm_provider = "openai"
    collection.save()
    for path in ("/", "/models/", f"/models/{collection.pk}/settings", "/chat/"):
        assert "sk-very-secret" not in page_for(people["admin"]).get(path).content.decode()
    assert "abcd" in page_for(people["admin"]).get(f"/models/{collection.pk}/settings").content.decode()


def test_a_deactivated_user_is_sent_to_the_sign_in_page(member, page_for):
    client = page_for(member)
    member.is_active = False
    member.save()
    assert client.get("/").status_code == 302
