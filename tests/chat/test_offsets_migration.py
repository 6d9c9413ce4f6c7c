"""Sources from before their offsets were stored take them from their chunk, where that is there still."""

import pytest

from chat.models import ChatSession, Message, MessageRole
from documents.models import Chunk
from tests.chat.conftest import add_document
from tests.chat.test_tree_migration import migrate

BEFORE, AFTER = [("chat", "0014_continued_answers")], [("chat", "0015_source_offsets")]

pytestmark = pytest.mark.django_db(transaction=True)


def test_offsets_come_from_the_chunk_unless_it_holds_other_text(member, admin, collection):
    document = add_document(collection, admin, "a.txt", ["The office opens at nine."])
    Chunk.objects.update(char_start=40, char_end=65)
    chunk = Chunk.objects.get()
    session = ChatSession.objects.create(user=member, collection=collection)
    answer = Message.objects.create(session=session, role=MessageRole.ASSISTANT, content="!")
    try:
        sources = migrate(BEFORE).get_model("chat", "MessageSource").objects
        for marker, (chunk_id, content) in enumerate(
            [(chunk.pk, chunk.content), (chunk.pk, "Computed: 3 rows."), (None, chunk.content)], start=1
        ):
            sources.create(
                message_id=answer.pk,
                marker=marker,
                chunk_id=chunk_id,
                document_id=document.pk,
                document_name=document.name,
                content=content,
                similarity_score=0.5,
            )
    finally:
        after = migrate(AFTER)
    rows = after.get_model("chat", "MessageSource").objects.order_by("marker")
    assert list(rows.values_list("char_start", "char_end")) == [(40, 65), (None, None), (None, None)]
