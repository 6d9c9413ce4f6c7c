"""An answer as the chat would write it, out of the same pieces; no chat is made for it."""

import asyncio
import time
import uuid
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from accounts.models import User
from chat.engine import budget, measured, tables
from chat.engine.budget import FittedPrompt
from chat.engine.marker_filter import MarkerFilter
from chat.engine.outcome import Draft, conclude, require_words
from chat.engine.refusal import closing, refusal_text
from chat.llm import registry, windows
from chat.llm.base import LLM, Finished, ReasoningDelta, TextDelta, TextWasReasoning
from chat.selectors import AnswerContext
from chat.text import storable
from chat.usage.services import usage_record_evaluation
from collections_app.models import AnswerMode, Collection
from config import outbound
from config.errors import ErrorCode, TransientError
from documents.retrieval.types import SearchResult
from documents.selectors import readiness

ANSWER_SECONDS = 120.0  # well within a worker's time limit


@dataclass(frozen=True)
class Written:
    """An answer and what is measured of it.

    Attributes:
        refused: it says that the documents do not hold the answer.
        cited, supported: passages that it cites, and of these those that bear out what cites them.
    """

    text: str
    refused: bool
    cited: int
    supported: int
    milliseconds: float


def answer(*, user: User, collection: Collection, question: str, result: SearchResult) -> Written:
    """Write the answer to a first question, from what was found for it.

    Args:
        collection: with the settings that are tried; its LLM is asked.

    Raises:
        VerbatimError: MESSAGE_TOO_LONG, or the LLM_* code that says what is wrong.
    """
    began = time.monotonic()
    context = AnswerContext(user, collection, uuid.uuid4(), question, [])  # a chat that does not exist
    draft = Draft(context=context)
    try:
        outbound.run_sync(_work(context, result, draft))
    finally:
        usage_record_evaluation(user=user, collection=collection, spent=draft.meter.spent())
    if draft.refused:
        ready, in_work = readiness(user, collection.pk)
        draft.text.append(refusal_text(result.nearest, ready=ready, in_work=in_work))
    took = (time.monotonic() - began) * 1000
    done = conclude(draft, None)
    supported = sum(done.supported.get(marker) is True for marker in done.cited)
    return Written(done.content, done.trace["refused"], len(done.cited), supported, round(took, 1))


async def _work(context: AnswerContext, result: SearchResult, draft: Draft) -> None:
    """The steps of `Generation._answer` for a first question, without a log and without readers."""
    collection = context.collection
    llm = draft.meter.on(registry.build(registry.config_for(collection)))
    llm_window = await windows.window_of(llm)
    window = windows.usable(collection, llm_window)
    table = await tables.ask(llm=llm, context=context, result=result, window=window)
    fit = partial(
        budget.fit,
        collection=collection,
        question=context.question,
        passages=table.passages(result.passages),
        llm_window=llm_window,
    )
    draft.prompt = await measured.fit(llm, fit)
    if table.text:
        draft.text.append(storable(table.text))
        return
    passed = result.passed or table.passage is not None
    if collection.answer_mode == AnswerMode.STRICT and not (passed and draft.passages):
        draft.refused = True
        return
    await _write(llm, context, draft, fit)
    more = closing(draft.content, nearest=result.nearest, ending=table.below(draft.passages))
    if more:
        draft.text.append(storable(f"\n\n{more}"))


async def _write(llm: LLM, context: AnswerContext, draft: Draft, fit: measured.Fit) -> None:
    prompt = draft.prompt
    assert prompt is not None
    stream = measured.stream(llm, prompt, lambda one: one.request(context.collection, context.question), fit)
    markers = MarkerFilter(len(prompt.passages))
    try:
        async with asyncio.timeout(ANSWER_SECONDS), aclosing(stream) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    draft.text.append(storable(markers.feed(event.text)))
                elif isinstance(event, ReasoningDelta):
                    draft.thought_chars += len(event.text)
                elif isinstance(event, TextWasReasoning):
                    draft.take_back()
                    markers = MarkerFilter(len(prompt.passages))
                elif isinstance(event, FittedPrompt):
                    draft.refit(event)
                    prompt, markers = event, MarkerFilter(len(event.passages))
                elif isinstance(event, Finished):
                    draft.finish_reason, draft.usage = event.reason, event.usage
    except TimeoutError as error:
        raise TransientError(ErrorCode.LLM_TIMEOUT) from error
    draft.text.append(storable(markers.flush()))
    require_words(draft)
