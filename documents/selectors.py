"""Which documents and chunks somebody may see; views, sockets and the admin read through these."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, F, Q, QuerySet

from accounts.models import User
from collections_app.access import visible_to
from config.errors import ErrorCode, VerbatimError
from documents.models import UNFINISHED, Chunk, Document

Asker = User | AnonymousUser
NAMED = 5  # of the documents that are not ready


def documents_visible_to(user: Asker) -> QuerySet[Document]:
    """Documents of the collections that the user may use, and those of his own chat sessions.

    A chat session is its user's alone, and only he uploads to it: so its documents are his who uploaded
    them, and nobody else's, not even an administrator's.
    """
    mine = Q(session_id__isnull=True) | Q(uploaded_by=user.pk)
    return Document.objects.filter(mine, collection__in=visible_to(user).values("pk"))


def documents_of_collection(user: Asker, collection_id: int) -> QuerySet[Document]:
    """The collection's own documents, without those of anybody's chats."""
    return documents_visible_to(user).filter(collection_id=collection_id, session_id__isnull=True)


def readiness(user: Asker, collection_id: int, session_id: UUID | None = None) -> tuple[int, int]:
    """How many documents a question in this scope can be answered from, and how many are still in work."""
    counts = (
        documents_visible_to(user)
        .filter(_scope(session_id), collection_id=collection_id)
        .aggregate(
            ready=Count("pk", filter=Q(active_generation__isnull=False)),
            in_work=Count("pk", filter=Q(active_generation__isnull=True, status__in=UNFINISHED)),
        )
    )
    return counts["ready"], counts["in_work"]


@dataclass(frozen=True)
class NotReady:
    """Documents that are being processed for the first time: no question finds anything in them yet."""

    count: int
    names: list[str]

    def as_json(self) -> dict[str, Any]:
        """For traces and answers."""
        return {"count": self.count, "names": self.names}


def not_ready(user: Asker, collection_id: int, session_id: UUID | None = None) -> NotReady:
    """What a question in this scope cannot be answered from yet; the chat's own files are named first."""
    waiting = (
        documents_visible_to(user)
        .filter(_scope(session_id), collection_id=collection_id)
        .filter(active_generation__isnull=True, status__in=UNFINISHED)
        .order_by(F("session_id").asc(nulls_last=True), "pk")
    )
    names = list(waiting.values_list("name", flat=True)[: NAMED + 1])
    count = waiting.count() if len(names) > NAMED else len(names)
    return NotReady(count, names[:NAMED])


def document_for(user: Asker, document_id: int) -> Document:
    """The document, to look at.

    Raises:
        VerbatimError: NOT_FOUND, for a stranger as for an id that does not exist.
    """
    document = (
        documents_visible_to(user).select_related("uploaded_by", "collection").filter(pk=document_id).first()
    )
    if document is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return document


def chunks_of(document: Document) -> QuerySet[Chunk]:
    """The chunks that readers see, in the document's order, without vectors."""
    return (
        Chunk.objects.filter(document=document, generation=document.active_generation or 0)
        .defer("embedding", "search_vector")
        .order_by("part_index", "index")
    )


def _scope(session_id: UUID | None) -> Q:
    """The collection's own documents, and those of a chat session."""
    shared = Q(session_id__isnull=True)
    return shared | Q(session_id=session_id) if session_id else shared
