"""A chat completion as it is asked for: what is honoured, what is ignored and said to be, what is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from chat.given import Given
from chat.llm.base import ChatMessage
from chat.openai_api.footnotes import without_footnotes
from config.errors import ErrorCode, VerbatimError

# What would change the answer's shape, so that ignoring it would break the client. True: refuse this value.
REFUSED: dict[str, Callable[[Any], bool]] = {
    "n": lambda value: value not in (None, 1),
    "tools": bool,
    "tool_choice": lambda value: value not in (None, "none", "auto"),
    "functions": bool,
    "function_call": lambda value: value not in (None, "none", "auto"),
    "logprobs": bool,
    "top_logprobs": bool,
    "audio": bool,
    "modalities": lambda value: value not in (None, ["text"]),
    "response_format": lambda value: value is not None and value != {"type": "text"},
    "web_search_options": lambda value: value is not None,
}
INSTRUCTIONS = ("system", "developer")


@dataclass(frozen=True)
class ChatRequest:
    """A request that can be answered.

    Attributes:
        model: as the client names it.
        ignored: what it sent that has no effect here, to be told to it.
    """

    model: str
    question: str
    given: Given
    stream: bool
    include_usage: bool
    ignored: tuple[str, ...]


class StreamOptionsInput(serializers.Serializer):
    include_usage = serializers.BooleanField(required=False, allow_null=True, default=False)


class ChatCompletionInput(serializers.Serializer):
    """The parameters that have an effect; others are ignored or refused, see the API's description."""

    model = serializers.CharField(max_length=200, help_text="A model's name or id; `GET /v1/models`.")
    messages = serializers.ListField(
        child=serializers.DictField(),
        allow_empty=False,
        max_length=2000,
        help_text="The whole conversation, each `{role, content}`; the last one is the question.",
    )
    stream = serializers.BooleanField(required=False, allow_null=True, default=False)
    stream_options = StreamOptionsInput(required=False, allow_null=True, default=None)
    max_tokens = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    max_completion_tokens = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1
    )


def parse(body: Any) -> ChatRequest:
    """The request, checked.

    Raises:
        ValidationError: a parameter of a wrong type.
        VerbatimError: UNSUPPORTED_PARAMETER for what cannot be done here; VALIDATION_ERROR for messages that
            make no question.
    """
    given = ChatCompletionInput(data=body)
    given.is_valid(raise_exception=True)
    for name, refuses in REFUSED.items():
        if refuses(body.get(name)):
            raise _unsupported(name)
    data = given.validated_data
    turns = [_turn(message, f"messages[{at}]") for at, message in enumerate(data["messages"])]
    if turns[-1].role != "user":
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"messages": ["The last message must be the user's."]}
        )
    limits = [limit for limit in (data["max_tokens"], data["max_completion_tokens"]) if limit is not None]
    options = data["stream_options"] or {}
    return ChatRequest(
        model=data["model"],
        question=turns[-1].content,
        given=Given(_answered(turns[:-1]), min(limits, default=None)),
        stream=bool(data["stream"]),
        include_usage=bool(options.get("include_usage")),
        ignored=(*_without_effect(body), *_instructions(turns)),
    )


def _without_effect(body: Mapping[str, Any]) -> list[str]:
    known = {*ChatCompletionInput().fields, *REFUSED}
    return sorted(str(name)[:100] for name, value in body.items() if name not in known and value is not None)


def _instructions(turns: list[ChatMessage]) -> list[str]:
    """The collection's own instructions are its admin's: a client adds none to them, and overrides none."""
    return [f"messages[{at}]" for at, turn in enumerate(turns) if turn.role == "system"]


def _turn(message: dict[str, Any], place: str) -> ChatMessage:
    role = message.get("role")
    text = _text(message.get("content"), f"{place}.content")
    if role in INSTRUCTIONS:
        return ChatMessage("system", text)
    if role == "assistant" and not message.get("tool_calls"):
        return ChatMessage("assistant", without_footnotes(text))
    if role == "user":
        return ChatMessage("user", text)
    raise _unsupported(f"{place}.tool_calls" if role == "assistant" else f"{place}.role")


def _text(content: Any, place: str) -> str:
    """A text, or a list of parts that are all text."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={place: ["It must be a text or a list of texts."]}
        )
    texts = []
    for at, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get("text") if kind == "text" else None
        if not isinstance(text, str):
            raise _unsupported(f"{place}[{at}]" + (".type" if kind != "text" else ".text"))
        texts.append(text)
    return "\n".join(texts)


def _answered(turns: list[ChatMessage]) -> tuple[ChatMessage, ...]:
    """Questions that have an answer, each with it, as the history of our own chats is read."""
    kept: list[ChatMessage] = []
    asked: ChatMessage | None = None
    for turn in turns:
        if turn.role == "user":
            asked = turn
        elif turn.role == "assistant" and asked is not None and turn.content.strip():
            kept += [asked, turn]
            asked = None
    return tuple(kept)


def _unsupported(name: str) -> VerbatimError:
    return VerbatimError(ErrorCode.UNSUPPORTED_PARAMETER, details={name: ["This cannot be done here."]})
