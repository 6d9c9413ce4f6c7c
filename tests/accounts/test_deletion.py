"""What goes with a user, and what stays."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from accounts.services import user_delete
from accounts.tokens import issue
from chat.models import ChatSession, Message, MessageRole
from collections_app.models import Collection
from documents.models import Chunk, Document, MediaType, Status


@pytest.fixture
def belongings(collection, member, admin):
    """A chat of the member with a file in it, and a file that he gave to the model itself."""
    session = ChatSession.objects.create(user=member, collection=collection)
    Message.objects.create(session=session, role=MessageRole.USER, content="a private question")
    common = {
        "collection": collection,
        "media_type": MediaType.TEXT,
        "size": 1,
        "status": Status.COMPLETED,
        "chunk_count": 1,
        "active_generation": 1,
        "embedding_model": collection.embedding_model,
        "uploaded_by": member,
    }
    private = Document.objects.create(name="private.txt", sha256="p", session_id=session.pk, **common)
    Document.objects.create(name="shared.txt", sha256="s", **common)
    Chunk.objects.create(
        document=private,
        collection=collection,
        session_id=session.pk,
        generation=1,
        part_index=0,
        index=0,
        content="a private passage",
        char_start=0,
        char_end=17,
        token_count=4,
        embedding=[0.05] * 384,
    )
    issue(member)
    return session


def check_what_is_left() -> None:
    assert not User.objects.filter(email="mia@example.com").exists()
    assert not ChatSession.objects.exists()
    assert not Message.objects.exists()
    assert not Chunk.objects.exists()
    shared = Document.objects.get()
    assert (shared.name, shared.uploaded_by) == ("shared.txt", None)
    assert Collection.objects.get().users.count() == 0
    assert AuditEntry.objects.filter(action="user.deleted", target__contains="mia@example.com").exists()


def test_a_users_chats_go_with_him_and_the_files_in_them_and_the_models_files_stay(belongings, member, admin):
    user_delete(actor=admin, user=member)
    check_what_is_left()


def test_the_console_deletes_a_user_who_has_chats(belongings, member, superadmin):
    console = Client()
    console.force_login(superadmin)
    path = reverse("admin:accounts_user_delete", args=[member.pk])
    assert console.get(path).status_code == 200
    assert console.post(path, {"post": "yes"}).status_code == 302
    check_what_is_left()


def test_who_made_a_model_can_be_deleted_and_the_model_stays(collection, admin, superadmin):
    user_delete(actor=superadmin, user=admin)
    assert Collection.objects.get().created_by is None
