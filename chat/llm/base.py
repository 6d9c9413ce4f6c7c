"""What an LLM adapter is: one small module per provider, all held to one contract suite."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from documents.retrieval.types import Passage

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class ChatMessage:
    """One message of the prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class LLMConfig:
    """How to reach a model; made from a collection by `registry.config_for`. `repr` hides the key."""

    provider: str
    model: str = ""
    base_url: str = ""
    api_key: str = field(default="", repr=False)


def no_pause() -> float:
    """Read on at once."""
    return 0.0


@dataclass(frozen=True)
class LLMRequest:
    """One generation.

    Attributes:
        messages: the finished prompt, within the context budget.
        temperature, max_tokens: as the collection says.
        context_tokens: the LLM's window (Ollama's num_ctx).
        question, passages: what the prompt was made from; the extractive provider answers from these.
        pause: seconds to let text gather between two reads, while so many answers are written that reading
            each token by itself is too much.
    """

    messages: tuple[ChatMessage, ...]
    temperature: float = 0.2
    max_tokens: int = 1024
    context_tokens: int = 8192
    question: str = ""
    passages: tuple[Passage, ...] = ()
    pause: Callable[[], float] = no_pause


@dataclass(frozen=True)
class TextDelta:
    """New text of the answer."""

    text: str


@dataclass(frozen=True)
class ReasoningDelta:
    """New text of the model's reasoning, kept apart from the answer.

    Empty while text is held back that may be either.
    """

    text: str


@dataclass(frozen=True)
class TextWasReasoning:
    """All text so far was reasoning: only its end was marked. The answer begins now."""


@dataclass(frozen=True)
class Finished:
    """The last event of a stream that ended well. `usage`: prompt_tokens, completion_tokens (if known)."""

    reason: FinishReason = "stop"
    usage: dict[str, Any] = field(default_factory=dict)


LLMEvent = TextDelta | ReasoningDelta | TextWasReasoning | Finished


class LLM(Protocol):
    """An adapter.

    `stream` raises `VerbatimError` with an LLM_* code for every fault, before or after the first token;
    closing the iterator closes the upstream request. Only transient faults before the first token are tried
    again.
    """

    config: LLMConfig

    def stream(self, request: LLMRequest) -> AsyncIterator[LLMEvent]:
        """Text as it arrives (taken back where it was reasoning), then exactly one `Finished`."""
        ...

    async def models(self) -> list[str]:
        """Names of the models that the server offers.

        Raises:
            VerbatimError: with the LLM_* code that says what is wrong.
        """
        ...

    async def window(self) -> int | None:
        """The model's window in tokens, prompt and answer; None when the server does not tell.

        Raises:
            VerbatimError: with the LLM_* code that says what is wrong.
        """
        ...

    async def tokens(self, messages: Sequence[ChatMessage]) -> int | None:
        """How many tokens the model makes of the text; None where no server counts them. Never fails.

        Not counted are the tokens between messages, which the model's template adds.
        """
        ...
