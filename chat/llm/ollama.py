"""Ollama's own protocol: only it can set the window (`num_ctx`); without that, prompts are cut silently."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from chat.llm import calls, errors, statuses
from chat.llm.base import (
    ChatMessage,
    Finished,
    FinishReason,
    LLMConfig,
    LLMEvent,
    LLMRequest,
    ReasoningDelta,
    TextDelta,
)
from chat.llm.streaming import ObjectDecoder, count_of, dict_of, parse_object, text_of


class OllamaLLM:
    """`POST {base}/api/chat` as newline-delimited JSON."""

    def __init__(self, config: LLMConfig) -> None:
        self.config = config
        self._base = calls.base_of(config, "/chat", "/api", "/v1")

    def stream(self, request: LLMRequest) -> AsyncIterator[LLMEvent]:
        """See `base.LLM`."""
        body = {
            "model": self.config.model,
            "messages": [{"role": one.role, "content": one.content} for one in request.messages],
            "stream": True,
            "options": {
                "num_ctx": request.context_tokens,
                "num_predict": request.max_tokens,
                "temperature": request.temperature,
            },
        }
        return calls.generate(
            calls.Call(
                config=self.config,
                url=f"{self._base}/api/chat",
                headers=calls.bearer(self.config),
                body=lambda: body,
                parser=lambda: OllamaParser(self.config),
                adjust=lambda status, text: False,
                models=self.models,
                pause=request.pause,
            )
        )

    async def models(self, *, seconds: float = calls.LISTING_SECONDS) -> list[str]:
        """See `base.LLM`. `seconds` bounds the whole request."""
        listing = await calls.fetch_json(
            self.config, f"{self._base}/api/tags", calls.bearer(self.config), seconds=seconds
        )
        if not isinstance(listing.get("models"), list):
            raise errors.bad_response(self.config, "no list of models")
        return sorted(filter(None, (text_of(dict_of(one).get("name")) for one in listing["models"])))

    async def tokens(self, messages: Sequence[ChatMessage]) -> int | None:
        """See `base.LLM`."""
        return None

    async def window(self) -> int | None:
        """See `base.LLM`: what the model was trained for; `num_ctx` is never set higher."""
        about = await calls.fetch_json(
            self.config,
            f"{self._base}/api/show",
            calls.bearer(self.config),
            body={"model": self.config.model},
        )
        facts = dict_of(about.get("model_info"))
        found = [count_of(value) for name, value in facts.items() if name.endswith(".context_length")]
        return min(filter(None, found), default=None)


class OllamaParser:
    """Reads one JSON object per line; the last one has `done: true`."""

    def __init__(self, config: LLMConfig) -> None:
        self._config = config
        self._objects = ObjectDecoder()
        self._last: Finished | None = None
        self.finished = False
        self.done = False

    def feed(self, line: str) -> Iterator[LLMEvent]:
        """See `calls.Parser`."""
        for text in self._objects.feed(line):
            yield from self._object(parse_object(text))

    def end(self) -> Finished | None:
        """See `calls.Parser`."""
        return self._last

    def _object(self, value: dict[str, Any]) -> Iterator[LLMEvent]:
        if value.get("error"):
            raise statuses.from_error_object(self._config, value["error"])
        message = dict_of(value.get("message"))
        if thinking := text_of(message.get("thinking")):
            yield ReasoningDelta(thinking)
        if text := text_of(message.get("content")):
            yield TextDelta(text)
        if value.get("done") is True:
            self._finish(value)

    def _finish(self, value: dict[str, Any]) -> None:
        names = {"prompt_tokens": "prompt_eval_count", "completion_tokens": "eval_count"}
        counts = {ours: count_of(value.get(theirs)) for ours, theirs in names.items()}
        reason: FinishReason = "length" if value.get("done_reason") == "length" else "stop"
        self._last = Finished(reason, {name: count for name, count in counts.items() if count is not None})
        self.finished = self.done = True
