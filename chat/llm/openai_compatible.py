"""The OpenAI protocol: OpenAI, custom servers (vLLM, LM Studio, OpenRouter, ...), the built-in llama.cpp."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from typing import Any

from chat.llm import calls, errors
from chat.llm.base import (
    Finished,
    FinishReason,
    LLMConfig,
    LLMEvent,
    LLMRequest,
    ReasoningDelta,
    TextDelta,
)
from chat.llm.streaming import EventDecoder, count_of, dict_of, list_of, parse_object, text_of
from config.errors import ErrorCode, PermanentError

QUIRKS_KEPT = 256
NO_TEMPERATURE, COMPLETION_TOKENS, NO_STREAM_OPTIONS = (
    "temperature",
    "max_completion_tokens",
    "stream_options",
)

# what the models behind (base URL, name) were found to refuse, so that only the first question pays for it
_quirks: OrderedDict[tuple[str, str], frozenset[str]] = OrderedDict()


class OpenAICompatibleLLM:
    """`POST {base}/chat/completions` as server-sent events."""

    def __init__(self, config: LLMConfig) -> None:
        self.config = config
        self._base = calls.base_of(config, "/chat/completions")

    def stream(self, request: LLMRequest) -> AsyncIterator[LLMEvent]:
        """See `base.LLM`."""
        return calls.generate(
            calls.Call(
                config=self.config,
                url=f"{self._base}/chat/completions",
                headers=calls.bearer(self.config),
                body=lambda: self._body(request),
                parser=lambda: OpenAIParser(self.config),
                adjust=self._adjust,
                models=self.models,
            )
        )

    async def models(self) -> list[str]:
        """See `base.LLM`."""
        listing = await calls.fetch_json(self.config, f"{self._base}/models", calls.bearer(self.config))
        return sorted(filter(None, (text_of(dict_of(one).get("id")) for one in list_of(listing.get("data")))))

    def _body(self, request: LLMRequest) -> dict[str, Any]:
        quirks = _quirks.get(self._key, frozenset())
        body: dict[str, Any] = {
            "model": self.config.model,
            "messages": [{"role": one.role, "content": one.content} for one in request.messages],
            "stream": True,
        }
        body["max_completion_tokens" if COMPLETION_TOKENS in quirks else "max_tokens"] = request.max_tokens
        if NO_TEMPERATURE not in quirks:
            body["temperature"] = request.temperature
        if NO_STREAM_OPTIONS not in quirks:
            body["stream_options"] = {"include_usage": True}
        return body

    def _adjust(self, status: int, text: str) -> bool:
        """Learn from a refusal that names a parameter."""
        if status not in (400, 422):
            return False
        known = _quirks.get(self._key, frozenset())
        # the order matters: the sentence about max_tokens may name others as examples
        for quirk in (COMPLETION_TOKENS, NO_STREAM_OPTIONS, NO_TEMPERATURE):
            if quirk in text and quirk not in known:
                _quirks[self._key] = known | {quirk}
                while len(_quirks) > QUIRKS_KEPT:
                    _quirks.popitem(last=False)
                return True
        return False

    @property
    def _key(self) -> tuple[str, str]:
        return (self._base, self.config.model)


class OpenAIParser:
    """Reads `chat.completion.chunk` objects."""

    def __init__(self, config: LLMConfig) -> None:
        self._config = config
        self._events = EventDecoder()
        self._reason: FinishReason = "stop"
        self._usage: dict[str, Any] = {}
        self.finished = False
        self.done = False

    def feed(self, line: str) -> Iterator[LLMEvent]:
        """See `calls.Parser`."""
        for data in self._events.feed(line):
            if data.strip() == "[DONE]":
                self.finished = self.done = True
                return
            yield from self._chunk(parse_object(data))

    def end(self) -> Finished | None:
        """See `calls.Parser`."""
        return Finished(self._reason, self._usage) if self.finished else None

    def _chunk(self, chunk: dict[str, Any]) -> Iterator[LLMEvent]:
        if chunk.get("error"):
            raise errors.from_error_object(self._config, chunk["error"])
        for name in ("prompt_tokens", "completion_tokens"):
            count = count_of(dict_of(chunk.get("usage")).get(name))
            if count is not None:
                self._usage[name] = count
        for choice in map(dict_of, list_of(chunk.get("choices"))[:1]):
            delta = dict_of(choice.get("delta"))
            reasoning = text_of(delta.get("reasoning_content")) or text_of(delta.get("reasoning"))
            if reasoning:
                yield ReasoningDelta(reasoning)
            yield from _content(delta.get("content"))
            reason = choice.get("finish_reason")
            if reason:
                self.finished = True
                self._reason = "length" if reason == "length" else "stop"
            if reason == "content_filter":
                raise PermanentError(ErrorCode.LLM_REFUSED, "The provider's content filter ended the answer.")


def _content(content: Any) -> Iterator[LLMEvent]:
    """Plain text, or (Mistral's reasoning models) a list of typed parts."""
    if text := text_of(content):
        yield TextDelta(text)
    for part in map(dict_of, list_of(content)):
        if part.get("type") == "thinking":
            thought = "".join(text_of(dict_of(one).get("text")) for one in list_of(part.get("thinking")))
            if thought:
                yield ReasoningDelta(thought)
        elif text := text_of(part.get("text")):
            yield TextDelta(text)
