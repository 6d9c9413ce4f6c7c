"""The superadmin's console shows that people chat, not what they say."""

import pytest
from django.test import Client

from chat import services
from chat.models import ChatSession, Message

SECRET = "What is my colleague's salary?"


@pytest.fixture
def turn(db, member, collection):
    session, question, answer = services.question_ask(user=member, collection=collection, message=SECRET)
    services.answer_sources_set(
        message_id=answer.pk, passages=[], trace={"query": SECRET, "ms": {"search": 3}}
    )
    services.answer_finish(
        message_id=answer.pk,
        result=services.AnswerResult(status="complete", content="A secret answer.", finish_reason="stop"),
    )
    services.feedback_set(answer=answer, rating="down", comment="wrong page")
    return session, question, answer


@pytest.fixture
def console(superadmin):
    client = Client()
    client.force_login(superadmin)
    return client


def test_no_page_of_the_console_shows_what_was_said(turn, console):
    session, question, answer = turn
    for path in (
        "/admin/chat/chatsession/",
        f"/admin/chat/chatsession/{session.pk}/change/",
        f"/admin/chat/chatsession/{session.pk}/delete/",
        "/admin/chat/message/",
        f"/admin/chat/message/{question.pk}/change/",
        f"/admin/chat/message/{answer.pk}/change/",
        "/admin/chat/feedback/",
        f"/admin/chat/feedback/{answer.pk}/change/",
    ):
        page = console.get(path)
        assert page.status_code == 200, path
        assert "salary" not in page.content.decode(), path
        assert "secret answer" not in page.content.decode(), path
    assert "wrong page" in console.get("/admin/chat/feedback/").content.decode()
    assert "search" in console.get(f"/admin/chat/message/{answer.pk}/change/").content.decode()


def test_messages_cannot_be_changed_or_deleted_there(turn, console):
    answer = turn[2]
    page = f"/admin/chat/message/{answer.pk}"
    assert console.post(f"{page}/change/", {"content": "forged"}).status_code == 403
    assert console.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    assert console.get("/admin/chat/message/add/").status_code == 403
    assert Message.objects.get(pk=answer.pk).content == "A secret answer."


def test_a_chat_can_be_deleted_there(turn, console):
    session = turn[0]
    reply = console.post(f"/admin/chat/chatsession/{session.pk}/delete/", {"post": "yes"})
    assert reply.status_code == 302
    assert not ChatSession.objects.exists()


def test_admins_and_users_have_no_console(turn, admin, member):
    for person in (admin, member):
        client = Client()
        client.force_login(person)
        assert client.get("/admin/chat/message/").status_code == 302


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("message/?content__contains=salary", 400),
        ("message/?content__startswith=W", 400),
        ("chatsession/?title__contains=salary", 400),
        ("feedback/?message__content__contains=salary", 400),
        ("message/?status__exact=complete&created_at__year=2026", 200),
        ("message/?session__collection__id__exact=1", 200),
        ("feedback/?rating__exact=down", 200),
    ],
)
def test_filters_in_the_address_tell_no_more_than_those_on_the_page(turn, console, query, status):
    assert console.get(f"/admin/chat/{query}").status_code == status
