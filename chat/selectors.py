"""What may be read of the chats. Nobody reads another person's."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, Prefetch, QuerySet
from django.utils import timezone

from accounts.models import User
from chat import tree
from chat.engine.refusal import is_refusal
from chat.given import Given
from chat.llm.base import ChatMessage
from chat.markers import find
from chat.models import ChatSession, Message, MessageRole, MessageSource, MessageStatus, MessageTrace
from chat.sentences import CLAIM_WORDS, content_words
from chat.text import storable
from collections_app import access
from collections_app.models import AnswerMode, Collection, Provider
from config.errors import ErrorCode, VerbatimError

OPEN = (MessageStatus.STREAMING, MessageStatus.INTERRUPTED)  # what a finished answer may be written over
# What a reader is shown of the trace with every answer; the rest is read when he asks why.
TRACED = (
    "query",
    "rewritten",
    "answer_mode",
    "sentences",
    "general_parts",
    "not_ready",
    "prompt",
    "ours_from",
)


def sessions_visible_to(user: User) -> QuerySet[ChatSession]:
    """The user's own sessions with models that he may use: an answer quotes the model's documents."""
    return ChatSession.objects.filter(user_id=user.pk, collection__in=access.visible_to(user))


def sessions_listed(user: User, *, of_programs: bool = False) -> QuerySet[ChatSession]:
    """Those that belong into a list: without those of programs that keep the conversation themselves (`/v1`).

    Args:
        of_programs: these instead.
    """
    return sessions_visible_to(user).filter(given__isnull=not of_programs)


def session_for(user: User, session_id: uuid.UUID | str) -> ChatSession:
    """The session, with its collection.

    Raises:
        VerbatimError: NOT_FOUND, for a stranger as for an id that does not exist.
    """
    session = sessions_visible_to(user).filter(pk=session_id).select_related("collection").first()
    if session is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return session


def require_session(user: User, collection: Collection, session_id: uuid.UUID) -> None:
    """Let a session pass that is the user's own, about this model; `documents` asks when a file is for it.

    Raises:
        VerbatimError: NOT_FOUND.
    """
    if session_for(user, session_id).collection_id != collection.pk:
        raise VerbatimError(ErrorCode.NOT_FOUND)


def messages_visible_to(user: User) -> QuerySet[Message]:
    """The messages of the sessions that the user may read, on all branches, in the order of the talk."""
    return tree.in_turn(Message.objects.filter(session__in=sessions_visible_to(user)))


def messages_of(session: ChatSession, *, head_id: int | None = None) -> QuerySet[Message]:
    """The conversation as it is shown, oldest first; with `head_id` as it is up to that message.

    Raises:
        VerbatimError: NOT_FOUND for a head that is no message of this session.
    """
    messages = tree.in_turn(Message.objects.filter(session=session))
    if head_id is not None and not messages.filter(pk=head_id).exists():
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return tree.path_to(messages, session.head_id if head_id is None else head_id)


def messages_shown_to(user: User) -> QuerySet[Message]:
    """Of these those that are shown: on the paths to the heads of the sessions."""
    return tree.shown(messages_visible_to(user), user_id=user.pk)


def messages_with_details(messages: QuerySet[Message]) -> QuerySet[Message]:
    """The same with versions, sources, feedback and `TRACED`, in one query more, whatever their number."""
    sources = MessageSource.objects.annotate(sha256_now=F("document__sha256")).order_by("marker")
    return (
        tree.with_versions(messages)
        .select_related("feedback")
        .annotate(**{f"traced_{name}": F(f"trace__data__{name}") for name in TRACED})
        .prefetch_related(Prefetch("sources", sources))
    )


def message_for(user: User, message_id: int) -> Message:
    """One message, with its session and the session's collection.

    Raises:
        VerbatimError: NOT_FOUND, for a stranger as for an id that does not exist.
    """
    found = messages_visible_to(user).filter(pk=message_id).select_related("session__collection").first()
    if found is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return found


def answer_for(user: User, message_id: int) -> Message:
    """The same for answers alone; a question's id is NOT_FOUND too."""
    message = message_for(user, message_id)
    if message.role != MessageRole.ASSISTANT:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return message


def question_asked(user: User, client_id: str) -> tuple[ChatSession, Message, Message] | None:
    """The question to which the user's client gave this id, with its session and its newest answer, if any.

    Returns:
        Session, question, answer.

    Raises:
        VerbatimError: NOT_FOUND when he may not read it any more.
    """
    if not client_id:
        return None
    question = Message.objects.filter(asked_by=user, client_id=storable(client_id)).first()
    if question is None:
        return None
    session = session_for(user, question.session_id)
    answer = question.children.order_by("-id").first()
    if answer is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return session, question, answer


def question_for(user: User, message_id: int) -> Message:
    """The same for questions alone; an answer's id is NOT_FOUND too."""
    message = message_for(user, message_id)
    if message.role != MessageRole.USER:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return message


@dataclass(frozen=True)
class Continued:
    """An answer that ended early, for the one that goes on from it.

    Attributes:
        written: its text, as far as an LLM wrote it.
        ending: what we said below that.
        sources: its numbered passages.
        searched_for: the question as it was searched for, when that is not the question as it was asked.
    """

    written: str
    ending: str
    sources: tuple[MessageSource, ...]
    searched_for: str


@dataclass(frozen=True)
class AnswerContext:
    """What a generation needs to know.

    Attributes:
        history: the questions and answers above, oldest first, at most the collection's history_length.
        max_tokens: how long the client wants the answer at most; None: as long as the collection allows.
        continued: what the answer goes on from; None for one that begins.
    """

    user: User
    collection: Collection
    session_id: uuid.UUID
    question: str
    history: list[ChatMessage]
    max_tokens: int | None = None
    continued: Continued | None = None


def answer_context(answer: Message) -> AnswerContext:
    """Everything about an answer that was just opened; of what was stored with it nothing is read again.

    Raises:
        VerbatimError: ACCESS_REVOKED, where nothing is searched for; else the search looks.
    """
    session, question = answer.session, answer.parent
    assert question is not None  # every answer has one
    if answer.continues is not None and not has_access(session.user_id, session.collection_id):
        raise VerbatimError(ErrorCode.ACCESS_REVOKED)
    given = Given.from_json(session.given)
    limit = session.collection.history_length
    history = [*given.history, *tree.history_before(question, limit=limit)]
    return AnswerContext(
        user=session.user,
        collection=session.collection,
        session_id=session.pk,
        question=question.content,
        history=history[-limit:] if limit else [],
        max_tokens=given.max_tokens,
        continued=_continued(answer),
    )


def _continued(answer: Message) -> Continued | None:
    if answer.continues is None:
        return None
    old = answer.continues
    ours_from = trace_of(old).get("ours_from")
    return Continued(
        written=old.content[:ours_from],
        ending="" if ours_from is None else old.content[ours_from:],
        sources=tuple(answer.sources.select_related("document")),
        searched_for=searched_for(old),
    )


def answers_lost(message_ids: Sequence[int]) -> dict[int, ErrorCode]:
    """Of running answers those that must end: NOT_FOUND when it is gone or closed, ACCESS_REVOKED when its
    reader lost his access. Five statements, however many there are."""
    rows = Message.objects.filter(pk__in=message_ids, status__in=OPEN)
    readers = {
        pk: (user_id, collection_id)
        for pk, user_id, collection_id in rows.values_list("pk", "session__user_id", "session__collection_id")
    }
    allowed = access.allowed(set(readers.values()))
    return {
        pk: ErrorCode.ACCESS_REVOKED if pk in readers else ErrorCode.NOT_FOUND
        for pk in message_ids
        if readers.get(pk) not in allowed
    }


def has_access(user_id: int, collection_id: int) -> bool:
    """Whether the user is active and may still use the collection."""
    user = User.objects.filter(pk=user_id).first()
    return user is not None and access.visible_to(user).filter(pk=collection_id).exists()


def answers_open(*, session_id: uuid.UUID | None = None, older_than: float = 10) -> list[int]:
    """Ids of answers that claim to be streaming and began more than `older_than` seconds ago."""
    rows = Message.objects.filter(
        status=MessageStatus.STREAMING, created_at__lt=timezone.now() - timedelta(seconds=older_than)
    )
    if session_id is not None:
        rows = rows.filter(session_id=session_id)
    return list(rows.values_list("pk", flat=True))


def source_as_dict(source: MessageSource) -> dict[str, Any]:
    """The contract's source object, and what became of its document; the passage stays as it was given."""
    return {
        "marker": source.marker,
        "document_id": source.document_id,
        "document_name": source.document_name,
        "document_deleted": source.document_id is None,
        "document_replaced": source_replaced(source),
        "chunk_id": source.chunk_id,
        "chunk_content": source.content,
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


def source_replaced(source: MessageSource) -> bool:
    """Whether its document has other bytes by now; of one that is gone nobody says so."""
    if source.document_id is None:
        return False
    if hasattr(source, "sha256_now"):  # annotated by `messages_with_details`
        return bool(source.sha256_now != source.document_sha256)
    return source.document is not None and source.document.sha256 != source.document_sha256


def source_for(user: User, message_id: int, marker: int) -> MessageSource:
    """A source of one of the user's own answers.

    Raises:
        VerbatimError: NOT_FOUND, for a stranger as for a number that does not exist.
    """
    answer = answer_for(user, message_id)
    found = answer.sources.filter(marker=marker).first()
    if found is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return found


def shown_sources(message: Message) -> list[dict[str, Any]]:
    """The sources that belong under a finished answer.

    Those that it cites; when it cites nothing, all passages that it was given, the likely ones marked.
    """
    sources = list(message.sources.all())
    cited = [source for source in sources if source.cited]
    return [source_as_dict(source) for source in cited or sources]


def traced(message: Message, name: str) -> Any:
    """One of `TRACED`; None when there is no trace, or nothing of this name in it."""
    if not hasattr(message, f"traced_{name}"):
        for one, value in trace_of(message).items():
            if one in TRACED:
                setattr(message, f"traced_{one}", value)
    return getattr(message, f"traced_{name}", None)


def searched_for(message: Message) -> str:
    """A follow-up as it was searched for; "" when that is the question as it was asked."""
    rewritten = traced(message, "rewritten") or ""
    return "" if rewritten == traced(message, "query") else str(rewritten)


def general_knowledge(message: Message) -> bool:
    """Whether nothing in an answer comes from the documents, in a model that may answer without them."""
    return traced(message, "answer_mode") == AnswerMode.ASSIST and uncited(message)


def trimmed(message: Message) -> dict[str, int]:
    """What was left out of the prompt to fit the LLM's window, and how many of each; empty for nothing."""
    cut = (traced(message, "prompt") or {}).get("trimmed", {})
    return {name: many for name, many in cut.items() if many}


def answer_facts(message: Message) -> dict[str, Any]:
    """What is known of a finished answer, beside its text and its sources."""
    return {
        "searched_for": searched_for(message),
        "uncited": uncited(message),
        "general_knowledge": general_knowledge(message),
        "general_parts": traced(message, "general_parts") or [],
        "sentences": traced(message, "sentences") or [],
        "not_ready": traced(message, "not_ready"),
        "trimmed": trimmed(message),
        "can_continue": can_continue(message),
    }


def can_continue(message: Message) -> bool:
    """Whether an LLM wrote this answer and did not come to its end."""
    if message.status == MessageStatus.COMPLETE:
        is_cut = message.finish_reason == "length"
    elif message.status == MessageStatus.FAILED:
        refusal = refusal_of(message)
        is_cut = refusal is not None and refusal.retryable
    else:
        is_cut = message.status in (MessageStatus.STOPPED, MessageStatus.INTERRUPTED)
    by_llm = message.llm_provider != Provider.EXTRACTIVE and not is_refusal(message.content)
    return is_cut and by_llm and bool(message.content[: traced(message, "ours_from")].strip())


def uncited(message: Message) -> bool:
    """Whether an answer claims something that no passage was cited for or found to back.

    Of one that ended early the text that is there counts, once it says something.
    """
    if message.role != MessageRole.ASSISTANT or message.status == MessageStatus.STREAMING:
        return False
    if not message.content or is_refusal(message.content):
        return False
    if message.status != MessageStatus.COMPLETE:
        written = message.content[: traced(message, "ours_from")]
        if len(content_words(written)) < CLAIM_WORDS or find(written):
            return False
    return not any(source.cited or source.likely for source in message.sources.all())


def refusal_of(message: Message) -> VerbatimError | None:
    """The error that an answer ended with, or None."""
    if not message.error_code:
        return None
    code = ErrorCode(message.error_code)
    return VerbatimError(code, message.error_message, next_step=message.error_next_step)


def trace_of(answer: Message) -> dict[str, Any]:
    """The stored trace of an answer; empty while there is none yet."""
    trace = MessageTrace.objects.filter(message=answer).first()
    return dict(trace.data) if trace else {}
