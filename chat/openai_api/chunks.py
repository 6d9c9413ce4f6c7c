"""An answer in the protocol's objects: one completion, or the chunks of a stream."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chat.engine.runs import Started
from chat.openai_api.errors import as_error
from chat.openai_api.footnotes import Harmless, footnotes, harmless
from chat.openai_api.requests import ChatRequest
from config.errors import ErrorCode, VerbatimError

DONE = b"data: [DONE]\n\n"
PAUSE = b": waiting\n\n"  # a comment, which no client takes for data
APART = "\n\n"  # between shown reasoning and the answer
ABOUT = ("searched_for", "uncited", "general_knowledge")


@dataclass
class Writer:
    """Writes one answer.

    Args:
        started: the answer that was begun.
        asked: how it was asked for.
        model: the collection's public id.
    """

    started: Started
    asked: ChatRequest
    model: str
    created: int = field(default_factory=lambda: int(time.time()))
    _text: Harmless = field(default_factory=Harmless)
    _has_spoken: bool = False
    _gap: str = ""  # before the text to come

    def completion(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The whole answer at once.

        Args:
            answer: `content`, `sources`, `finish_reason`, `usage` and the facts of the contract.
        """
        text = harmless(answer["content"]) + footnotes(answer)
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": _reason(answer), "logprobs": None}
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": _usage(answer),
            **self._beside(answer),
        }

    def first(self) -> bytes:
        """The chunk that opens the stream."""
        return self._event(self._chunk({"role": "assistant", "content": ""}))

    def chunks(self, frame: dict[str, Any]) -> Iterator[bytes]:
        """What a frame of the socket's protocol becomes here; nothing for most."""
        if frame["type"] == "stream_chunk":
            yield from self._say(self._text.feed(frame["content"]))
        elif frame["type"] == "state" and frame.get("reset"):
            self._begin_again()
        elif frame["type"] == "stream_end":
            yield from self._say(self._text.flush() + footnotes(frame))
            yield self._event(self._chunk({}, finish_reason=_reason(frame)) | self._beside(frame))
            if self.asked.include_usage:
                usage = _usage(frame)
                yield self._event(self._head("chat.completion.chunk") | {"choices": [], "usage": usage})
            yield DONE

    def _say(self, text: str) -> Iterator[bytes]:
        if text:
            yield self._event(self._chunk({"content": self._gap + text}))
            self._has_spoken, self._gap = True, ""

    def _begin_again(self) -> None:
        """The text so far was reasoning; what was sent of it stays, and the answer stands apart from it."""
        self._text = Harmless()
        self._gap = APART if self._has_spoken else ""

    @staticmethod
    def error(refusal: VerbatimError) -> bytes:
        """The event that ends a stream that cannot go on; clients raise it as an APIError."""
        return Writer._event({"error": as_error(refusal.as_dict(), status=refusal.status)})

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        usage = {"usage": None} if self.asked.include_usage else {}
        return self._head("chat.completion.chunk") | {"choices": [choice]} | usage

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.started.message_id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
        }

    def _beside(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What the protocol has no place for."""
        return {
            "sources": answer["sources"],
            "verbatim": {
                "session_id": str(self.started.session_id),
                "message_id": self.started.message_id,
                "ignored": list(self.asked.ignored),
                **{name: answer[name] for name in ABOUT if name in answer},
            },
        }

    @staticmethod
    def _event(data: dict[str, Any]) -> bytes:
        return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def refusal_in(frame: dict[str, Any]) -> VerbatimError:
    """The refusal that an `error` frame tells of."""
    return VerbatimError(ErrorCode(frame["code"]), frame["message"], details=frame.get("details"))


def _reason(answer: dict[str, Any]) -> str:
    """`stop` also where its reader stopped it from a page: what there is, is all there will be."""
    return "length" if answer["finish_reason"] == "length" else "stop"


def _usage(answer: dict[str, Any]) -> dict[str, int]:
    """As the LLM counted; zeros where none was asked, or it did not say."""
    asked, written = (int(answer["usage"].get(f"{one}_tokens") or 0) for one in ("prompt", "completion"))
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}
