"""What makes a conversation branch: questions in other words, answers anew or continued, choices."""

from typing import Any

from django.db import IntegrityError, transaction

from chat import selectors, tree
from chat.models import ChatSession, Message, MessageSource, MessageStatus, MessageTrace
from chat.services import (
    answer_open,
    message_check,
    question_store,
    session_busy,
    session_hint,
    session_locked,
    session_touch,
)
from chat.text import storable
from collections_app.models import Provider
from config.errors import ErrorCode, VerbatimError

# What a trace tells of the text and how it was written; the rest is about retrieval.
OF_THE_TEXT = ("sentences", "general_parts", "refused", "ours_from", "ms", "prompt", "reasoning_chars")


def question_edit(
    *, question: Message, message: str, client_id: str = "", origin: str = ""
) -> tuple[ChatSession, Message, Message]:
    """Ask a question in other words: another version of it, with an answer of its own, which is shown then.

    The question as it was asked, and everything below it, stays beside it.

    Args and Returns:
        As `question_ask`.

    Raises:
        VerbatimError: MESSAGE_EMPTY, MESSAGE_TOO_LONG, and what `services.answer_open` raises.
        AskedBefore: as `question_ask`.
    """
    text = message_check(message)
    with transaction.atomic():
        session = session_locked(question.session)
        new = question_store(session, question.parent_id, text, storable(client_id))
        answer = answer_open(session, new)
        session_touch(session, head=answer)
        session_hint(session, origin=origin)
    return session, new, answer


def answer_regenerate(*, answer: Message, origin: str = "") -> tuple[ChatSession, Message, Message]:
    """Open another version of an answer, which is shown then; the older one stays beside it.

    Raises:
        VerbatimError: NOT_FOUND, and what `services.answer_open` raises.
    """
    question = answer.parent
    if question is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    with transaction.atomic():
        session = session_locked(answer.session)
        new = answer_open(session, question)
        session_touch(session, head=new)
        session_hint(session, origin=origin)
    return session, question, new


def answer_continue(*, answer: Message, origin: str = "") -> tuple[ChatSession, Message, Message]:
    """Open an answer that goes on where another one ended early, and takes its place.

    It begins with the other's text, and has its passages under the same numbers: nothing is searched for.

    Raises:
        VerbatimError: CANNOT_CONTINUE, and what `services.answer_open` raises.
    """
    try:
        return _continue(answer, origin)
    except IntegrityError:  # a document was deleted while its passages were copied
        return _continue(answer, origin)


@transaction.atomic
def _continue(answer: Message, origin: str) -> tuple[ChatSession, Message, Message]:
    session = session_locked(answer.session)
    old = session.messages.filter(pk=answer.pk).select_related("parent").first()
    if old is None or old.parent is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    if old.status == MessageStatus.STREAMING:
        raise session_busy(session)
    trace = selectors.trace_of(old)
    has_llm = session.collection.llm_provider != Provider.EXTRACTIVE
    if not (has_llm and selectors.can_continue(old)):
        raise VerbatimError(ErrorCode.CANNOT_CONTINUE)
    written = old.content[: trace.get("ours_from")].rstrip()
    new = answer_open(session, old.parent, content=written, continues=old)
    _passages_copy(old, new)
    kept: dict[str, Any] = {name: value for name, value in trace.items() if name not in OF_THE_TEXT}
    continued = {"from": old.pk, "chars": len(written)}
    MessageTrace.objects.create(message=new, data=kept | {"continued": continued})
    session_touch(session, head=new)
    session_hint(session, origin=origin)
    return session, old.parent, new


@transaction.atomic
def continuation_prompt_set(*, message_id: int, prompt: dict[str, Any]) -> None:
    """Record in the trace of an answer that goes on what its LLM is about to be asked; nothing if it is gone.

    Args:
        prompt: as `FittedPrompt.traced` tells it.
    """
    # its session is held as by who stores the answer's end, which may come at the same time if it is stopped
    ChatSession.objects.select_for_update(of=("self",), no_key=True).filter(messages=message_id).first()
    trace = MessageTrace.objects.filter(message_id=message_id).first()
    if trace is not None:
        trace.data = trace.data | {"prompt": prompt}
        trace.save(update_fields=["data"])


def _passages_copy(old: Message, new: Message) -> None:
    copies = list(old.sources.all())
    for source in copies:
        source.pk, source.message = None, new
        source.cited = source.likely = False
        source.supported = None
    MessageSource.objects.bulk_create(copies)


def branch_choose(*, session: ChatSession, message_id: int) -> ChatSession:
    """Show the branch that leads through a message: down to the newest message below it.

    Raises:
        VerbatimError: NOT_FOUND for a message of another session, SESSION_BUSY while this one is answering.
    """
    with transaction.atomic():
        session = session_locked(session)
        message = session.messages.filter(pk=message_id).first()
        if message is None:
            raise VerbatimError(ErrorCode.NOT_FOUND)
        if session.messages.filter(status=MessageStatus.STREAMING).exists():
            raise session_busy(session)
        session.head_id = tree.newest_leaf(message)
        session.save(update_fields=["head"])
        session_hint(session)
    return session
