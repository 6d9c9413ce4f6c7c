"""Who answers here: an Ollama, the built-in model. Short timeouts, a brief memory: pages never wait."""

import asyncio
import time
from dataclasses import dataclass

from django.conf import settings

from chat.llm.base import LLMConfig
from chat.llm.ollama import OllamaLLM
from chat.llm.openai_compatible import OpenAICompatibleLLM
from config import outbound
from config.errors import VerbatimError

REMEMBERED_SECONDS = 10.0


@dataclass(frozen=True)
class Found:
    """Ollama's models (None: no Ollama answers) and whether the built-in model is up."""

    ollama: list[str] | None
    builtin: bool


_remembered: tuple[float, Found] | None = None


def ollama_models(timeout: float = 1.0) -> list[str] | None:
    """The models of the Ollama at OLLAMA_BASE_URL, or None when none answers.

    Args:
        timeout: seconds for all of it. From synchronous code only.
    """
    return outbound.run_sync(_ollama(timeout))


def look_around(timeout: float = 1.2) -> Found:
    """What answers, at most REMEMBERED_SECONDS old. From synchronous code only.

    Args:
        timeout: seconds for all of it.
    """
    global _remembered
    if _remembered is not None and time.monotonic() - _remembered[0] < REMEMBERED_SECONDS:
        return _remembered[1]
    found = outbound.run_sync(_both(timeout))
    _remembered = (time.monotonic(), found)
    return found


def forget() -> None:
    """Look again at the next call."""
    global _remembered
    _remembered = None


async def _both(seconds: float) -> Found:
    ollama, builtin = await asyncio.gather(_ollama(seconds), _builtin(seconds))
    return Found(ollama=ollama, builtin=builtin)


async def _ollama(seconds: float) -> list[str] | None:
    try:
        llm = OllamaLLM(LLMConfig("ollama", base_url=settings.OLLAMA_BASE_URL))
        return await llm.models(seconds=seconds)
    except VerbatimError:
        return None


async def _builtin(seconds: float) -> bool:
    if not settings.BUILTIN_LLM_URL:
        return False
    try:
        llm = OpenAICompatibleLLM(LLMConfig("builtin", base_url=settings.BUILTIN_LLM_URL))
        return bool(await asyncio.wait_for(llm.models(), seconds))
    except (VerbatimError, TimeoutError):
        return False
