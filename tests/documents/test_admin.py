"""The superadmin's console lists documents and acts through services."""

import uuid

from django.test import Client
from django.urls import reverse

from documents.models import Document, Status


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def act(client: Client, action: str, *documents: Document):
    data = {"action": action, "_selected_action": [document.pk for document in documents]}
    return client.post(reverse("admin:documents_document_changelist"), data, follow=True)


def test_documents_are_listed_and_shown_with_their_parts_but_not_their_chunks(superadmin, upload):
    document = upload(b"Some words.", "notes.txt")
    client = signed_in(superadmin)
    page = client.get(reverse("admin:documents_document_changelist") + "?status__exact=queued")
    assert b"notes.txt" in page.content
    page = client.get(reverse("admin:documents_document_change", args=[document.pk]))
    assert page.status_code == 200


def test_files_of_private_chats_are_not_listed(superadmin, member, upload):
    hidden = upload(b"My own words.", "diary.txt", actor=member, session_id=uuid.uuid4())
    client = signed_in(superadmin)
    assert b"diary.txt" not in client.get(reverse("admin:documents_document_changelist")).content
    assert client.get(reverse("admin:documents_document_change", args=[hidden.pk])).status_code == 302


def test_actions_cancel_reprocess_and_delete(superadmin, upload):
    document = upload(b"Some words.", "notes.txt")
    client = signed_in(superadmin)
    act(client, "cancel", document)
    document.refresh_from_db()
    assert document.status == Status.CANCELLED
    act(client, "reprocess", document)
    document.refresh_from_db()
    assert document.status == Status.QUEUED
    page = act(client, "reprocess", document)
    assert b"being processed right now" in page.content
    act(client, "delete_documents", document)
    assert not Document.objects.exists()


def test_nobody_but_the_superadmin_comes_in(admin, member, upload):
    for user in (admin, member):
        page = signed_in(user).get(reverse("admin:documents_document_changelist"))
        assert page.status_code == 302
