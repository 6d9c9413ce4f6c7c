"""Conversations from before the tree keep what was shown of them, and the older answers."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from collections_app.models import Collection

BEFORE = [("chat", "0012_session_given")]
TREE = [("chat", "0013_conversation_tree")]

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(target):
    executor = MigrationExecutor(connection)
    executor.migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@pytest.fixture
def migrated_back():
    """The models as they were; everything is migrated to the newest again afterwards."""
    yield migrate(BEFORE)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_a_conversation_keeps_its_order_and_its_older_answers(member, collection: Collection, migrated_back):
    session = migrated_back.get_model("chat", "ChatSession").objects.create(
        user_id=member.pk, collection_id=collection.pk
    )
    empty = migrated_back.get_model("chat", "ChatSession").objects.create(
        user_id=member.pk, collection_id=collection.pk
    )
    messages = migrated_back.get_model("chat", "Message").objects

    def question(text):
        return messages.create(session=session, role="user", content=text).pk

    def answer(to, *, superseded=False):
        return messages.create(
            session=session, role="assistant", content="!", reply_to_id=to, superseded=superseded
        ).pk

    q1 = question("one")
    a1 = answer(q1, superseded=True)
    q2 = question("two")
    a2 = answer(q2, superseded=True)
    a2b = answer(q2)
    a1b = answer(q1)  # an answer in the middle was written anew
    q3 = question("three")
    a3 = answer(q3)

    new = migrate(TREE)
    parents = dict(new.get_model("chat", "Message").objects.values_list("pk", "parent_id"))
    assert parents == {q1: None, a1: q1, a1b: q1, q2: a1b, a2: q2, a2b: q2, q3: a2b, a3: q3}
    heads = dict(new.get_model("chat", "ChatSession").objects.values_list("pk", "head_id"))
    assert heads == {session.pk: a3, empty.pk: None}

    old = migrate(BEFORE)
    rows = old.get_model("chat", "Message").objects.order_by("pk")
    assert list(rows.filter(superseded=True).values_list("pk", flat=True)) == [a1, a2]
    assert dict(rows.values_list("pk", "reply_to_id")) == parents | {q2: None, q3: None}


def test_a_question_without_an_answer_stays_in_its_place(member, collection: Collection, migrated_back):
    session = migrated_back.get_model("chat", "ChatSession").objects.create(
        user_id=member.pk, collection_id=collection.pk
    )
    messages = migrated_back.get_model("chat", "Message").objects
    lonely = messages.create(session=session, role="user", content="one").pk
    last = messages.create(session=session, role="user", content="two").pk
    new = migrate(TREE)
    parents = dict(new.get_model("chat", "Message").objects.values_list("pk", "parent_id"))
    assert parents == {lonely: None, last: lonely}
    assert new.get_model("chat", "ChatSession").objects.get().head_id == last
