"""A follow-up ("and for part-time staff?") made searchable: by the LLM if it is quick, else by a rule."""

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import aclosing

from chat.llm.base import LLM, ChatMessage, LLMRequest, TextDelta
from chat.prompts import conversation_text, fill
from collections_app.models import Provider
from config.errors import VerbatimError

log = logging.getLogger(__name__)

CONDENSE_SECONDS = 3.0
CONDENSE_MAX_TOKENS = 96
CONDENSE_TURNS = 6
CONDENSE_TURN_CHARS = 1500
MAX_REWRITTEN_CHARS = 400
MIN_WORDS_ALONE = 5

# An English question of some length without any of these needs no help from the turn before it. For other
# languages, and when in doubt, the fallback adds that turn.
_ENGLISH_START = re.compile(
    r"(what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|may|must|should|will"
    r"|would|has|have|list|name|give|show|tell|explain|describe|summari[sz]e)\b",
    re.I,
)
_REFERS_BACK = re.compile(
    r"\b(it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there|one|ones|same|such"
    r"|former|latter|above|previous|other|others|another|else|instead|also|too|more)\b",
    re.I,
)


async def condense(
    *, llm: LLM, question: str, history: Sequence[ChatMessage], seconds: float = CONDENSE_SECONDS
) -> str:
    """The question as it is searched for: itself on the first turn, else rewritten to stand alone.

    Never fails: a slow, failing or babbling LLM means the fallback.

    Args:
        llm: the collection's. The extractive and the built-in one are not asked.
        question: as asked.
        history: earlier turns, oldest first.
        seconds: how long the LLM may take.
    """
    if not any(turn.role == "user" for turn in history):
        return question
    if llm.config.provider in (Provider.EXTRACTIVE, Provider.BUILTIN):
        return fallback(question=question, history=history)
    try:
        async with asyncio.timeout(seconds):
            written = await _ask(llm, question, history)
    except (VerbatimError, TimeoutError) as error:
        log.info("a follow-up was condensed without the LLM: %s", type(error).__name__)
        written = ""
    return _accepted(written, question) or fallback(question=question, history=history)


def fallback(*, question: str, history: Sequence[ChatMessage]) -> str:
    """The question, with the last user's turn in front of it unless it stands alone.

    Args:
        question: as asked.
        history: earlier turns, oldest first.
    """
    earlier = [turn.content.strip() for turn in history if turn.role == "user" and turn.content.strip()]
    if not earlier or _stands_alone(question):
        return question
    return f"{earlier[-1][:MAX_REWRITTEN_CHARS]}\n{question}"


async def _ask(llm: LLM, question: str, history: Sequence[ChatMessage]) -> str:
    turns = [ChatMessage(turn.role, turn.content[:CONDENSE_TURN_CHARS]) for turn in history[-CONDENSE_TURNS:]]
    messages = fill("condense", conversation=conversation_text(turns), question=question)
    request = LLMRequest(
        messages=messages, temperature=0.0, max_tokens=CONDENSE_MAX_TOKENS, question=question
    )
    parts: list[str] = []
    async with aclosing(llm.stream(request)) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, TextDelta):
                parts.append(event.text)
    return "".join(parts)


def _accepted(written: str, question: str) -> str:
    """The rewritten question, or nothing when it is none: empty, several lines long, or an essay."""
    line = written.strip().strip("\"'“”„«»").strip()
    limit = max(MAX_REWRITTEN_CHARS, 2 * len(question))
    return line if line and "\n" not in line and len(line) <= limit else ""


def _stands_alone(question: str) -> bool:
    return (
        len(question.split()) >= MIN_WORDS_ALONE
        and _ENGLISH_START.match(question.strip()) is not None
        and _REFERS_BACK.search(question) is None
    )
