"""The titles of documents, read from the database once for everybody."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from documents.retrieval.scope import Scope, measure
from documents.retrieval.titles import title_words

pytestmark = pytest.mark.django_db


def words(collection, member, session_id):
    """Document id -> words, and the statements that read them."""
    scope = Scope(collection.pk, member.pk, session_id, collection.embedding_model)
    with CaptureQueriesContext(connection) as asked, connection.cursor() as cursor:
        found = title_words(cursor, scope, measure(cursor, scope), "english")
    reads = [one["sql"] for one in asked.captured_queries if "verbatim_lexemes" in one["sql"]]
    return found, reads


def test_a_new_chat_reads_its_own_titles_only(collection, member, document_of):
    shared = document_of(collection, "harbour.txt", ["The harbour."])
    chat = uuid.uuid4()
    own = document_of(collection, "ferry.txt", ["The ferry."], session_id=chat, uploaded_by=member)
    words(collection, member, uuid.uuid4())  # another chat has read the model's

    found, reads = words(collection, member, chat)

    assert {pk: sorted(some) for pk, some in found.items()} == {shared.pk: ["harbour"], own.pk: ["ferri"]}
    assert len(reads) == 1
    assert "session_id IS NOT NULL" in reads[0]


def test_titles_of_another_chat_or_person_stay_out(collection, member, admin, document_of):
    shared = document_of(collection, "harbour.txt", ["The harbour."])
    chat = uuid.uuid4()
    document_of(collection, "ferry.txt", ["The ferry."], session_id=chat, uploaded_by=member)

    for person, session_id in ((member, None), (member, uuid.uuid4()), (admin, chat)):
        assert list(words(collection, person, session_id)[0]) == [shared.pk]


def test_a_new_document_of_the_model_is_seen_in_every_chat(collection, member, document_of):
    chat = uuid.uuid4()
    document_of(collection, "harbour.txt", ["The harbour."])
    words(collection, member, chat)
    new = document_of(collection, "bridge.txt", ["The bridge."])

    assert new.pk in words(collection, member, chat)[0]
