"""Anthropic's Messages API: the system prompt apart, events that each name their type."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from chat.llm import calls, statuses
from chat.llm.base import (
    ChatMessage,
    Finished,
    LLMConfig,
    LLMEvent,
    LLMRequest,
    ReasoningDelta,
    TextDelta,
)
from chat.llm.quirks import quirks
from chat.llm.streaming import EventDecoder, count_of, dict_of, list_of, parse_object, text_of
from config.errors import ErrorCode, PermanentError

API_VERSION = "2023-06-01"
MAX_TEMPERATURE = 1.0
LENGTH_REASONS = ("max_tokens", "model_context_window_exceeded")

NO_TEMPERATURE = "temperature"


class AnthropicLLM:
    """`POST {base}/v1/messages` as server-sent events."""

    def __init__(self, config: LLMConfig) -> None:
        self.config = config
        self._base = calls.base_of(config, "/messages", "/v1")

    def stream(self, request: LLMRequest) -> AsyncIterator[LLMEvent]:
        """See `base.LLM`."""
        return calls.generate(
            calls.Call(
                config=self.config,
                url=f"{self._base}/v1/messages",
                headers=self._headers(),
                body=lambda: self._body(request),
                parser=lambda: AnthropicParser(self.config),
                adjust=self._adjust,
                models=self.models,
                pause=request.pause,
            )
        )

    async def models(self) -> list[str]:
        """See `base.LLM`."""
        url = f"{self._base}/v1/models?limit=100"
        listing = await calls.fetch_json(self.config, url, self._headers())
        return sorted(filter(None, (text_of(dict_of(one).get("id")) for one in list_of(listing.get("data")))))

    async def tokens(self, messages: Sequence[ChatMessage]) -> int | None:
        """See `base.LLM`."""
        return None

    async def window(self) -> int | None:
        """See `base.LLM`."""
        url = f"{self._base}/v1/models/{quote(self.config.model, safe='')}"
        about = await calls.fetch_json(self.config, url, self._headers())
        return count_of(about.get("max_input_tokens")) or None

    def _headers(self) -> dict[str, str]:
        key = calls.checked_key(self.config)
        return {"anthropic-version": API_VERSION} | ({"x-api-key": key} if key else {})

    def _body(self, request: LLMRequest) -> dict[str, Any]:
        system = "\n\n".join(one.content for one in request.messages if one.role == "system")
        turns = [
            {"role": one.role, "content": one.content} for one in request.messages if one.role != "system"
        ]
        while turns and turns[0]["role"] == "assistant":
            turns.pop(0)  # the API wants the user to begin
        body: dict[str, Any] = {
            "model": self.config.model,
            "max_tokens": request.max_tokens,
            "messages": turns,
            "stream": True,
        }
        if system:
            body["system"] = system
        if NO_TEMPERATURE not in quirks.of(self._key):  # never top_p beside it: several models take but one
            body["temperature"] = min(request.temperature, MAX_TEMPERATURE)
        return body

    def _adjust(self, status: int, said: str) -> bool:
        """Newer models refuse `temperature`."""
        if status != 400 or NO_TEMPERATURE not in said or NO_TEMPERATURE in quirks.of(self._key):
            return False
        quirks.learn(self._key, NO_TEMPERATURE)
        return True

    @property
    def _key(self) -> tuple[str, str]:
        return (self._base, self.config.model)


class AnthropicParser:
    """Reads message_start, content_block_delta, message_delta, message_stop, error."""

    def __init__(self, config: LLMConfig) -> None:
        self._config = config
        self._events = EventDecoder()
        self._reason = ""
        self._usage: dict[str, Any] = {}
        self.finished = False
        self.done = False

    def feed(self, line: str) -> Iterator[LLMEvent]:
        """See `calls.Parser`."""
        for data in self._events.feed(line):
            yield from self._event(parse_object(data))

    def end(self) -> Finished | None:
        """See `calls.Parser`."""
        if not self.finished:
            return None
        return Finished("length" if self._reason in LENGTH_REASONS else "stop", self._usage)

    def _event(self, event: dict[str, Any]) -> Iterator[LLMEvent]:
        kind = event.get("type")
        delta = dict_of(event.get("delta"))
        if kind == "error":
            raise statuses.from_error_object(self._config, event.get("error"))
        if kind == "message_start":
            self._count(dict_of(event.get("message")).get("usage"))
        elif kind == "content_block_start":
            yield from _block(dict_of(event.get("content_block")))
        elif kind == "content_block_delta":
            yield from _block(delta)
        elif kind == "message_delta":
            self._count(event.get("usage"))
            self._stop(text_of(delta.get("stop_reason")))
        elif kind == "message_stop":
            self.finished = self.done = True
        elif kind == "message":  # whole: the server did not stream
            self._count(event.get("usage"))
            for block in map(dict_of, list_of(event.get("content"))):
                yield from _block(block)
            self._stop(text_of(event.get("stop_reason")))
            self.finished = self.done = True

    def _stop(self, reason: str) -> None:
        if reason:
            self._reason = reason
            self.finished = True
        if reason == "refusal":
            raise PermanentError(ErrorCode.LLM_DECLINED)

    def _count(self, usage: Any) -> None:
        for ours, theirs in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")):
            count = count_of(dict_of(usage).get(theirs))
            if count is not None:
                self._usage[ours] = count


def _block(block: dict[str, Any]) -> Iterator[LLMEvent]:
    """A block of content, or a piece of one."""
    if thinking := text_of(block.get("thinking")):
        yield ReasoningDelta(thinking)
    if text := text_of(block.get("text")):
        yield TextDelta(text)
