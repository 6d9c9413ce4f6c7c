"""Chats go when they are old, or when their owner says so: his alone, with their files, never one in work."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import AuditEntry
from chat import removal
from chat.engine.threads import in_thread
from chat.models import ChatSession, Message, MessageStatus
from chat.services import answers_progress, question_ask, session_create
from chat.tasks import expire_sessions
from documents.ingestion import storage
from documents.models import Document
from tests.conftest import PASSWORD, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def chat(user, collection, *, days=0, status=MessageStatus.COMPLETE, file=""):
    """A chat whose last message is so old."""
    session, _, answer = question_ask(user=user, collection=collection, message="What?")
    Message.objects.filter(pk=answer.pk).update(status=status)
    ChatSession.objects.filter(pk=session.pk).update(updated_at=timezone.now() - timedelta(days=days))
    if file:
        stored = storage.store_blocks([file.encode()])
        Document.objects.create(
            collection=collection,
            session_id=session.pk,
            name=file,
            media_type="text/plain",
            size=stored.size,
            sha256=stored.sha256,
            stored_name=stored.name,
            uploaded_by=user,
        )
    return session


def left() -> set:
    return set(ChatSession.objects.values_list("pk", flat=True))


def test_chats_are_kept_for_ever_unless_a_number_of_days_is_set(member, collection, settings):
    old = chat(member, collection, days=5000)
    assert expire_sessions() == 0
    assert left() == {old.pk}
    assert not AuditEntry.objects.filter(action="chats.expired").exists()


def test_old_chats_go_with_their_files_and_the_ledger_holds_a_number_alone(member, collection, settings):
    settings.CHAT_RETENTION_DAYS = 30
    young = chat(member, collection, days=29, file="young.txt")
    chat(member, collection, days=31, file="old.txt")
    empty = session_create(user=member, collection=collection, title="Canary")
    ChatSession.objects.filter(pk=empty.pk).update(updated_at=timezone.now() - timedelta(days=31))
    in_work = chat(member, collection, days=31, status=MessageStatus.STREAMING)
    shared = Document.objects.create(
        collection=collection, name="shared.txt", media_type="text/plain", size=1, sha256="c" * 64
    )
    gone = storage.path_of(Document.objects.get(name="old.txt").stored_name)
    collection.users.clear()  # whoever may use the model by now
    assert expire_sessions() == 2
    assert left() == {young.pk, in_work.pk}
    assert set(Document.objects.values_list("name", flat=True)) == {"young.txt", shared.name}
    assert not gone.exists()
    entry = AuditEntry.objects.get(action="chats.expired")
    assert (entry.actor, entry.target, entry.details) == (None, "", {"count": 2, "days": 30})
    Message.objects.filter(session=in_work).update(status=MessageStatus.COMPLETE)
    assert expire_sessions() == 1
    assert expire_sessions() == 0


def test_a_new_question_makes_an_old_chat_young_again(member, collection, settings):
    settings.CHAT_RETENTION_DAYS = 30
    session = chat(member, collection, days=31)
    question_ask(user=member, collection=collection, message="And?", session=session)
    Message.objects.filter(session=session).update(status=MessageStatus.COMPLETE)
    assert expire_sessions() == 0


def test_many_old_chats_go_in_batches_and_a_run_has_an_end(
    member, collection, settings, monkeypatch, django_assert_max_num_queries
):
    settings.CHAT_RETENTION_DAYS = 1
    ChatSession.objects.bulk_create(ChatSession(user=member, collection=collection) for _ in range(25))
    ChatSession.objects.update(updated_at=timezone.now() - timedelta(days=2))
    monkeypatch.setattr(removal, "BATCH", 10)
    monkeypatch.setattr(removal, "MOST_AT_ONCE", 20)
    with django_assert_max_num_queries(20):  # two batches of: begin, lock, files, messages, delete, commit
        assert expire_sessions() == 20
    assert expire_sessions() == 5


@pytest.fixture
def pages(client):
    """A function: user -> Django's test client, signed in as him."""

    def sign_in(user):
        assert client.login(username=user.email, password=PASSWORD)
        return client

    return sign_in


def test_all_my_chats_go_when_the_sentence_was_typed(pages, member, collection):
    olga = make_user("olga@example.com")
    collection.users.add(olga)
    theirs = chat(olga, collection, file="hers.txt")
    mine = [chat(member, collection, file="mine.txt"), chat(member, collection)]
    mine.append(chat(member, collection, status=MessageStatus.STREAMING))
    page = pages(member)
    for typed in ("", "delete", "delete all my chat"):
        answer = page.post("/account/chats/delete", {"confirm": typed}, follow=True)
        assert "Nothing was deleted." in answer.content.decode()
    assert left() == {theirs.pk, *(one.pk for one in mine)}
    answer = page.post("/account/chats/delete", {"confirm": " Delete all  my chats "}, follow=True)
    assert "Your 3 chats were deleted." in answer.content.decode()
    assert left() == {theirs.pk}
    assert Document.objects.get().name == "hers.txt"
    entry = AuditEntry.objects.get(action="chats.deleted_all")
    assert (entry.actor, entry.details) == (member, {"count": 3})


def test_chats_with_a_model_that_was_taken_away_go_too(pages, member, collection):
    chat(member, collection)
    collection.users.clear()
    answer = pages(member).post("/account/chats/delete", {"confirm": "delete all my chats"}, follow=True)
    assert "Your chat was deleted." in answer.content.decode()
    assert left() == set()


def test_people_are_told_how_long_chats_are_kept(pages, member, collection, settings):
    page = pages(member)
    assert "days after their last message" not in page.get("/chat/").content.decode()
    assert "They are kept until you delete them." in page.get("/account").content.decode()
    settings.CHAT_RETENTION_DAYS = 90
    for path in ("/chat/", "/account"):
        assert "deleted 90 days after their last message" in page.get(path).content.decode()


def test_nobody_deletes_without_signing_in_or_by_a_link(client, pages, member, collection):
    kept = chat(member, collection)
    answer = client.post("/account/chats/delete", {"confirm": "delete all my chats"})
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/signin")
    assert pages(member).get("/account/chats/delete?confirm=delete all my chats").status_code == 405
    assert left() == {kept.pk}


def test_keeping_what_has_arrived_waits_for_nobody_who_deletes(member, collection):
    chats = [chat(member, collection, status=MessageStatus.STREAMING) for _ in range(2)]
    held, free = (Message.objects.get(session=one, role="assistant") for one in chats)
    with transaction.atomic():
        list(Message.objects.select_for_update().filter(pk=held.pk))
        with ThreadPoolExecutor(1) as pool:
            kept = pool.submit(
                asyncio.run, in_thread(answers_progress, contents={held.pk: "a", free.pk: "b"})
            )
            kept.result(timeout=10)
    assert [Message.objects.get(pk=one.pk).content for one in (held, free)] == ["", "b"]
    answers_progress(contents={held.pk: "a"})
    assert Message.objects.get(pk=held.pk).content == "a"
