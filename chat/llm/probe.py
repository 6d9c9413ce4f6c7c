"""Ask a model one tiny question, to say in words what is wrong with its configuration.

Its answer also teaches how the model sends its reasoning, before a reader meets that (`thinking`, `quirks`).
"""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field

from chat.llm import registry, windows
from chat.llm.base import LLM, ChatMessage, Finished, LLMRequest, ReasoningDelta, TextDelta
from collections_app.models import Collection, Provider
from config.errors import ErrorCode, PermanentError, VerbatimError

PROBE_SECONDS = 45.0
PROBE_MAX_TOKENS = 512  # a model that thinks first should come to its end
LISTING_SECONDS = 2.0
MODELS_SHOWN = 200
QUESTION = (ChatMessage("user", "Answer with the single word: ready"),)


@dataclass(frozen=True)
class Probe:
    """How it went.

    Attributes:
        code: the error's stable code; empty when all is well.
        models: names that the server offers; empty when it does not tell.
    """

    ok: bool
    message: str
    took_ms: int
    code: str = ""
    next_step: str = ""
    models: list[str] = field(default_factory=list)


async def probe(collection: Collection, *, seconds: float = PROBE_SECONDS) -> Probe:
    """Call the collection's LLM once. No fault raises.

    Args:
        collection: whose configuration is tried; its rows are not touched.
        seconds: how long the answer may take.
    """
    began = time.monotonic()
    try:
        config = registry.config_for(collection)
        if config.provider == Provider.EXTRACTIVE:
            return Probe(True, "This model needs no language model: it quotes the documents.", 0)
        llm = registry.build(config)
        window = await windows.window_of(llm, afresh=True)
        began = time.monotonic()
        ended = await _ask(llm, windows.usable(collection, window), seconds)
    except VerbatimError as error:
        models = error.details.get("models", [])
        return Probe(False, error.message, _since(began), str(error.code), error.next_step, models)
    took = _since(began)
    names = await _models(llm)
    message = f"{config.model} answered in {took / 1000:.1f} seconds."
    if not ended:
        message = f"{config.model} answers; after {seconds:.0f} seconds it was still writing."
    return Probe(True, message + _about_window(collection, window), took, models=names)


async def _ask(llm: LLM, window: int, seconds: float) -> bool:
    """Wait for the end of a tiny answer; whether it came, or the model only writes in time.

    Raises:
        VerbatimError: what is wrong.
    """
    spoke = False
    try:
        async with asyncio.timeout(seconds):
            request = LLMRequest(
                QUESTION, temperature=0.0, max_tokens=PROBE_MAX_TOKENS, context_tokens=window
            )
            async with aclosing(llm.stream(request)) as events:  # type: ignore[type-var]
                async for event in events:
                    # a model that thinks first may need all the tokens for that, and not show it
                    cut = isinstance(event, Finished) and event.reason == "length"
                    spoke = spoke or cut or isinstance(event, TextDelta | ReasoningDelta)
    except TimeoutError as error:
        if spoke:
            return False
        raise PermanentError(
            ErrorCode.LLM_TIMEOUT,
            f"No answer within {seconds:.0f} seconds.",
            next_step="A big model may still be loading: test again soon, or choose a smaller one.",
        ) from error
    if not spoke:
        raise PermanentError(ErrorCode.LLM_BAD_RESPONSE, "The server answered without a single word.")
    return True


async def _models(llm: LLM) -> list[str]:
    try:
        return (await asyncio.wait_for(llm.models(), LISTING_SECONDS))[:MODELS_SHOWN]
    except (VerbatimError, TimeoutError):
        return []


def _about_window(collection: Collection, window: int | None) -> str:
    """How the window that the server names and the one that is set go together."""
    ours = collection.context_tokens
    if window is None:
        return ""
    if window < ours:
        return f" It takes {window:,} tokens at most; prompts keep to that instead of the {ours:,} set here."
    return f" It can take {window:,} tokens; {ours:,} are set here." if window > ours else ""


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
