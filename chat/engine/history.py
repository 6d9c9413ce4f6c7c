"""A follow-up ("and for part-time staff?") made searchable: by the LLM if it is quick, else by a rule."""

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import aclosing

from chat.engine.followup import completed
from chat.engine.tokens import estimate_message
from chat.llm.base import LLM, ChatMessage, LLMRequest, TextDelta, TextWasReasoning
from chat.markers import find
from chat.prompts import conversation_text, fill
from chat.sentences import numbers
from collections_app.models import Provider
from config.errors import VerbatimError

log = logging.getLogger(__name__)

CONDENSE_SECONDS = 3.0
CONDENSE_MAX_TOKENS = 96
CONDENSE_TURNS = 6
CONDENSE_TURN_CHARS = 1500
CONDENSE_SHORT_CHARS = 200  # of a turn for which there is little room
MAX_REWRITTEN_CHARS = 400

_LABEL = re.compile(r"^(?:(?:rewritten|standalone|last) )?question:\s*", re.I)


async def condense(
    *,
    llm: LLM,
    question: str,
    history: Sequence[ChatMessage],
    window: int,
    seconds: float = CONDENSE_SECONDS,
) -> str:
    """The question as it is searched for: itself on the first turn, else rewritten to stand alone.

    Never fails: a slow, failing or babbling LLM means the fallback.

    Args:
        llm: the collection's. The extractive and the built-in one are not asked.
        question: as asked.
        history: earlier turns, oldest first.
        window: tokens that prompt and answer may have together.
        seconds: how long the LLM may take.
    """
    if not any(turn.role == "user" for turn in history):
        return question
    if llm.config.provider in (Provider.EXTRACTIVE, Provider.BUILTIN):
        return fallback(question=question, history=history)
    try:
        async with asyncio.timeout(seconds):
            written = await _ask(llm, question, history, window)
    except (VerbatimError, TimeoutError) as error:
        log.info("a follow-up was condensed without the LLM: %s", type(error).__name__)
        written = ""
    return _accepted(written, question, history) or fallback(question=question, history=history)


def fallback(*, question: str, history: Sequence[ChatMessage]) -> str:
    """The question completed by rule from the user's earlier turns; itself when it stands alone.

    Args:
        question: as asked.
        history: earlier turns, oldest first.
    """
    asked = [turn.content.strip() for turn in history if turn.role == "user" and turn.content.strip()]
    whole = ""
    for one in [*asked, question]:
        whole = completed(one, whole) if whole else one
    return whole


async def _ask(llm: LLM, question: str, history: Sequence[ChatMessage], window: int) -> str:
    """What it writes; nothing where not even one turn fits beside the question."""
    messages = _prompt(question, history, window - CONDENSE_MAX_TOKENS)
    if messages is None:
        return ""
    request = LLMRequest(messages, 0.0, CONDENSE_MAX_TOKENS, context_tokens=window, question=question)
    parts: list[str] = []
    async with aclosing(llm.stream(request)) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, TextDelta):
                parts.append(event.text)
            elif isinstance(event, TextWasReasoning):
                parts.clear()
    return "".join(parts)


def _prompt(question: str, history: Sequence[ChatMessage], room: int) -> tuple[ChatMessage, ...] | None:
    """The prompt in so many tokens: the oldest turns are shortened first, then left out; None for no turn."""
    turns = [ChatMessage(turn.role, turn.content[:CONDENSE_TURN_CHARS]) for turn in history[-CONDENSE_TURNS:]]
    short = [ChatMessage(turn.role, turn.content[:CONDENSE_SHORT_CHARS]) for turn in turns]
    drafts = [short[:count] + turns[count:] for count in range(len(turns) + 1)]
    drafts += [short[count:] for count in range(1, len(short))]
    for draft in drafts:
        messages = fill("condense", conversation=conversation_text(draft), question=question)
        if sum(estimate_message(message.content) for message in messages) <= room:
            return messages
    return None


def _accepted(written: str, question: str, history: Sequence[ChatMessage]) -> str:
    """The rewritten question, or nothing when it is none: empty, several lines, an essay, or an answer.

    An answer shows by a citation, or by a number that nobody has named.
    """
    line = _LABEL.sub("", written.strip()).strip("\"'“”„«»").strip()
    limit = max(MAX_REWRITTEN_CHARS, 2 * len(question))
    if not line or "\n" in line or len(line) > limit or find(line):
        return ""
    named = numbers("\n".join([question, *(turn.content for turn in history)]))
    return line if numbers(line) <= named else ""
