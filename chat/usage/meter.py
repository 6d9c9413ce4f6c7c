"""Counting the tokens of LLM calls: as the provider says, else by our estimate of what went and came."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from chat.engine.tokens import estimate_message, estimate_tokens
from chat.llm.base import LLM, ChatMessage, Finished, LLMEvent, LLMRequest, TextWasReasoning
from collections_app.models import Provider
from config.errors import VerbatimError


@dataclass(frozen=True)
class Spent:
    """Tokens of one or several calls. `estimated`: a part of them is our estimate."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False


@dataclass
class _Call:
    provider: str
    request: LLMRequest
    said: list[str] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)

    def spent(self) -> Spent:
        prompt, completion = self.usage.get("prompt_tokens"), self.usage.get("completion_tokens")
        if prompt is not None and completion is not None:
            return Spent(prompt, completion)
        if self.provider == Provider.EXTRACTIVE:
            return Spent()  # no LLM, no tokens
        if prompt is None:
            prompt = sum(estimate_message(message.content) for message in self.request.messages)
        if completion is None:
            completion = estimate_tokens("".join(self.said))
        return Spent(prompt, completion, estimated=True)


class Meter:
    """The calls that were made for one answer."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def on(self, llm: LLM) -> "MeteredLLM":
        """The same LLM, counted."""
        return MeteredLLM(llm, self._calls)

    def spent(self) -> Spent:
        """All calls so far. Estimating a long prompt takes milliseconds: not for the event loop."""
        each = [call.spent() for call in self._calls]
        return Spent(
            sum(one.prompt_tokens for one in each),
            sum(one.completion_tokens for one in each),
            any(one.estimated for one in each),
        )


class MeteredLLM:
    """An `LLM` whose calls are counted, also those that are broken off.

    A call that fails before its first word costs nothing: the provider refused it or could not be reached.
    """

    def __init__(self, llm: LLM, calls: list[_Call]) -> None:
        self.config = llm.config
        self._llm = llm
        self._calls = calls

    async def stream(self, request: LLMRequest) -> AsyncIterator[LLMEvent]:
        """What the LLM says."""
        call = _Call(self.config.provider, request)
        self._calls.append(call)
        try:
            async with aclosing(self._llm.stream(request)) as events:  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, Finished):
                        call.usage = event.usage
                    elif not isinstance(event, TextWasReasoning):
                        call.said.append(event.text)
                    yield event
        except VerbatimError:
            if not call.said:
                self._calls.remove(call)
            raise

    async def models(self) -> list[str]:
        """Names of the models that the server offers."""
        return await self._llm.models()

    async def window(self) -> int | None:
        """The model's window in tokens, as its server says."""
        return await self._llm.window()

    async def tokens(self, messages: Sequence[ChatMessage]) -> int | None:
        """How many tokens the model makes of the text, as its server says."""
        return await self._llm.tokens(messages)
