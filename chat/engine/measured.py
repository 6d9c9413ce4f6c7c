"""Prompts that fit by the model's own count, where its server has a tokenizer; smaller after a refusal."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

from chat.engine.budget import MIN_ANSWER_TOKENS, FittedPrompt
from chat.engine.threads import in_thread
from chat.engine.tokens import MESSAGE_OVERHEAD
from chat.llm.base import LLM, LLMEvent, LLMRequest
from config.errors import ErrorCode, PermanentError

SURE_PART = 0.6  # an estimate within this part of the window needs no counting: none is so much too low
REFITS = 2
SMALLER = 0.7  # of a prompt that was refused as too long


class Fit(Protocol):
    """`budget.fit` with all its arguments but the last.

    `scale`: tokens that the model takes for one that is estimated. Raises MESSAGE_TOO_LONG as that does.
    """

    def __call__(self, *, scale: float = 1.0) -> FittedPrompt: ...


async def fit(llm: LLM, fit_to: Fit) -> FittedPrompt:
    """The prompt, cut further where the model counts more tokens than were estimated.

    Args:
        llm: whose server may have a tokenizer; where it has none, the estimate stands.
        fit_to: fits it; runs in a thread.

    Raises:
        PermanentError: MESSAGE_TOO_LONG, as `budget.fit`.
    """
    prompt, scale = await in_thread(fit_to), 1.0
    if prompt.prompt_tokens <= SURE_PART * prompt.window:
        return prompt
    for refits in range(REFITS + 1):
        text_tokens = await llm.tokens(prompt.messages)
        if text_tokens is None:
            break
        counted = text_tokens + MESSAGE_OVERHEAD * len(prompt.messages)
        scale = max(scale, counted / prompt.prompt_tokens)
        prompt = prompt.counted(counted)
        if counted <= prompt.room or refits == REFITS:
            break
        try:
            prompt = await in_thread(fit_to, scale=scale)
        except PermanentError:
            if counted + MIN_ANSWER_TOKENS > prompt.window:
                raise
            break  # it fits, with less room for the answer
    return prompt


async def stream(
    llm: LLM, prompt: FittedPrompt, request: Callable[[FittedPrompt], LLMRequest], fit_to: Fit | None
) -> AsyncGenerator[LLMEvent | FittedPrompt]:
    """What the LLM says. If it refuses the prompt as too long, a smaller one, and what it says to that.

    Args:
        request: makes the request of a prompt.
        fit_to: fits the smaller one; None for a prompt that cannot be cut again.

    Raises:
        VerbatimError: what the LLM raises.
    """
    began = False
    try:
        async with aclosing(llm.stream(request(prompt))) as events:  # type: ignore[type-var]
            async for event in events:
                began = True
                yield event
        return
    except PermanentError as refusal:
        if began or fit_to is None or refusal.code != ErrorCode.LLM_PROMPT_TOO_LONG:
            raise
        prompt = await _smaller(prompt, fit_to, refusal)
    yield prompt
    async with aclosing(llm.stream(request(prompt))) as events:  # type: ignore[type-var]
        async for event in events:
            yield event


async def _smaller(prompt: FittedPrompt, fit_to: Fit, refusal: PermanentError) -> FittedPrompt:
    """A prompt that is a good deal smaller; raises the refusal when nothing can be left out."""
    try:
        return await in_thread(fit_to, scale=prompt.room / (SMALLER * prompt.prompt_tokens))
    except PermanentError:
        raise refusal from None
