"""The reader's side of an answer: replay from any frame, follow to the end, whatever the writer suffers."""

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator

from accounts.models import User
from chat import selectors, tree
from chat.engine import repair, stream_log
from chat.engine.threads import in_thread
from chat.models import Message, MessageStatus
from chat.protocol import ServerFrame, error_frame, question_fields
from chat.rendering import render_markdown
from config.errors import ErrorCode, VerbatimError

log = logging.getLogger(__name__)

WAIT_MS = 1000
RETRY_SECONDS = 0.5


async def follow(message_id: int, after_seq: int = 0) -> AsyncIterator[str]:
    """The frames of an answer after a sequence number, as JSON, until the last one.

    They come from memory where the answer is written in this process, else from Redis. When the log is gone
    (an hour after the end, or with Redis) the stored message makes the last frames.
    """
    seq, wait_ms = after_seq, None
    if (log_here := stream_log.written_here(message_id)) is not None:
        async for frame in log_here.follow(after_seq):
            yield frame.text
            if frame.last:
                return
            seq = frame.seq
    while True:
        frames, alive = await _look(message_id, seq, wait_ms)
        for frame in frames:
            yield frame.text
            if frame.last:
                return
            seq = frame.seq
        if not alive:
            stored = await in_thread(_stored_frames, message_id, seq)
            for text in stored:
                yield text
            if stored:
                return
        wait_ms = WAIT_MS


async def _look(message_id: int, seq: int, wait_ms: int | None) -> tuple[list[stream_log.LoggedFrame], bool]:
    """New frames, and whether more may come through the log. Slow, not wrong, while Redis is away."""
    try:
        frames = await stream_log.read(message_id, seq, wait_ms=wait_ms)
        return frames, bool(frames) or await stream_log.is_alive(message_id)
    except stream_log.REDIS_ERRORS as error:
        log.debug("answer %s cannot be followed: %s", message_id, error)
        await asyncio.sleep(RETRY_SECONDS)
        return [], False


async def resume_point(message: Message, after_seq: int) -> int:
    """The number to replay after: `after_seq`, or 0 when this answer never had so many frames.

    While it is written in another process, a reader may have seen more than Redis has yet.
    """
    if (log_here := stream_log.written_here(message.pk)) is not None:
        return after_seq if after_seq <= len(log_here.frames) else 0
    try:
        newest = await stream_log.last_seq(message.pk)
        if after_seq > newest and await stream_log.is_alive(message.pk):
            return after_seq
    except stream_log.REDIS_ERRORS:
        return after_seq
    return after_seq if after_seq <= newest or newest == 0 else 0


def answer_to_resume(user: User, session_id: uuid.UUID, message_id: int | None) -> tuple[Message, bool]:
    """The session's running or last answer, and whether it is the one that the client knows.

    Raises:
        VerbatimError: NOT_FOUND, or NOT_STREAMING when nothing was ever asked in this session.
    """
    session = selectors.session_for(user, session_id)
    answer = tree.newest_answer(session)
    if answer is None:
        raise VerbatimError(ErrorCode.NOT_STREAMING)
    return answer, message_id is None or message_id == answer.pk


def _stored_frames(message_id: int, after_seq: int) -> list[str]:
    """The last frames of an answer that is not being written any more; none while nobody knows that."""
    message = _stored(message_id)
    if message is not None and message.status == MessageStatus.STREAMING:
        if not repair.repair_session(message.session_id):
            return []
        message = _stored(message_id)
    if message is None:
        gone = error_frame(VerbatimError(ErrorCode.NOT_FOUND), message_id=message_id, seq=after_seq + 1)
        return [json.dumps(gone)]
    context = {"session_id": str(message.session_id), "message_id": message_id}
    if not selectors.has_access(message.session.user_id, message.session.collection_id):
        revoked = error_frame(VerbatimError(ErrorCode.ACCESS_REVOKED), **context, seq=after_seq + 1)
        return [json.dumps(revoked)]
    frames: list[ServerFrame] = []
    if after_seq == 0 and message.parent is not None:
        frames.append({"type": "user_message", **question_fields(message.parent)})
    if (refusal := selectors.refusal_of(message)) is not None:
        frames.append(error_frame(refusal))
    frames.append(
        {
            "type": "stream_end",
            "content": message.content,
            "html": render_markdown(message.content),
            "sources": selectors.shown_sources(message),
            **selectors.answer_facts(message),
            "finish_reason": message.finish_reason or "error",
            "usage": message.usage,
        }
    )
    frames.append({"type": "message_saved"})
    return [
        json.dumps(frame | context | {"seq": seq}, ensure_ascii=False)
        for seq, frame in enumerate(frames, after_seq + 1)
    ]


def _stored(message_id: int) -> Message | None:
    messages = Message.objects.filter(pk=message_id).select_related("session", "parent")
    return selectors.messages_with_details(messages).first()
