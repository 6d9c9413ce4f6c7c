"""The frames of /api/chat/ws, typed: what clients may say, and what they are told.

Server frames also travel as server-sent events (`chat.api.stream`) and through the stream log.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings

from chat.models import Message
from config.errors import ErrorCode, VerbatimError

BYTES_PER_CHAR = 12  # of JSON at most: what lies beyond 16 bits, escaped as two surrogates
BYTES_BESIDE_TEXT = 2048  # names, ids, client_id
MAX_ID = 2**63 - 1
MAX_CLIENT_ID_CHARS = 64

ServerFrame = dict[str, Any]


@dataclass(frozen=True)
class ChatFrame:
    """A question; without `session_id` it begins a conversation."""

    kind: ClassVar[str] = "chat"
    model_id: int
    message: str
    session_id: uuid.UUID | None
    client_id: str


@dataclass(frozen=True)
class StopFrame:
    """End the answer that is being written; what has arrived is kept."""

    kind: ClassVar[str] = "stop"
    message_id: int


@dataclass(frozen=True)
class ResumeFrame:
    """Replay a session's running or last answer after a sequence number, and follow it.

    With `message_id` the number counts only if that answer still is the last one; else all is replayed.
    """

    kind: ClassVar[str] = "resume"
    session_id: uuid.UUID
    after_seq: int
    message_id: int | None


@dataclass(frozen=True)
class RegenerateFrame:
    """Answer the same question again."""

    kind: ClassVar[str] = "regenerate"
    message_id: int


@dataclass(frozen=True)
class ContinueFrame:
    """Go on with an answer that ended early."""

    kind: ClassVar[str] = "continue"
    message_id: int


@dataclass(frozen=True)
class EditFrame:
    """A question in other words; `message_id` is that of the question as it was asked."""

    kind: ClassVar[str] = "edit"
    message_id: int
    message: str
    client_id: str


@dataclass(frozen=True)
class PingFrame:
    """Are you there?"""

    kind: ClassVar[str] = "ping"


ClientFrame = ChatFrame | StopFrame | ResumeFrame | RegenerateFrame | ContinueFrame | EditFrame | PingFrame


def max_frame_bytes() -> int:
    """How large a client's frame may be: the longest question fits, however it is written as JSON."""
    return BYTES_PER_CHAR * settings.MAX_MESSAGE_CHARS + BYTES_BESIDE_TEXT


def parse(text: str | None) -> ClientFrame:
    """The client's frame.

    Args:
        text: the frame as received; None stands for a binary one.

    Raises:
        VerbatimError: MALFORMED_FRAME (not JSON, too large, a field missing or of a wrong type),
            UNKNOWN_FRAME.
    """
    if text is None:
        raise _malformed("Binary frames are not understood.")
    most = max_frame_bytes()
    if len(text) > most or len(text.encode("utf-8", "replace")) > most:
        raise _malformed(f"The frame is larger than {most} bytes.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise _malformed("The frame is not JSON.") from None
    if not isinstance(data, dict):
        raise _malformed("The frame is not a JSON object.")
    kind = data.get("type")
    if not isinstance(kind, str):
        raise _malformed("The frame has no type.")
    match kind:
        case "chat":
            return ChatFrame(
                model_id=_id(data, "model_id"),
                message=_text(data, "message"),
                session_id=_uuid(data, "session_id") if data.get("session_id") is not None else None,
                client_id=_client_id(data),
            )
        case "stop":
            return StopFrame(_id(data, "message_id"))
        case "resume":
            return ResumeFrame(
                _uuid(data, "session_id"),
                _number(data, "after_seq") if "after_seq" in data else 0,
                _id(data, "message_id") if data.get("message_id") is not None else None,
            )
        case "regenerate":
            return RegenerateFrame(_id(data, "message_id"))
        case "continue":
            return ContinueFrame(_id(data, "message_id"))
        case "edit":
            return EditFrame(_id(data, "message_id"), _text(data, "message"), _client_id(data))
        case "ping":
            return PingFrame()
    raise VerbatimError(ErrorCode.UNKNOWN_FRAME)


def names_of(frame: ClientFrame) -> dict[str, Any]:
    """What the client called the things in its frame, for the refusal that answers it; else None.

    `refused` is the frame's type: what else goes wrong with an answer meanwhile is told without it.
    """
    session_id = getattr(frame, "session_id", None)
    return {
        "refused": frame.kind,
        "session_id": str(session_id) if session_id else None,
        "message_id": getattr(frame, "message_id", None),
        "client_id": getattr(frame, "client_id", None) or None,
    }


def error_fields(error: VerbatimError) -> dict[str, Any]:
    """The fields of an `error` frame; `details` is left out when there is nothing in it."""
    body = error.as_dict()
    fields = {"code": body["code"], "message": body["message"], "retryable": error.retryable}
    return fields | {"details": body["details"]} if body["details"] else fields


def error_frame(error: VerbatimError, **context: Any) -> ServerFrame:
    """A whole `error` frame, with what is known of refused, session_id, message_id, client_id and seq."""
    known = {key: value for key, value in context.items() if value is not None}
    return {"type": "error"} | error_fields(error) | known


def question_fields(question: Message) -> dict[str, Any]:
    """The fields of a `user_message` frame."""
    return {
        "message": {
            "id": question.pk,
            "session_id": str(question.session_id),
            "role": question.role,
            "parent": question.parent_id,
            "content": question.content,
            "created_at": question.created_at.isoformat().replace("+00:00", "Z"),
        },
        "client_id": question.client_id or None,
    }


def _malformed(message: str) -> VerbatimError:
    return VerbatimError(ErrorCode.MALFORMED_FRAME, message)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise _malformed(f"{name} must be a string.")
    return value


def _client_id(data: dict[str, Any]) -> str:
    value = _text(data, "client_id") if data.get("client_id") is not None else ""
    if len(value) > MAX_CLIENT_ID_CHARS:
        raise _malformed(f"client_id is longer than {MAX_CLIENT_ID_CHARS} characters.")
    return value


def _number(data: dict[str, Any], name: str, low: int = 0) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= MAX_ID:
        raise _malformed(f"{name} must be a whole number, at least {low}.")
    return value


def _id(data: dict[str, Any], name: str) -> int:
    return _number(data, name, low=1)


def _uuid(data: dict[str, Any], name: str) -> uuid.UUID:
    try:
        return uuid.UUID(_text(data, name))
    except ValueError:
        raise _malformed(f"{name} must be a UUID.") from None
