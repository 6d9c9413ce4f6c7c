"""What the guarded child does with a table. JSON in, JSON out; no Django, no settings."""

import math
import os
import time
from contextlib import closing, suppress
from typing import Any

import duckdb

from documents.tables import english, query, store, tokens, words
from documents.tables.conditions import Ambiguous
from documents.tables.plan import Filter, Plan, PlanError, from_json
from documents.tables.schema import Table

BUSY_SECONDS = 3.0  # that a question waits for another process to make the database


def run(
    *,
    source: str,
    database: str,
    name: str,
    reading: dict[str, Any],
    spans: list[dict[str, Any]] | None = None,
    question: str | None = None,
    plan: Any = None,
) -> dict[str, Any]:
    """Compute what is asked of a table, or say why not.

    Args:
        source, name, reading, spans: the file, and how it is read; without spans the database must be there.
        database: made when it is missing.
        question: plain English; or
        plan: an LLM's JSON. Neither: only make the database.

    Returns:
        {"missing": True} when there is no database and no spans to make it; {"busy": True} when another
        process takes long to make it; else {"table", "plan", "words", "answer", "passage", "result", "ms"},
        or {"table", "reason"} when there is no plan.
    """
    clock, only_make = _Clock(), question is None and plan is None
    if not _usable(database):
        if spans is None:
            return {"missing": True}
        try:
            with store.sole_builder(database, seconds=math.inf if only_make else BUSY_SECONDS):
                if not _usable(database):  # nor made while we waited
                    store.build(source, database, name=name, reading=reading, spans=spans)
        except store.Busy:
            return {"busy": True}
        clock.lap("build")
    if only_make:
        return {"ms": clock.laps}
    with closing(store.opened(database)) as connection:
        table = Table(name, *_facts(store.table_of(connection)))
        found: dict[str, Any] = {"table": table.to_json(), "ms": clock.laps}
        try:
            chosen = _chosen(connection, table, question, plan)
        except PlanError as error:
            return found | {"reason": str(error)}
        except Ambiguous as error:
            return found | {"reason": "ambiguous", "ambiguous": [error.word, list(error.columns)]}
        clock.lap("plan")
        if chosen is None:
            return found | {"reason": "not understood"}
        try:
            result = query.run(connection, table, chosen)
        except duckdb.Error as error:
            return found | {"reason": f"not computed: {type(error).__name__}"}
        clock.lap("compute")
    return found | {
        "plan": chosen.to_json(),
        "words": words.plan_words(chosen, table),
        "answer": words.answer(chosen, table, result),
        "passage": words.passage(chosen, table, result),
        "result": result,
    }


def _chosen(
    connection: duckdb.DuckDBPyConnection, table: Table, question: str | None, plan: Any
) -> Plan | None:
    if plan is None:
        assert question is not None
        matches = query.look(connection, table, tokens.grams(question))
        return english.parse(question, table, matches)
    chosen = from_json(plan, table)
    values = [value for one in chosen.filters if _is_text(one, table) for value in one.values]
    known = query.look(connection, table, values)
    for one in chosen.filters:
        if _is_text(one, table):
            for value in one.values:
                if not any(match.column == one.column for match in known.get(value.lower(), [])):
                    raise PlanError(f"no cell of {table.columns[one.column].name} says {value}")
    return chosen


def _is_text(one: Filter, table: Table) -> bool:
    return table.columns[one.column].kind == "text" and one.op in ("=", "!=", "in", "not in")


def _facts(table: Table) -> tuple[Any, ...]:
    return table.rows, table.columns, table.width


def _usable(database: str) -> bool:
    """Whether there is a database that this DuckDB can open; one that it cannot is removed."""
    if not os.path.exists(database):
        return False
    try:
        with closing(store.opened(database)) as connection:
            store.table_of(connection)
    except (duckdb.Error, ValueError, KeyError, TypeError):
        with suppress(FileNotFoundError):  # another one removed it
            os.unlink(database)
        return False
    return True


class _Clock:
    """Milliseconds per step."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 1)
        self._last = now
