"""Questions that are computed over all rows of a table instead of read from a few passages.

A question that the plain English parser understands is answered in our own words. Otherwise the
collection's LLM may propose a plan, which is checked like a stranger's; its result then is the first passage
of the prompt. Where nothing is computed, the answer says from how many of the rows it was read.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from chat.engine.asking import asks_a_table
from chat.engine.followup import MIN_WORDS_ALONE, refers_back, stands_alone
from chat.engine.history import fallback
from chat.engine.threads import in_thread
from chat.llm.base import LLM, LLMRequest, TextDelta, TextWasReasoning
from chat.prompts import fence_safe, fill
from chat.selectors import AnswerContext
from collections_app.models import Provider
from config.errors import VerbatimError
from documents.retrieval.types import Passage, SearchResult
from documents.tables import service
from documents.tables.service import TableFile

log = logging.getLogger(__name__)

SECTION = "Computed over all rows"
PLAN_SECONDS = 8.0
PLAN_TOKENS = 400
WAIT_SECONDS = service.ASK_SECONDS + 5.0  # for all tries, and for what others ask at this moment
GIVEN_UP = (service.TOO_LONG, service.UNREADABLE, service.BUSY)
DESCRIBED_COLUMNS = 60
DESCRIBED_CHARS = 60
NO_LLM = (Provider.EXTRACTIVE, Provider.BUILTIN)

# "Number of orders by status" is as whole as "What is the number of orders by status?".
_HEADS = re.compile(
    r"(?:the )?(?:number|count|sum|total|average|mean|median|highest|lowest|top|(?:most|least) common)\b",
    re.IGNORECASE,
)

# One at a time, apart from the pool that talks to the database: a sum must not keep a chat from being stored.
_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tables")


@dataclass(frozen=True)
class TableAnswer:
    """What became of a question about a table.

    Attributes:
        passage: the result as a source; None when nothing was computed.
        text: the whole answer, when it is ours; else the LLM writes it from the passages.
        ending: how the result was computed that an LLM writes about.
        rows: how many rows the table has whose passage was found first; None where that is of no table.
        asks: whether the question may ask for something to be computed.
        hint: what would help to have it computed.
        trace: for `trace.table`; None when the question asks nothing of a table.
    """

    passage: Passage | None = None
    text: str = ""
    ending: str = ""
    rows: int | None = None
    asks: bool = False
    hint: str = ""
    trace: dict[str, Any] | None = None

    def passages(self, found: Sequence[Passage]) -> tuple[Passage, ...]:
        """What the answer may cite: the result alone when it is the answer, else before what was found."""
        if self.passage is None:
            return tuple(found)
        return (self.passage,) if self.text else (self.passage, *found)

    def below(self, given: Sequence[Passage]) -> str:
        """What is put below an LLM's answer: how the result was computed, or how little of a table was read.

        The latter whatever the question's words, for nobody knows the words of all languages.

        Args:
            given: the passages that the LLM was given, best first; neighbours, which are never cited, do not
                count.
        """
        if self.passage is not None or self.rows is None or not given:
            return self.ending
        read: set[int] = set()
        described = False
        for passage in given:
            if passage.document_id == given[0].document_id:
                described |= passage.rows is None
                if passage.rows is not None:
                    read.update(range(passage.rows[0], passage.rows[1] + 1))
        if not self.asks and len(read) >= self.rows:
            return ""
        said = "Not computed: read" if self.asks else "Read"
        about = " and from the description of the whole table" if described else ""
        name = given[0].document_name.replace("`", "'")
        return f"*{said} from {len(read):,} of {self.rows:,} rows of `{name}`{about}.{self.hint}*"


@dataclass
class _Tries:
    """The tables that were tried, and what each answered."""

    answers: list[tuple[TableFile, dict[str, Any]]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def planned(self) -> list[tuple[TableFile, dict[str, Any]]]:
        return [(table, answer) for table, answer in self.answers if "plan" in answer]


async def ask(*, llm: LLM, context: AnswerContext, result: SearchResult, window: int) -> TableAnswer:
    """Compute, if the question asks a table for something. Never fails, and never takes long.

    Args:
        llm: the collection's; asked for a plan where the question stands in no plain form.
        context: who asks what, in which scope.
        result: what retrieval found for it.
        window: tokens that prompt and answer may have together.
    """
    asks = asks_a_table(context.question, result.rewritten)
    answer = TableAnswer()
    if asks:
        answer = await _computed(llm=llm, context=context, result=result, window=window)
    if answer.passage is not None or not result.passages:
        return answer
    rows = await in_thread(service.rows_of, result.passages[0])
    return replace(answer, rows=rows, asks=asks)


async def _computed(*, llm: LLM, context: AnswerContext, result: SearchResult, window: int) -> TableAnswer:
    """The tables tried one after the other: by the parser, then the nearest by a plan of the LLM's."""
    asked = _wordings(context, result.rewritten)
    tables = await in_thread(
        service.tables_for,
        user=context.user,
        collection_id=context.collection.pk,
        session_id=context.session_id,
        nearest=_nearest(result),
    )
    tries = _Tries()
    for table in tables:
        answer: dict[str, Any] | None = None
        for question in asked or [""]:  # no wording: what the table holds is told nevertheless
            answer = await _compute(tries, table, question=question)
            if answer is None or "plan" in answer or answer.get("reason") in GIVEN_UP:
                break
        if answer is None:
            break
        tries.answers.append((table, answer))
    if planned := tries.planned():
        return await in_thread(_answered, tries, *planned[0], result, "parser")
    if llm.config.provider not in NO_LLM and tries.answers and _is_about(result, tries.answers[0][0]):
        table, answer = tries.answers[0]
        question = asked[-1] if asked else fallback(question=context.question, history=context.history)
        proposed = await _proposed(llm, question, answer.get("table"), window)
        if proposed is not None:
            computed = await _compute(tries, table, plan=proposed)
            if computed is not None and "plan" in computed:
                return await in_thread(_answered, tries, table, computed, result, "llm")
            tries.answers[0] = (
                table,
                answer | {"proposed": (computed or {}).get("reason", service.TOO_LONG)},
            )
    return _not_computed(tries, result)


async def _compute(
    tries: _Tries, table: TableFile, *, question: str | None = None, plan: Any = None
) -> dict[str, Any] | None:
    """What the child answers; None when the time for all tries is over (its own limit ends it later)."""
    loop = asyncio.get_running_loop()
    work = loop.run_in_executor(_pool, lambda: service.compute(table, question=question, plan=plan))
    try:
        return await asyncio.wait_for(work, WAIT_SECONDS - (time.monotonic() - tries.began))
    except TimeoutError:
        log.warning("table %s: nothing within %s s", table.document_id, WAIT_SECONDS)
        return None


def _wordings(context: AnswerContext, rewritten: str) -> list[str]:
    """The wordings of the question that are whole, for a number of half a question is wrong and looks right.

    As asked, where nothing was said before or it stands alone; then as completed, where that is one question
    in which nothing refers back any more.
    """
    asked = context.question
    if not any(turn.role == "user" for turn in context.history):
        return [asked]
    whole = [asked] if _is_whole(asked) else []
    if rewritten != asked and "\n" not in rewritten and not refers_back(rewritten):
        whole.append(rewritten)
    return whole


def _is_whole(question: str) -> bool:
    if _HEADS.match(question) and len(question.split()) >= MIN_WORDS_ALONE:
        question = f"What is {question}"
    return stands_alone(question)


def _nearest(result: SearchResult) -> list[int]:
    """Documents, best candidate first."""
    found = [one.document_id for one in result.passages]
    found += [one["document_id"] for one in result.trace.get("candidates", [])]
    return list(dict.fromkeys(found))


def _is_about(result: SearchResult, table: TableFile) -> bool:
    """Whether retrieval too thinks of this table first."""
    if result.passages:
        return result.passages[0].document_id == table.document_id
    return bool(result.nearest) and result.nearest[0]["document_id"] == table.document_id


# --- an answer -------------------------------------------------------------------------------------


def _answered(
    tries: _Tries, table: TableFile, answer: dict[str, Any], result: SearchResult, proposed_by: str
) -> TableAnswer:
    """The answer from a computed result. Runs in a thread: it looks for the chunk of the first row."""
    computed = answer["result"]
    rows = (computed["first"], computed["last"]) if computed["rows_matched"] else None
    similar = [
        one["similarity"]
        for one in result.trace.get("candidates", [])
        if one["document_id"] == table.document_id
    ]
    shown_first = computed["rows"][0] if computed["rows"] else None
    passage = Passage(
        chunk_id=service.chunk_at(table.document_id, shown_first) or 0,
        document_id=table.document_id,
        document_name=table.name,
        content=answer["passage"],
        similarity_score=max(similar, default=0.0),
        score=1.0,
        section=SECTION,
        rows=rows,
    )
    others = [other.name for other, _ in tries.planned() if other.document_id != table.document_id]
    trace = _trace(tries, table, answer) | {
        "by": proposed_by,
        "plan": answer["plan"],
        "words": answer["words"].replace("`", ""),
        "rows_total": computed["rows_total"],
        "rows_matched": computed["rows_matched"],
        "rows": computed["rows"],
        "ignored": _ignored(computed),
        "also_fits": others,
    }
    text = answer["answer"]
    if others:
        named = ", ".join(f"`{name.replace('`', chr(39))}`" for name in others)
        text += f"\n\nThis could be asked of {named} too: name the table that you mean."
    if proposed_by == "parser":
        return TableAnswer(passage=passage, text=text, trace=trace)
    return TableAnswer(passage=passage, ending=f"*{_last_line(text)}*", trace=trace)


def _ignored(computed: dict[str, Any]) -> dict[str, int]:
    """What did not take part, in words, and how many."""
    found = {
        "blank cells": computed.get("blank", 0),
        "cells that could not be read": computed.get("other", 0),
        "rows in no group": computed.get("no_group", 0),
    }
    found |= {f"rows without a readable {name}": many for name, many in computed["unreadable"].items()}
    return {what: many for what, many in found.items() if many}


def _not_computed(tries: _Tries, result: SearchResult) -> TableAnswer:
    if not tries.answers:
        return TableAnswer()
    table, answer = tries.answers[0]
    ambiguous = next((one["ambiguous"] for _, one in tries.answers if "ambiguous" in one), None)
    trace = _trace(tries, table, answer) | {"reason": answer.get("reason", "not understood")}
    if "proposed" in answer:
        trace["proposed"] = answer["proposed"]
    if ambiguous:
        trace["ambiguous"] = ambiguous
    hint = ""
    if ambiguous and _is_about(result, table):
        word, columns = ambiguous
        listed = " and ".join(f"`{name.replace('`', chr(39))}`" for name in columns)
        hint = f" To have it computed, say which column you mean: {word} fits {listed}."
    return TableAnswer(hint=hint, trace=trace)


def _trace(tries: _Tries, table: TableFile, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "document_id": table.document_id,
        "document_name": table.name,
        "tables_tried": len(tries.answers),
        "ms": answer.get("ms", {}) | {"total": round((time.monotonic() - tries.began) * 1000, 1)},
    }


def _last_line(text: str) -> str:
    return next(line for line in reversed(text.split("\n\n")) if line.startswith("Computed over"))


# --- a plan by the LLM -----------------------------------------------------------------------------


async def _proposed(llm: LLM, question: str, table: dict[str, Any] | None, window: int) -> Any:
    """The JSON that the LLM writes; None for anything else, for "none", and when it is slow."""
    if table is None:
        return None
    messages = fill("table_plan", passages=fence_safe(_described(table)), question=question)
    request = LLMRequest(messages, 0.0, PLAN_TOKENS, context_tokens=window, question=question)
    parts: list[str] = []
    try:
        async with asyncio.timeout(PLAN_SECONDS), aclosing(llm.stream(request)) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, TextDelta):
                    parts.append(event.text)
                elif isinstance(event, TextWasReasoning):
                    parts.clear()
    except (VerbatimError, TimeoutError) as error:
        log.info("no plan for a table: %s", type(error).__name__)
        return None
    return plan_in("".join(parts))


def plan_in(written: str) -> Any:
    """The JSON object of an LLM's reply, which may stand in a code fence; None when there is none."""
    body = re.sub(r"^```\w*\s*|\s*```$", "", written.strip())
    try:
        plan = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return plan if isinstance(plan, dict) and plan.get("do") != "none" else None


def _described(table: dict[str, Any]) -> str:
    """The table's columns with their kinds and some values."""
    lines = [f"Table {table['name']}, {table['rows']} rows. Columns:"]
    for column in table["columns"][:DESCRIBED_COLUMNS]:
        values = ", ".join(value[:DESCRIBED_CHARS] for value in column["examples"][:6])
        lines.append(f"- {column['name']} ({column['kind']}), for example: {values}")
    return "\n".join(lines)
