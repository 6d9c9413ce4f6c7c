"""One generation: from a stored question to a stored answer, whoever is or is not watching.

`Generation.run` is a task of its own. It never holds a database connection between first and last token, it
survives its reader, Redis and its own errors, and whatever had arrived is kept.
"""

import asyncio
import html
import logging
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import DatabaseError

from chat import branching, selectors, services
from chat.engine import budget, history, measured, publish, rounds, stream_log, tables
from chat.engine.budget import FittedPrompt
from chat.engine.continuation import Joint, Shown, passages_of, prompt_for
from chat.engine.general import general_parts
from chat.engine.outcome import Draft, conclude, require_words, retrieval_trace
from chat.engine.refusal import closing, refusal_text
from chat.engine.threads import in_thread, in_thread_patiently
from chat.llm import errors as llm_errors
from chat.llm import registry, windows
from chat.llm.base import LLM, Finished, LLMRequest, ReasoningDelta, TextDelta, TextWasReasoning
from chat.models import Message
from chat.protocol import error_fields
from chat.rendering import render_markdown
from chat.text import storable
from collections_app.models import AnswerMode
from config.errors import ErrorCode, VerbatimError
from documents.retrieval.search import search
from documents.retrieval.types import SearchResult
from documents.selectors import not_ready, readiness

log = logging.getLogger(__name__)

THINKING_SECONDS = 5.0  # how often a reader is told that the LLM still thinks
WITHHELD = (ErrorCode.ACCESS_REVOKED, ErrorCode.NOT_FOUND)  # its reader is told this and nothing else
SETTLE_SECONDS = 5.0  # so long Redis has to take the last frames


class Generation:
    """Writes one answer.

    Args:
        answer: as it was just stored, with status `streaming`, its session and its question.
        question: the fields of the `user_message` frame; None when an older question is answered again.
    """

    def __init__(self, answer: Message, *, question: dict[str, Any] | None) -> None:
        self.message_id = answer.pk
        self.log = stream_log.StreamLog(str(answer.session_id), answer.pk)
        self.draft = Draft()
        self.saved = self.draft.progress
        self.ending = False
        self._answer_row = answer
        self._question = question
        self._started = time.monotonic()
        self._unsent: list[str] = []
        self._next_frame_at = self._tell_thinking_at = 0.0
        self._rounds = rounds.here()
        self._storing: asyncio.Task[bool] | None = None
        self._is_bound = False
        self._work: asyncio.Task[None] | None = None
        self._stop_reason: ErrorCode | None = None

    def stop(self, reason: ErrorCode = ErrorCode.STOPPED) -> None:
        """End it now; the upstream request is closed and what has arrived is stored."""
        if self._stop_reason is None:
            self._stop_reason = reason
            if self._work is not None:
                self._work.cancel()

    async def run(self) -> None:
        """Answer, then store the answer. Raises nothing."""
        self._rounds.join(self)
        if self._question is not None:
            self._tell("user_message", **self._question)
        self._work = asyncio.create_task(self._answer())
        if self._stop_reason is not None:
            self._work.cancel()
        error: VerbatimError | None = None
        try:
            await self._work
        except VerbatimError as refusal:
            context = self.draft.context
            error = llm_errors.for_reader(refusal, is_admin=context is not None and context.user.is_admin)
        except asyncio.CancelledError:
            self._work.cancel()
            error = VerbatimError(self._stop_reason or ErrorCode.INTERRUPTED)
        except DatabaseError as trouble:
            log.error("answer %s: database trouble: %s", self.message_id, trouble)
            error = VerbatimError(ErrorCode.SERVICE_UNAVAILABLE)
        except Exception:
            log.exception("answer %s: unexpected error", self.message_id)
            error = VerbatimError(ErrorCode.SERVER_ERROR)
        try:
            await self._rounds.last_words(self)
            not_stored = await self._sources_stored()
            if not_stored is not None and (error is None or error.code == ErrorCode.STOPPED):
                error = not_stored
            await self._finish(error)
            await publish.here().settle(self.log, SETTLE_SECONDS)
        except Exception:  # without a heartbeat it is closed as one whose process died
            log.exception("answer %s could not be ended", self.message_id)
        finally:
            self._rounds.leave(self)
            self.log.end()
        try:
            await stream_log.heartbeat_end(self.message_id)
        except stream_log.REDIS_ERRORS:
            pass  # it runs out by itself

    # --- the work ---------------------------------------------------------------------------------

    async def _answer(self) -> None:
        draft = self.draft
        context, result = await in_thread(self._look_up)
        collection = context.collection
        if context.continued is not None:
            await self._go_on(context, context.continued)
            return
        llm = draft.meter.on(registry.build(registry.config_for(collection)))
        llm_window = await windows.window_of(llm)
        window = windows.usable(collection, llm_window)
        if result is None:
            with self._timed("condense"):
                rewritten = await history.condense(
                    llm=llm, question=context.question, history=context.history, window=window
                )
            result = await in_thread(self._search, context, rewritten)
        with self._timed("table"):
            table = await tables.ask(llm=llm, context=context, result=result, window=window)
        offered = table.passages(result.passages)
        fit = partial(
            budget.fit,
            collection=collection,
            question=context.question,
            passages=offered,
            history=context.history,
            searched_for=result.rewritten,
            llm_window=llm_window,
        )
        draft.prompt = await measured.fit(llm, fit)
        trace = retrieval_trace(result, draft.prompt, collection, offered=offered)
        trace |= {"not_ready": draft.not_ready.as_json()} if draft.not_ready.count else {}
        trace |= {"table": table.trace} if table.trace else {}
        self._tell(
            "sources",
            sources=[one.as_source(n) for n, one in enumerate(draft.passages, 1)],
            searched_for=draft.searched_for,
        )
        what = f"answer {self.message_id}: its passages could not be stored"
        store = partial(services.answer_sources_set, passages=draft.passages, trace=trace)
        self._storing = asyncio.create_task(in_thread_patiently(what, store, message_id=self.message_id))
        self._storing.add_done_callback(self._when_bound)
        if table.text:
            draft.ours_from = 0
            self._tell("stream_start")
            self._say(table.text)
            return
        passed = result.passed or table.passage is not None
        if collection.answer_mode == AnswerMode.STRICT and not (passed and draft.passages):
            draft.refused = True
            draft.ours_from = 0
            self._tell("stream_start")
            ready, _ = await in_thread(readiness, context.user, collection.pk, context.session_id)
            self._say(refusal_text(result.nearest, ready=ready, in_work=draft.not_ready.count))
            return
        self._tell("stream_start")
        await self._write(llm, context, fit=fit)
        more = closing(draft.content, nearest=result.nearest, ending=table.below(draft.passages))
        if more:
            self._say_ours(f"\n\n{more}")

    @property
    def is_bound(self) -> bool:
        """Whether passages and trace are stored. They are while the LLM begins; its text only after them."""
        return self._storing is None or self._is_bound

    def _when_bound(self, storing: asyncio.Task[bool]) -> None:
        if storing.cancelled() or storing.exception() is not None:
            self.stop(ErrorCode.SERVICE_UNAVAILABLE)
        elif not storing.result():
            self.stop(ErrorCode.NOT_FOUND)
        else:
            self._is_bound = True

    async def _sources_stored(self) -> VerbatimError | None:
        """Wait for that at the end, whatever ended the work; what went wrong, if something did."""
        try:
            if self._storing is not None:
                await asyncio.shield(self._storing)
        except DatabaseError:
            await in_thread(self.draft.without_passages)
            return VerbatimError(ErrorCode.SERVICE_UNAVAILABLE)
        return None

    async def _go_on(self, context: selectors.AnswerContext, continued: selectors.Continued) -> None:
        """Say what is written already, and have the rest written from the same passages."""
        joint = Joint(continued.written)
        self.draft.searched_for = continued.searched_for
        self.draft.prompt = FittedPrompt((), passages_of(continued))
        self._tell(
            "sources",
            sources=[selectors.source_as_dict(one) for one in continued.sources],
            searched_for=continued.searched_for,
        )
        self._tell("stream_start")
        self._say(joint.kept)
        try:
            llm = self.draft.meter.on(registry.build(registry.config_for(context.collection)))
            window = await windows.window_of(llm)
            fit = partial(prompt_for, context, continued, joint, llm_window=window)
            prompt = self.draft.prompt = await measured.fit(llm, fit)
            told = prompt.traced()
            await in_thread(branching.continuation_prompt_set, message_id=self.message_id, prompt=told)
            await self._write(llm, context, joint=joint)
        finally:
            self._say(joint.end())
        if continued.ending:
            self._say_ours(continued.ending)

    def _look_up(self) -> tuple[selectors.AnswerContext, SearchResult | None]:
        """What there is to answer, and what was found for it if nothing was said before. Runs in a thread."""
        context = self.draft.context = selectors.answer_context(self._answer_row)
        if context.continued is not None or context.history:
            return context, None
        return context, self._search(context, None)

    def _search(self, context: selectors.AnswerContext, rewritten: str | None) -> SearchResult:
        """Runs in a thread. What is not ready is looked up first: it may become ready meanwhile."""
        scope = context.user, context.collection.pk, context.session_id
        with self._timed("search"):
            self.draft.not_ready = not_ready(*scope)
            try:
                result = search(
                    user=context.user,
                    collection=context.collection,
                    query=context.question,
                    session_id=context.session_id,
                    rewritten=rewritten,
                )
            except VerbatimError as refusal:
                if refusal.code == ErrorCode.NOT_FOUND:  # he had it when he asked
                    raise VerbatimError(ErrorCode.ACCESS_REVOKED) from refusal
                raise
        self.draft.searched_for = result.rewritten if result.rewritten != result.query else ""
        return result

    def _request(self, context: selectors.AnswerContext, prompt: FittedPrompt) -> LLMRequest:
        request = prompt.request(context.collection, self.draft.searched_for or context.question)
        request = replace(request, pause=self._rounds.reading_pause)
        if context.max_tokens is not None:
            request = replace(request, max_tokens=min(request.max_tokens, context.max_tokens))
        return request

    async def _write(
        self,
        llm: LLM,
        context: selectors.AnswerContext,
        *,
        fit: measured.Fit | None = None,
        joint: Joint | None = None,
    ) -> None:
        """Have the text written; behind a joint it goes on from there."""
        prompt = self.draft.prompt
        assert prompt is not None
        shown = Shown(len(prompt.passages), joint)
        before = len(self.draft.text)
        asked = time.monotonic()
        try:
            stream = measured.stream(llm, prompt, partial(self._request, context), fit)
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        self.draft.milliseconds.setdefault("first_token", _since(asked))
                        self._say(shown.feed(event.text))
                    elif isinstance(event, ReasoningDelta):
                        self._think(event.text, _since(asked))
                    elif isinstance(event, TextWasReasoning):
                        self._take_back(before, _since(asked))
                        shown.restart()
                    elif isinstance(event, FittedPrompt):
                        self.draft.refit(event)
                        shown = Shown(len(event.passages), joint)
                    elif isinstance(event, Finished):
                        self.draft.finish_reason, self.draft.usage = event.reason, event.usage
        finally:
            self._say(shown.end())
            self.draft.milliseconds["write"] = _since(asked)
        require_words(self.draft)

    def _think(self, text: str, milliseconds: float) -> None:
        """Say that the LLM thinks, now and then; what it thinks is no answer and is not kept."""
        self.draft.thought_chars += len(text)
        if not self.draft.text and milliseconds >= self._tell_thinking_at:
            self._tell_thinking_at = milliseconds + THINKING_SECONDS * 1000
            self._tell("state", state="thinking", seconds=round(milliseconds / 1000))

    def _take_back(self, before: int, milliseconds: float) -> None:
        """The text from piece `before` on was reasoning: readers begin again with what stands before it."""
        self.draft.take_back(before)
        self._tell("state", state="thinking", seconds=round(milliseconds / 1000), reset=True)
        self._unsent = list(self.draft.text)
        self.cut_frame()

    def _say(self, text: str) -> None:
        """New text: the first at once, then gathered into frames."""
        text = storable(text)
        if not text:
            return
        self.draft.text.append(text)
        self._unsent.append(text)
        if time.monotonic() >= self._next_frame_at:
            self.cut_frame()
        elif len(self._unsent) == 1:
            self._rounds.cut_soon(self)

    def _say_ours(self, text: str) -> None:
        self.draft.ours_from = len(self.draft.content)
        self._say(text)

    def cut_frame(self) -> None:
        """Make a frame of the text that has come since the last one."""
        if self._stop_reason in WITHHELD:
            self._unsent.clear()
        if self._unsent:
            text = "".join(self._unsent)
            self._unsent.clear()
            self._next_frame_at = time.monotonic() + self._rounds.frame_seconds()
            self._tell("stream_chunk", content=text)

    def _tell(self, kind: str, **fields: Any) -> None:
        self.log.append(kind, **fields)
        publish.here().publish(self.log)

    # --- the end ----------------------------------------------------------------------------------

    async def _finish(self, error: VerbatimError | None) -> None:
        """Store the answer, then say so. A reader who is told that it is saved can rely on it."""
        self.draft.milliseconds["total"] = _since(self._started)
        try:
            result, markup = await in_thread(self._conclude, error)
        except Exception:  # a fault in checking or rendering must not cost the answer
            log.exception("answer %s could not be checked", self.message_id)
            result = conclude(self.draft, error, check=False)
            markup = html.escape(result.content)
        self.cut_frame()
        stored, trouble = await self._store(result)
        failure = result.error if stored else result.error or trouble
        if failure is not None:
            self._tell("error", **error_fields(failure))
        withheld = failure is not None and failure.code in WITHHELD
        self._tell(
            "stream_end",
            last=stored is None,
            content="" if withheld else result.content,
            html="" if withheld else markup,
            sources=selectors.shown_sources(stored) if stored and not withheld else [],
            **(selectors.answer_facts(stored) if stored and not withheld else {}),
            finish_reason="error" if failure else result.finish_reason,
            usage=result.usage,
        )
        if stored is not None:
            self._tell("message_saved", last=True)

    def _conclude(self, error: VerbatimError | None) -> tuple[services.AnswerResult, str]:
        result = conclude(self.draft, error)
        parts = general_parts(self.draft, is_whole=error is None)
        if parts:
            result = replace(result, trace=result.trace | {"general_parts": parts})
        return result, render_markdown(self.draft.content)

    async def _store(self, result: services.AnswerResult) -> tuple[Message | None, VerbatimError]:
        """The stored message, or None and why: it is gone, or the database stays away."""
        what = f"answer {self.message_id} could not be stored"
        finish = partial(services.answer_finish, message_id=self.message_id, result=result)
        try:
            return await in_thread_patiently(what, finish), VerbatimError(ErrorCode.NOT_FOUND)
        except DatabaseError:
            return None, VerbatimError(ErrorCode.SERVICE_UNAVAILABLE)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.draft.milliseconds[name] = _since(began)


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000
