"""The OpenAI protocol: OpenAI, custom servers (vLLM, LM Studio, OpenRouter, ...), the built-in llama.cpp."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from chat.llm import calls, statuses
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
from chat.llm.quirks import quirks
from chat.llm.streaming import EventDecoder, count_of, dict_of, list_of, parse_object, text_of
from collections_app.models import Provider
from config.errors import ErrorCode, PermanentError, VerbatimError

NO_TEMPERATURE, COMPLETION_TOKENS, NO_STREAM_OPTIONS, NO_SYSTEM = (
    "temperature",
    "max_completion_tokens",
    "stream_options",
    "system",
)
NO_TOKENIZER = "no_tokenizer"
NO_TOKENIZER_STATUSES = {200, 400, 404, 405, 422, 501}  # 200: something else answers at that path
TOKENIZE_SECONDS = 1.0
# OpenAI's reasoning models; what others refuse is learnt from their first refusal
REASONING_MODELS = re.compile(r"(o[1-9]|gpt-5)(?![0-9a-z])", re.I)
# vLLM, OpenRouter and Together, Groq, Mistral; llama.cpp has `n_ctx` under `meta`
WINDOW_NAMES = ("max_model_len", "context_length", "context_window", "max_context_length")
LENGTH_REASONS = {"length", "max_tokens", "model_length"}
DECLINED_REASONS = {"content_filter", "safety", "refusal"}

_SYSTEM_REFUSED = re.compile(
    r"system role not supported|not support 'system'|developer instruction is not", re.I
)


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
                pause=request.pause,
            )
        )

    async def models(self) -> list[str]:
        """See `base.LLM`."""
        listing = await calls.fetch_json(self.config, f"{self._base}/models", calls.bearer(self.config))
        return sorted(filter(None, (text_of(dict_of(one).get("id")) for one in list_of(listing.get("data")))))

    async def window(self) -> int | None:
        """See `base.LLM`; OpenAI itself does not tell."""
        if self.config.provider == Provider.OPENAI:
            return None
        listing = await calls.fetch_json(self.config, f"{self._base}/models", calls.bearer(self.config))
        for one in map(dict_of, list_of(listing.get("data"))):
            if one.get("id") == self.config.model:
                places = ((one, WINDOW_NAMES), (dict_of(one.get("meta")), ("n_ctx",)))
                found = [count_of(place.get(name)) for place, names in places for name in names]
                return min(filter(None, found), default=None)
        return None

    async def tokens(self, messages: Sequence[ChatMessage]) -> int | None:
        """See `base.LLM`: llama.cpp and vLLM have `/tokenize` beside `/v1`.

        A server that says that it has none is asked once; one that is away, busy or failing is asked again.
        """
        if self.config.provider == Provider.OPENAI or NO_TOKENIZER in self._known():
            return None
        text = "\n".join(one.content for one in messages)
        try:
            said = await calls.fetch_json(
                self.config,
                f"{self._base.removesuffix('/v1')}/tokenize",
                calls.bearer(self.config),
                # vLLM reads the first two, llama.cpp the third
                body={"model": self.config.model, "prompt": text, "content": text},
                seconds=TOKENIZE_SECONDS,
            )
            found = list_of(said.get("tokens"))
        except VerbatimError as error:
            says_no = error.code in (ErrorCode.LLM_REFUSED, ErrorCode.LLM_BAD_RESPONSE)
            if not says_no or error.details.get("status", 200) not in NO_TOKENIZER_STATUSES:
                return None
            found = []
        if not found:
            quirks.learn(self._key, NO_TOKENIZER)
            return None
        return len(found)

    def _body(self, request: LLMRequest) -> dict[str, Any]:
        known = self._known()
        messages = request.messages if NO_SYSTEM not in known else _without_system(request.messages)
        body: dict[str, Any] = {
            "model": self.config.model,
            "messages": [{"role": one.role, "content": one.content} for one in messages],
            "stream": True,
        }
        body["max_completion_tokens" if COMPLETION_TOKENS in known else "max_tokens"] = request.max_tokens
        if NO_TEMPERATURE not in known:
            body["temperature"] = request.temperature
        if NO_STREAM_OPTIONS not in known:
            body["stream_options"] = {"include_usage": True}
        return body

    def _adjust(self, status: int, said: str) -> bool:
        """Learn from a refusal that names a parameter."""
        if status not in (400, 422) or statuses.about_size(said):
            return False
        known = self._known()
        # the order matters: the sentence about max_tokens may name others as examples
        named = [quirk for quirk in (COMPLETION_TOKENS, NO_STREAM_OPTIONS, NO_TEMPERATURE) if quirk in said]
        named += [NO_SYSTEM] if _SYSTEM_REFUSED.search(said) else []
        for quirk in named:
            if quirk not in known:
                quirks.learn(self._key, quirk)
                return True
        return False

    def _known(self) -> frozenset[str]:
        by_name = self.config.provider == Provider.OPENAI and REASONING_MODELS.match(self.config.model)
        return quirks.of(self._key) | ({NO_TEMPERATURE, COMPLETION_TOKENS} if by_name else frozenset())

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
            raise statuses.from_error_object(self._config, chunk["error"])
        self._count(dict_of(chunk.get("usage")))
        for choice in map(dict_of, list_of(chunk.get("choices"))[:1]):
            whole = dict_of(choice.get("message"))  # the server did not stream
            delta = dict_of(choice.get("delta")) or whole
            reasoning = text_of(delta.get("reasoning_content")) or text_of(delta.get("reasoning"))
            if reasoning:
                yield ReasoningDelta(reasoning)
            yield from _content(delta.get("content"))
            if refusal := text_of(delta.get("refusal")):
                yield TextDelta(refusal)
            self._end(text_of(choice.get("finish_reason")).lower())
            if whole:
                self.finished = self.done = True

    def _end(self, reason: str) -> None:
        if reason:
            self.finished = True
            self._reason = "length" if reason in LENGTH_REASONS else "stop"
        if reason in DECLINED_REASONS:
            raise PermanentError(ErrorCode.LLM_DECLINED)

    def _count(self, usage: dict[str, Any]) -> None:
        details = dict_of(usage.get("completion_tokens_details"))
        for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens"):
            count = count_of((details if name == "reasoning_tokens" else usage).get(name))
            if count is not None:
                self._usage[name] = count


def _without_system(messages: tuple[ChatMessage, ...]) -> list[ChatMessage]:
    """The instructions put before the user's first words, for models that know no role `system`."""
    system = "\n\n".join(one.content for one in messages if one.role == "system")
    first, *rest = [one for one in messages if one.role != "system"]
    return [ChatMessage(first.role, f"{system}\n\n{first.content}"), *rest]


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
