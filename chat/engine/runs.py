"""The generations of this process: started, stopped, ended at shutdown. The doors of every transport."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from accounts.models import User
from chat import branching, selectors, services
from chat.engine import repair, stop, stream_log
from chat.engine.answer import Generation
from chat.engine.threads import in_thread
from chat.given import Given
from chat.models import ChatSession, Message, MessageStatus
from chat.protocol import question_fields
from chat.text import storable
from collections_app import access
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from documents.retrieval.search import embed_ahead

log = logging.getLogger(__name__)

Turn = tuple[ChatSession, Message, Message]  # a question and its answer

_running: dict[int, tuple[Generation, asyncio.Task[None]]] = {}


@dataclass(frozen=True)
class Started:
    """A generation that has begun."""

    session_id: uuid.UUID
    question_id: int
    message_id: int


async def ask(
    *,
    user: User,
    model_id: int,
    message: str,
    session_id: uuid.UUID | None = None,
    client_id: str = "",
    origin: str = "",
    given: Given | None = None,
) -> Started:
    """Store a question and begin to answer it; one that arrives a second time has its answer already.

    Who leaves while it is being stored, finds it answered when he comes back; a program that keeps the
    conversation itself does not come back, and the answer is stopped.

    Args:
        client_id: the client's own name for the question. A client that does not know whether its question
            arrived sends it again with the same one, and is given the answer that was begun.
        given: what a client sends along that keeps the conversation itself.

    Raises:
        VerbatimError: NOT_FOUND for a model or session that the user may not use, VALIDATION_ERROR when the
            session belongs to another model, CLIENT_ID_REUSED when the id names another question, and what
            `services.question_ask` raises.
    """
    asked = _Asked(user, model_id, message, session_id, client_id, given)
    storing = _once(partial(_asked_before, asked), partial(_ask, asked, origin))
    if given is None:
        return await storing
    begun = asyncio.create_task(storing)
    try:
        return await asyncio.shield(begun)
    except asyncio.CancelledError:
        begun.add_done_callback(_leave_begun)
        raise


async def regenerate(*, user: User, message_id: int, origin: str = "") -> Started:
    """Answer the question of an older answer again.

    Raises:
        VerbatimError: NOT_FOUND, and what `branching.answer_regenerate` raises.
    """
    return await _begin(partial(_regenerate, user, message_id, origin), is_new=False)


async def go_on(*, user: User, message_id: int, origin: str = "") -> Started:
    """Go on with an answer that ended early.

    Raises:
        VerbatimError: NOT_FOUND, CANNOT_CONTINUE, SESSION_BUSY.
    """
    return await _begin(partial(_go_on, user, message_id, origin), is_new=False)


async def edit(
    *, user: User, message_id: int, message: str, client_id: str = "", origin: str = ""
) -> Started:
    """Store a question in other words beside the one there is, and begin to answer it; once, as `ask`.

    Raises:
        VerbatimError: NOT_FOUND, CLIENT_ID_REUSED, and what `branching.question_edit` raises.
    """
    edited = _Edited(user, message_id, message, client_id)
    return await _once(partial(_edited_before, edited), partial(_edit, edited, origin))


async def stop_answer(*, user: User, message_id: int) -> None:
    """Stop an answer, wherever it is being written.

    Raises:
        VerbatimError: NOT_FOUND, NOT_STREAMING, SERVICE_UNAVAILABLE when another process writes it and Redis
            is away.
    """
    answer = await in_thread(selectors.answer_for, user, message_id)
    if answer.status != MessageStatus.STREAMING:
        raise VerbatimError(ErrorCode.NOT_STREAMING)
    if message_id in _running:
        _running[message_id][0].stop()
        return
    try:
        await stop.ask(message_id)
    except stream_log.REDIS_ERRORS as error:
        raise VerbatimError(ErrorCode.SERVICE_UNAVAILABLE) from error


async def end_without_access(message_ids: list[int]) -> None:
    """End those answers, wherever they are written, that their reader may not read any more.

    Raises Redis' and the database's errors.
    """
    for message_id, reason in (await in_thread(selectors.answers_lost, message_ids)).items():
        if message_id in _running:
            _running[message_id][0].stop(reason)
        else:
            await stop.ask(message_id, reason)


def _leave_begun(begun: asyncio.Task[Started]) -> None:
    if not begun.cancelled() and begun.exception() is None:
        leave(begun.result().message_id)


def leave(message_id: int) -> None:
    """Stop an answer that this process writes, because its only reader has gone; one that has ended stays."""
    if message_id in _running:
        _running[message_id][0].stop()


async def shutdown(seconds: float = 10) -> None:
    """Mark what is still being written as interrupted, with what has arrived; wait until that is stored."""
    tasks = []
    for generation, task in list(_running.values()):
        generation.stop(ErrorCode.INTERRUPTED)
        tasks.append(task)
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=seconds)
        if late:
            log.error("%d answers could not be closed in time; their heartbeat will tell", len(late))


def require_same_model(session: ChatSession, collection: Collection) -> None:
    """Let a session pass that belongs to the model it is used with.

    Raises:
        VerbatimError: VALIDATION_ERROR.
    """
    if session.collection_id != collection.pk:
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"model_id": ["This chat belongs to another model."]}
        )


@dataclass(frozen=True)
class _Asked:
    """A question as it came in."""

    user: User
    model_id: int
    message: str
    session_id: uuid.UUID | None
    client_id: str
    given: Given | None


def _asked_before(asked: _Asked) -> Started | None:
    """The answer that was begun when this question came first."""
    known = selectors.question_asked(asked.user, asked.client_id)
    if known is None:
        return None
    session, question, answer = known
    same = question.content == storable(asked.message).strip() and session.collection_id == asked.model_id
    if not same or asked.session_id not in (None, session.pk):
        raise VerbatimError(ErrorCode.CLIENT_ID_REUSED)
    return Started(session.pk, question.pk, answer.pk)


def _ask(asked: _Asked, origin: str) -> Turn:
    collection = access.get_for(asked.user, asked.model_id)
    session = selectors.session_for(asked.user, asked.session_id) if asked.session_id is not None else None
    if session is not None:
        require_same_model(session, collection)
        repair.repair_session(session.pk)
    if not _follows(asked, session):  # that may be searched for in other words
        embed_ahead(collection, services.message_check(asked.message))
    return services.question_ask(
        user=asked.user,
        collection=collection,
        message=asked.message,
        session=session,
        client_id=asked.client_id,
        origin=origin,
        given=asked.given,
    )


def _follows(asked: _Asked, session: ChatSession | None) -> bool:
    """Whether something was said before the question."""
    told = asked.given is not None and bool(asked.given.history)
    return told or (session is not None and session.head_id is not None)


def _regenerate(user: User, message_id: int, origin: str) -> Turn:
    answer = selectors.answer_for(user, message_id)
    repair.repair_session(answer.session_id)
    return branching.answer_regenerate(answer=answer, origin=origin)


def _go_on(user: User, message_id: int, origin: str) -> Turn:
    answer = selectors.answer_for(user, message_id)
    repair.repair_session(answer.session_id)
    return branching.answer_continue(answer=answer, origin=origin)


@dataclass(frozen=True)
class _Edited:
    """A question in other words, as it came in."""

    user: User
    message_id: int
    message: str
    client_id: str


def _edited_before(edited: _Edited) -> Started | None:
    """The answer that was begun when this version of the question came first."""
    known = selectors.question_asked(edited.user, edited.client_id)
    if known is None:
        return None
    session, question, answer = known
    older = selectors.question_for(edited.user, edited.message_id)
    places = [(one.session_id, one.parent_id) for one in (question, older)]
    if question.content != storable(edited.message).strip() or places[0] != places[1]:
        raise VerbatimError(ErrorCode.CLIENT_ID_REUSED)
    return Started(session.pk, question.pk, answer.pk)


def _edit(edited: _Edited, origin: str) -> Turn:
    question = selectors.question_for(edited.user, edited.message_id)
    repair.repair_session(question.session_id)
    return branching.question_edit(
        question=question, message=edited.message, client_id=edited.client_id, origin=origin
    )


async def _once(before: Callable[[], Started | None], begin: Callable[[], Turn]) -> Started:
    """What was begun when the same came first, else begin it now."""

    def stored() -> Started | Turn:
        if (known := before()) is not None:
            return known
        try:
            return begin()
        except services.AskedBefore:
            known = before()
        if known is None:  # its conversation was deleted in between
            raise VerbatimError(ErrorCode.NOT_FOUND)
        return known

    return await _begin(stored, is_new=True)


async def _begin(store: Callable[[], Started | Turn], *, is_new: bool) -> Started:
    """Store a turn and begin to answer it: both, also when who asked leaves while it is being stored."""

    async def both() -> Started:
        stored = await in_thread(store)
        return stored if isinstance(stored, Started) else _start(*stored, is_new=is_new)

    return await asyncio.shield(asyncio.create_task(both()))


def _start(session: ChatSession, question: Message, answer: Message, *, is_new: bool) -> Started:
    generation = Generation(answer, question=question_fields(question) if is_new else None)
    task = asyncio.create_task(generation.run(), name=f"answer-{answer.pk}")
    _running[answer.pk] = (generation, task)
    task.add_done_callback(lambda _: _running.pop(answer.pk, None))
    return Started(session.pk, question.pk, answer.pk)
