"""Everything that changes chats: sessions, questions, answers, feedback."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from chat.given import Given
from chat.models import (
    ChatSession,
    Feedback,
    Message,
    MessageRole,
    MessageSource,
    MessageStatus,
    MessageTrace,
)
from chat.selectors import OPEN, messages_with_details
from chat.text import one_line, plain, storable
from chat.usage.meter import Spent
from chat.usage.services import asker_locked, usage_open, usage_settle, usage_settle_lost
from collections_app.models import Collection
from config import events
from config.errors import ErrorCode, VerbatimError
from documents.models import Chunk, Document
from documents.retrieval.types import Passage

TITLE_CHARS = 80
ONE_GENERATION = "message_one_generation_per_session"
CLIENT_ID_ONCE = "message_client_id_once"
AS_THEY_ARE = ("content", "page", "page_to", "char_start", "char_end")  # kept of a passage


class AskedBefore(Exception):
    """A question with this client_id of this user is stored already."""


@dataclass(frozen=True)
class AnswerResult:
    """How a generation ended.

    Attributes:
        cited, likely: markers of the sources that the text cites, or that we attached because it cites none.
        supported: marker -> whether every sentence that cites it is borne out by its passage.
        spent: tokens of all LLM calls for it; `usage` is what the provider said about the last one.
        trace: merged into the stored trace.
        replaces: also an empty `content` takes the place of the stored one, which was no answer.
    """

    status: str
    content: str
    finish_reason: str
    usage: dict[str, Any] = field(default_factory=dict)
    error: VerbatimError | None = None
    cited: frozenset[int] = frozenset()
    likely: frozenset[int] = frozenset()
    supported: dict[int, bool] = field(default_factory=dict)
    trace: dict[str, Any] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    replaces: bool = False


def session_create(
    *, user: User, collection: Collection, title: str = "", given: Given | None = None
) -> ChatSession:
    """A new, empty conversation. The caller has looked the collection up through `access`.

    Args:
        given: what a client sent along that keeps the conversation itself; such a one is not listed.
    """
    sent = given.as_json(history_length=collection.history_length) if given else None
    return ChatSession.objects.create(
        user=user, collection=collection, title=one_line(title, 200), given=sent
    )


def session_rename(*, session: ChatSession, title: str) -> ChatSession:
    """Give a conversation another title (at most 200 characters are kept)."""
    session.title = one_line(title, 200)
    session.save(update_fields=["title"])
    session_hint(session)
    return session


def session_delete(*, session: ChatSession) -> None:
    """Delete a conversation with its messages and the files that were uploaded into it.

    An answer that is being written notices within a second or two that its row is gone, and ends.
    """
    from documents.services import session_documents_delete

    with transaction.atomic():
        session = session_locked(session)
        session_documents_delete(session_id=session.pk)
        session_hint(session)
        session.delete()


def message_check(message: str) -> str:
    """The question as it will be stored.

    Raises:
        VerbatimError: MESSAGE_EMPTY, MESSAGE_TOO_LONG.
    """
    text = storable(message).strip()
    if not text:
        raise VerbatimError(ErrorCode.MESSAGE_EMPTY)
    if len(text) > settings.MAX_MESSAGE_CHARS:
        raise VerbatimError(
            ErrorCode.MESSAGE_TOO_LONG, details={"max_chars": settings.MAX_MESSAGE_CHARS, "chars": len(text)}
        )
    return text


def question_ask(
    *,
    user: User,
    collection: Collection,
    message: str,
    session: ChatSession | None = None,
    client_id: str = "",
    origin: str = "",
    given: Given | None = None,
) -> tuple[ChatSession, Message, Message]:
    """Store a question and the empty answer to it, both or neither, before anything else happens.

    The question goes below the message that the conversation is shown up to; then the answer is shown.

    Args:
        session: where to ask; None begins a conversation whose title is the question.
        client_id: the client's own name for the question, handed back to it; one question per user has it.
        origin: channel name of the asking socket, which needs no hint about its own question.
        given: for a new session; see `session_create`.

    Returns:
        The session, the question, and the answer (status `streaming`, no content yet).

    Raises:
        VerbatimError: MESSAGE_EMPTY, MESSAGE_TOO_LONG, SESSION_BUSY, MESSAGE_RATE_EXCEEDED,
            TOKEN_QUOTA_EXCEEDED.
        AskedBefore: it arrived twice; see `selectors.question_asked`. Nothing was stored.
    """
    text = message_check(message)
    with transaction.atomic():
        if session is None:
            session = session_create(user=user, collection=collection, given=given)
        else:
            session = session_locked(session)
        question = question_store(session, session.head_id, text, storable(client_id))
        answer = answer_open(session, question)
        title = session.title or one_line(plain(text) or text, TITLE_CHARS)
        session_touch(session, head=answer, title=title)
        session_hint(session, origin=origin)
    return session, question, answer


def question_store(session: ChatSession, parent_id: int | None, text: str, client_id: str) -> Message:
    """A question below a message of a locked session. Raises AskedBefore, which ends the transaction."""
    try:
        return Message.objects.create(
            session=session,
            parent_id=parent_id,
            role=MessageRole.USER,
            content=text,
            client_id=client_id,
            asked_by_id=session.user_id if client_id else None,
            completed_at=timezone.now(),
        )
    except IntegrityError as error:
        if CLIENT_ID_ONCE in str(error):
            raise AskedBefore from error
        raise


def answer_open(session: ChatSession, question: Message, **fields: Any) -> Message:
    """A new answer in a locked session, entered into the ledger. All that asks for an answer passes here.

    Raises:
        VerbatimError: SESSION_BUSY while another one is open, MESSAGE_RATE_EXCEEDED, TOKEN_QUOTA_EXCEEDED.
    """
    collection = session.collection
    try:
        answer = Message.objects.create(
            session=session,
            role=MessageRole.ASSISTANT,
            status=MessageStatus.STREAMING,
            parent=question,
            llm_provider=collection.llm_provider,
            llm_model_name=collection.llm_model_name,
            **fields,
        )
    except IntegrityError as error:
        if ONE_GENERATION in str(error):
            raise session_busy(session) from error
        raise
    usage_open(answer=answer, collection=collection)
    return answer


def session_busy(session: ChatSession) -> VerbatimError:
    """The refusal while a conversation is answering."""
    return VerbatimError(ErrorCode.SESSION_BUSY, details={"session_id": str(session.pk)})


def answer_sources_set(*, message_id: int, passages: Iterable[Passage], trace: dict[str, Any]) -> bool:
    """Bind the numbered passages and the trace of their retrieval to an answer, before any of its text.

    Returns:
        Whether the answer is there.
    """
    try:
        return _sources_insert(message_id, list(passages), trace)
    except IntegrityError:  # a document was deleted between the search and this
        return _sources_insert(message_id, list(passages), trace)


@transaction.atomic
def _sources_insert(message_id: int, passages: list[Passage], trace: dict[str, Any]) -> bool:
    session = ChatSession.objects.select_for_update(no_key=True).filter(messages=message_id)
    if not session.values_list("pk"):
        return False
    documents = Document.objects.filter(pk__in=[p.document_id for p in passages])
    bytes_of = dict(documents.values_list("pk", "sha256"))
    chunks = set(Chunk.objects.filter(pk__in=[p.chunk_id for p in passages]).values_list("pk", flat=True))
    sources = (
        MessageSource(
            message_id=message_id,
            marker=marker,
            chunk_id=passage.chunk_id if passage.chunk_id in chunks else None,
            document_id=passage.document_id if passage.document_id in bytes_of else None,
            document_name=passage.document_name[:255],
            # a chunk that is gone already may have been another version's; a computed passage has none
            document_sha256=bytes_of.get(passage.document_id, "")
            if passage.chunk_id in chunks or not passage.chunk_id
            else "",
            section=passage.section[:255],
            rows=list(passage.rows) if passage.rows else None,
            lines=list(passage.lines) if passage.lines else None,
            similarity_score=round(passage.similarity_score, 4),
            **{name: getattr(passage, name) for name in AS_THEY_ARE},
        )
        for marker, passage in enumerate(passages, 1)
    )
    # some are there when they were stored though nobody was told, because the connection broke
    MessageSource.objects.bulk_create(sources, ignore_conflicts=True)
    MessageTrace.objects.bulk_create(
        [MessageTrace(message_id=message_id, data=trace)],
        update_conflicts=True,
        unique_fields=["message"],
        update_fields=["data"],
    )
    return True


def answers_progress(*, contents: Mapping[int, str]) -> None:
    """Keep what has arrived of running answers so far, in one statement.

    A row that somebody holds, as one who deletes chats does, is left for the next time: who waits while he
    holds others could wait for ever.

    Args:
        contents: message id -> text.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH new AS (SELECT * FROM unnest(%s::bigint[], %s::text[]) AS new (id, content)),"
            " free AS (SELECT id FROM chat_message WHERE id IN (SELECT id FROM new) AND status = ANY(%s)"
            "           FOR NO KEY UPDATE SKIP LOCKED)"
            " UPDATE chat_message SET content = new.content FROM new JOIN free USING (id)"
            " WHERE chat_message.id = new.id",
            [list(contents), [storable(content) for content in contents.values()], [*OPEN]],
        )


def answer_finish(*, message_id: int, result: AnswerResult) -> Message | None:
    """Store an answer whole: text, status, usage, sources and trace in one transaction.

    An answer that was taken for dead and marked `interrupted` is completed all the same, and one that ends
    without a text keeps the one it has: it was to go on from that (but see `replaces`). What it cost is
    entered first and by itself, since that holds also when the answer is gone.

    Returns:
        The message with its sources, also when it was stored before though nobody was told; or None when it
        is gone (its session was deleted meanwhile).
    """
    usage_settle(message_id=message_id, spent=result.spent)
    text = storable(result.content)
    with transaction.atomic():
        # its session first, as who asks or deletes takes them: the other way round they wait for each other
        ChatSession.objects.select_for_update(of=("self",), no_key=True).filter(messages=message_id).first()
        changed = Message.objects.filter(pk=message_id, status__in=OPEN).update(
            status=result.status,
            **({"content": text} if text or result.replaces else {}),
            finish_reason=result.finish_reason,
            usage=result.usage,
            error_code=str(result.error.code) if result.error else "",
            error_message=storable(result.error.message) if result.error else "",
            error_next_step=storable(result.error.next_step) if result.error else "",
            completed_at=timezone.now(),
        )
        whole = messages_with_details(Message.objects.select_related("session")).filter(pk=message_id)
        if not changed:
            return whole.first()
        sources = list(MessageSource.objects.filter(message_id=message_id))
        for source in sources:
            source.cited = source.marker in result.cited
            source.likely = source.marker in result.likely
            source.supported = result.supported.get(source.marker)
        MessageSource.objects.bulk_update(sources, ["cited", "likely", "supported"])
        trace, _ = MessageTrace.objects.get_or_create(message_id=message_id)
        trace.data = trace.data | result.trace
        trace.save(update_fields=["data"])
        message = whole.get()
        session_touch(message.session)
        session_hint(message.session, message_id=message_id)
    return message


def answers_interrupt(*, message_ids: Iterable[int]) -> int:
    """Close answers whose process is gone; what had arrived stays.

    Returns:
        How many were still open.
    """
    refusal = VerbatimError(ErrorCode.INTERRUPTED)
    closed = 0
    for message_id in message_ids:
        with transaction.atomic():
            changed = Message.objects.filter(pk=message_id, status=MessageStatus.STREAMING).update(
                status=MessageStatus.INTERRUPTED,
                finish_reason="error",
                error_code=str(refusal.code),
                error_message=refusal.message,
                error_next_step=refusal.next_step,
                completed_at=timezone.now(),
            )
            if changed:
                closed += 1
                _settle_lost(message_id)
                session_hint(ChatSession.objects.get(messages=message_id), message_id=message_id)
    return closed


def _settle_lost(message_id: int) -> None:
    data = MessageTrace.objects.filter(message_id=message_id).values_list("data", flat=True).first() or {}
    answer = Message.objects.get(pk=message_id)
    begun = data.get("continued", {}).get("chars", 0)  # written before, for another
    spent = int(data.get("prompt", {}).get("tokens", 0))
    usage_settle_lost(answer=answer, prompt_tokens=spent, written=answer.content[begun:])


def feedback_set(*, answer: Message, rating: str, comment: str = "") -> Feedback:
    """Record what the reader thinks of an answer; a second opinion replaces the first."""
    feedback, _ = Feedback.objects.update_or_create(
        message=answer, defaults={"rating": rating, "comment": storable(comment)}
    )
    return feedback


def session_locked(session: ChatSession) -> ChatSession:
    """The session's row as it is now, held until the transaction ends; NOT_FOUND once it is deleted.

    Its owner's row is held too: taken later, it could wait for a deletion that waits for the session.
    """
    user = asker_locked(session.user_id)
    rows = ChatSession.objects.select_for_update(of=("self",)).select_related("collection")
    locked = rows.filter(pk=session.pk).first()
    if locked is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    locked.user = user
    return locked


def session_touch(session: ChatSession, **changes: Any) -> None:
    """Something was said in it."""
    session.updated_at = timezone.now()
    for name, value in changes.items():
        setattr(session, name, value)
    session.save(update_fields=["updated_at", *changes])


def sessions_changed(*, user_id: int) -> None:
    """Tell a user's open pages that their lists of chats are not what they were."""
    events.publish(events.user_group(user_id), "session.changed", session_id=None, origin="", message_id=None)


def session_hint(session: ChatSession, *, origin: str = "", message_id: int | None = None) -> None:
    """Tell its user's other sockets that it changed."""
    events.publish(
        events.user_group(session.user_id),
        "session.changed",
        session_id=str(session.pk),
        origin=origin,
        message_id=message_id,
    )
