"""Deleting many chats: those that are older than this installation keeps them, and all of one user's."""

import logging
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import User
from chat.models import ChatSession, Message, MessageStatus
from chat.services import sessions_changed
from documents.models import Document
from documents.services import session_documents_delete

log = logging.getLogger(__name__)

BATCH = 100
MOST_AT_ONCE = 5000  # per run of the task; the next one goes on


def sessions_expire() -> int:
    """Delete the chats whose last message is older than CHAT_RETENTION_DAYS, with their files.

    A chat that is being answered, or that somebody is writing to, is left for the next time.

    Returns:
        How many were deleted; the ledger holds the number, nothing of the chats.
    """
    if not settings.CHAT_RETENTION_DAYS:
        return 0
    oldest = timezone.now() - timedelta(days=settings.CHAT_RETENTION_DAYS)
    expired = _unanswered(ChatSession.objects.filter(updated_at__lt=oldest))
    ids = list(expired.order_by("updated_at").values_list("pk", flat=True)[:MOST_AT_ONCE])
    deleted = sum(_delete(expired.filter(pk__in=some), busy="left") for some in _batches(ids))
    if deleted:
        audit.record(None, "chats.expired", count=deleted, days=settings.CHAT_RETENTION_DAYS)
        log.info("%d chats were deleted: older than %d days", deleted, settings.CHAT_RETENTION_DAYS)
    return deleted


def sessions_delete_all(*, user: User, address: str | None = None) -> int:
    """Delete all chats of a user, also those with models that he may not use any more; answers in work end.

    Returns:
        How many there were.
    """
    mine = ChatSession.objects.filter(user=user)
    deleted = sum(
        _delete(mine.filter(pk__in=some), busy="waited for")
        for some in _batches(list(mine.values_list("pk", flat=True)))
    )
    audit.record(user, "chats.deleted_all", user, address=address, count=deleted)
    sessions_changed(user_id=user.pk)
    return deleted


def _unanswered(sessions: QuerySet[ChatSession]) -> QuerySet[ChatSession]:
    writing = Message.objects.filter(session=OuterRef("pk"), status=MessageStatus.STREAMING)
    return sessions.filter(~Exists(writing))


def _delete(sessions: QuerySet[ChatSession], *, busy: str) -> int:
    """One batch in one transaction. Rows that somebody else holds are `left` or `waited for`."""
    with transaction.atomic():
        rows = sessions.select_for_update(of=("self",), skip_locked=busy == "left").order_by("pk")
        ids = [session.pk for session in rows]
        with_files = (
            Document.objects.filter(session_id__in=ids).order_by().values_list("session_id", flat=True)
        )
        for session_id in with_files.distinct():
            if session_id is not None:
                session_documents_delete(session_id=session_id)
        ChatSession.objects.filter(pk__in=ids).delete()
    return len(ids)


def _batches(ids: list[uuid.UUID]) -> list[list[uuid.UUID]]:
    return [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
