"""A deletion that meets others at work begins again; what is wrong otherwise is told."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from chat.models import ChatSession, Message
from chat.services import question_ask
from config.deletion import ATTEMPTS, until_deleted
from tests.conftest import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(work) -> Future:
    """Run on a connection of its own."""

    def run():
        try:
            return work()
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(run)
    finally:
        pool.shutdown(wait=False)


@pytest.mark.parametrize("nesting", [nullcontext, transaction.atomic])
def test_what_was_written_below_in_between_is_deleted_too(member, collection, nesting):
    session, question, _ = question_ask(user=member, collection=collection, message="How many days?")
    attempts = []

    def delete() -> None:
        attempts.append(len(attempts))
        found = list(Message.objects.filter(session=session))  # as Django does: looked for first
        if len(attempts) == 1:
            answer = {"role": "assistant", "status": "complete", "content": "25."}
            elsewhere(lambda: Message.objects.create(session=session, parent=question, **answer)).result()
        rows = Message.objects.filter(pk__in=[one.pk for one in found])
        ChatSession.objects.filter(pk=session.pk).update(head=None)
        rows._raw_delete(rows.db)
        ChatSession.objects.filter(pk=session.pk)._raw_delete("default")

    with nesting():  # the console has a transaction around its own
        until_deleted(delete)
    assert len(attempts) == 2
    assert not Message.objects.exists()
    assert not ChatSession.objects.exists()


def test_whom_the_database_ends_for_a_deadlock_begins_again(member):
    other = make_user("other")
    mine, theirs = threading.Event(), threading.Event()
    attempts: list[str] = []

    def lock(first: User, second: User, ready: threading.Event, awaited: threading.Event) -> None:
        attempts.append(first.email)
        User.objects.select_for_update().get(pk=first.pk)
        ready.set()
        assert awaited.wait(10)
        User.objects.select_for_update().get(pk=second.pk)

    here = elsewhere(lambda: until_deleted(lambda: lock(member, other, mine, theirs)))
    until_deleted(lambda: lock(other, member, theirs, mine))
    here.result(20)
    assert len(attempts) == 3  # one of them twice


def test_what_does_not_pass_is_raised(member):
    attempts = []

    def delete() -> None:
        attempts.append(1)
        User.objects.create(email=member.email)

    with pytest.raises(IntegrityError):
        until_deleted(delete)
    assert len(attempts) == 1


def test_it_does_not_try_for_ever(member, collection):
    question_ask(user=member, collection=collection, message="How many days?")
    attempts = []

    def delete() -> None:
        attempts.append(1)
        Message.objects.all()._raw_delete("default")  # their session still shows one

    with pytest.raises(IntegrityError):
        until_deleted(delete)
    assert len(attempts) == ATTEMPTS
