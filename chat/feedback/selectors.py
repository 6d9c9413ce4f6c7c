"""Feedback on a model's answers with the passages that they were given; never what was asked or answered.

The comment was written for those who look after the model. Everything else of the chat is its owner's: the
question, the answer, who he is, and the files that he attached. So of the passages only those are shown whose
document belongs to the model itself today.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Prefetch, Q, QuerySet

from chat.models import Feedback, Message, MessageSource, Rating
from collections_app.models import Collection

SHARED = Q(document__isnull=False, document__session_id__isnull=True)
MOST_DOCUMENTS = 10


@dataclass(frozen=True)
class CitedDocument:
    """A document of the model, and in how many answers that were not helpful it is cited."""

    document_id: int
    name: str
    answers: int


def feedback_of(collection: Collection) -> QuerySet[Feedback]:
    """The newest first, each with its answer's passages (`passages_of`), without what was said."""
    sources = MessageSource.objects.select_related("document").defer("content")
    answers = Message.objects.defer("content", "search_vector").prefetch_related(Prefetch("sources", sources))
    return (
        Feedback.objects.filter(message__session__collection=collection)
        .prefetch_related(Prefetch("message", answers))
        .annotate(refused=F("message__trace__data__refused"))
        .order_by("-updated_at", "-pk")
    )


def passages_of(answer: Message) -> list[dict[str, Any]]:
    """The passages that an answer was given, those of the model's own documents, the cited ones first."""
    shown = [source for source in answer.sources.all() if _is_shared(source)]
    return [
        {
            "marker": source.marker,
            "document_id": source.document_id,
            "document_name": source.document_name,
            "chunk_id": source.chunk_id,
            "section": source.section,
            "page": source.page,
            "page_to": source.page_to,
            "rows": source.rows,
            "lines": source.lines,
            "similarity_score": source.similarity_score,
            "cited": source.cited,
            "likely": source.likely,
            "supported": source.supported,
        }
        for source in sorted(shown, key=lambda source: (not source.cited, source.marker))
    ]


def hidden_passages(answer: Message) -> int:
    """How many more there were: of files attached to the chat, or of documents that are gone."""
    return sum(not _is_shared(source) for source in answer.sources.all())


def documents_not_helpful(collection: Collection) -> list[CitedDocument]:
    """The model's documents that answers cite which were not helpful, the most often cited ones first."""
    rows = (
        MessageSource.objects.filter(
            SHARED,
            cited=True,
            message__feedback__rating=Rating.DOWN,
            message__session__collection=collection,
        )
        .values("document_id", "document__name")
        .annotate(answers=Count("message_id", distinct=True))
        .order_by("-answers", "document__name", "document_id")[:MOST_DOCUMENTS]
    )
    return [CitedDocument(row["document_id"], row["document__name"], row["answers"]) for row in rows]


def ratings(collection: Collection) -> dict[str, int]:
    """How many of each."""
    rows = Feedback.objects.filter(message__session__collection=collection).values("rating")
    counted = {row["rating"]: row["n"] for row in rows.annotate(n=Count("pk")).order_by()}
    return {str(rating): counted.get(rating, 0) for rating in Rating.values}


def _is_shared(source: MessageSource) -> bool:
    return source.document is not None and source.document.session_id is None
