"""The conversation as a tree, read: paths, versions beside each other, leaves, history.

A path leads from a message up to its first question. Questions have rising ids along every path, and each
answer stands behind its question: ordering by (`turn`, `id`) puts a path into the order of the talk.
"""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Case, Exists, OuterRef, QuerySet, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from chat.llm.base import ChatMessage
from chat.models import ChatSession, Message, MessageRole, MessageStatus

ANSWERED = (MessageStatus.COMPLETE, MessageStatus.STOPPED)

_PATHS = """
WITH RECURSIVE path(id, parent_id) AS (
    SELECT id, parent_id FROM chat_message WHERE id IN ({heads})
    UNION ALL
    SELECT above.id, above.parent_id FROM chat_message above JOIN path ON above.id = path.parent_id
)
SELECT id FROM path
"""
_NEWEST_LEAF = """
WITH RECURSIVE under(id) AS (
    SELECT %s::bigint
    UNION ALL
    SELECT below.id FROM chat_message below JOIN under ON below.parent_id = under.id
)
SELECT max(id) FROM under WHERE NOT EXISTS (SELECT FROM chat_message WHERE parent_id = under.id)
"""


def in_turn(messages: QuerySet[Message]) -> QuerySet[Message]:
    """The messages in the order of the talk, each answer right after its question."""
    is_answer = When(role=MessageRole.ASSISTANT, then=Coalesce("parent_id", "id"))
    return messages.annotate(turn=Case(is_answer, default="id")).order_by("turn", "id")


def path_to(messages: QuerySet[Message], message_id: int | None) -> QuerySet[Message]:
    """Of these messages, the one with this id and all above it; none for None."""
    if message_id is None:
        return messages.none()
    return messages.filter(pk__in=_on_paths("%s", message_id))


def shown(messages: QuerySet[Message], *, user_id: int) -> QuerySet[Message]:
    """Of these messages, those on the shown paths of a user's sessions."""
    return messages.filter(
        pk__in=_on_paths("SELECT head_id FROM chat_chatsession WHERE user_id = %s", user_id)
    )


def _on_paths(heads: str, value: int) -> RawSQL:
    return RawSQL(_PATHS.format(heads=heads), [value])  # noqa: S611 `heads` is one of the two above


def with_versions(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Each with `version_ids`: itself and the other messages with the same parent, oldest first.

    An answer that another one continues is none of them, unless the conversation went on below it: all that
    it says stands in the other.
    """
    continued = Exists(Message.objects.filter(continues=OuterRef("pk")))
    went_on = Exists(Message.objects.filter(parent=OuterRef("pk")))
    others = Message.objects.exclude(continued & ~went_on).order_by("pk").values("pk")
    first = others.filter(session_id=OuterRef("session_id"), parent__isnull=True)
    below = others.filter(parent_id=OuterRef("parent_id"))
    return messages.annotate(
        version_ids=Case(When(parent__isnull=True, then=ArraySubquery(first)), default=ArraySubquery(below))
    )


def siblings(message: Message) -> dict[str, Any]:
    """The versions of a message from `with_versions`: {"index": its place from 0, "ids": oldest first}.

    The index of one that is none of them, because it was continued, is None.
    """
    ids: list[int] = message.version_ids  # type: ignore[attr-defined]
    return {"index": ids.index(message.pk) if message.pk in ids else None, "ids": ids}


def newest_leaf(message: Message) -> int:
    """Where the branch that was begun last below a message ends: the id of its last message."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_LEAF, [message.pk])
        return int(cursor.fetchone()[0])


def newest_answer(session: ChatSession) -> Message | None:
    """The answer that is being written, or the one that was asked for last, on whatever branch."""
    return session.messages.filter(role=MessageRole.ASSISTANT).order_by("-id").first()


def history_before(question: Message, *, limit: int) -> list[ChatMessage]:
    """The last `limit` messages above a question, oldest first: whole turns, and only answered ones."""
    above = path_to(Message.objects.filter(status__in=ANSWERED).exclude(content=""), question.parent_id)
    newest_first = list(in_turn(above).reverse()[:limit])
    answered = {row.parent_id for row in newest_first if row.role == MessageRole.ASSISTANT}
    kept = [row for row in newest_first if row.role == MessageRole.ASSISTANT or row.pk in answered]
    kept.reverse()
    return [
        ChatMessage(role="assistant" if row.role == MessageRole.ASSISTANT else "user", content=row.content)
        for row in kept
    ]
