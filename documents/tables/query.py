"""A checked plan run over a stored table: SQL from fixed pieces, every value bound.

A result is JSON: what was computed, the numbers of the rows behind it, and how many cells did not take part.
"""

import datetime as dt
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import duckdb

from documents.parsing.values import EXACT
from documents.tables.plan import Filter, Plan
from documents.tables.schema import Column, Match, Table

SHOWN_ROWS = 20  # row numbers, and rows of a list
SHOWN_BEST = 5  # rows that share the highest or lowest value, and rows that a source shows
SHOWN_GROUPS = 20
BRIEF_CELLS, BRIEF_CHARS = 6, 80
COMPARED = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def look(connection: duckdb.DuckDBPyConnection, table: Table, words: Iterable[str]) -> dict[str, list[Match]]:
    """Which of these words are a whole cell of a column of text, whatever their case."""
    wanted = list(dict.fromkeys(words))
    found: dict[str, list[Match]] = {}
    if not wanted:
        return found
    for column in table.columns:
        if column.kind != "text":
            continue
        cell = f"c{column.index}"
        rows = connection.execute(
            f"""SELECT lower({cell}), {cell}, count(*) FROM t
                 WHERE lower({cell}) IN (SELECT lower(unnest($words)))
                 GROUP BY 1, 2 ORDER BY 3 DESC, 2""",  # noqa: S608
            {"words": wanted},
        ).fetchall()
        for lower in dict.fromkeys(row[0] for row in rows):
            same = [row for row in rows if row[0] == lower]
            match = Match(column.index, same[0][1], sum(row[2] for row in same))
            found.setdefault(lower, []).append(match)
    return found


def run(connection: duckdb.DuckDBPyConnection, table: Table, plan: Plan) -> dict[str, Any]:
    """The result of a plan that `plan.checked` let pass.

    Raises:
        duckdb.Error: a sum beyond the decimals' range, no memory.
    """
    return _Run(connection, table, plan).result()


class _Run:
    def __init__(self, connection: duckdb.DuckDBPyConnection, table: Table, plan: Plan) -> None:
        self.connection, self.table, self.plan = connection, table, plan
        self.values: dict[str, Any] = {}
        self.where = " AND ".join(f"({self._condition(one)})" for one in plan.filters) or "TRUE"

    def result(self) -> dict[str, Any]:
        """See the module."""
        plan, table = self.plan, self.table
        matched, first, last = self._one(f"SELECT count(*), min(r), max(r) FROM t WHERE {self.where}")  # noqa: S608
        sql = f"SELECT r FROM t WHERE {self.where} ORDER BY r LIMIT {SHOWN_ROWS}"  # noqa: S608
        rows = [row[0] for row in self._all(sql)]
        found: dict[str, Any] = {
            "rows_total": table.rows,
            "rows_matched": matched,
            "rows": rows,
            "first": first,
            "last": last,
            "unreadable": self._unreadable(),
            "sample": self._briefs(rows[:SHOWN_BEST]),
        }
        if plan.by is not None:
            return found | self._groups(table.columns[plan.by])
        if plan.aggregate == "list":
            return found | {"listed": self._listed()}
        if plan.aggregate == "count":
            return found | {"value": str(matched)}
        assert plan.column is not None
        column = table.columns[plan.column]
        found |= self._left_out(column)
        if plan.aggregate == "count_distinct":
            return found | self._distinct(column)
        return found | self._computed(column)

    # --- the parts of SQL ---------------------------------------------------------------------------

    def _one(self, sql: str) -> tuple[Any, ...]:
        row = self.connection.execute(sql, self._bound(sql)).fetchone()
        assert row is not None
        return row

    def _all(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, self._bound(sql)).fetchall()

    def _bound(self, sql: str) -> dict[str, Any]:
        return {name: value for name, value in self.values.items() if f"${name}" in sql}

    def _bind(self, value: Any) -> str:
        name = f"v{len(self.values):03d}"
        self.values[name] = value
        return f"${name}"

    def _condition(self, one: Filter) -> str:
        column = self.table.columns[one.column]
        cell = f"c{column.index}"
        if one.op == "blank":
            return f"{cell} IS NULL"
        if one.op == "not blank":
            return f"{cell} IS NOT NULL"
        if one.op == "contains":
            return f"contains(lower({cell}), lower({self._bind(one.values[0])}))"
        if one.op in ("in", "not in"):
            equal = " OR ".join(f"({self._compared(column, '=', (value,))})" for value in one.values)
            return equal if one.op == "in" else f"NOT ({equal})"
        return self._compared(column, one.op, one.values)

    def _compared(self, column: Column, op: str, values: tuple[str, ...]) -> str:
        if column.kind == "number":
            typed = "DOUBLE" if column.scale is None else "DECIMAL(38, 10)"
            bound = [f"CAST({self._bind(value)} AS {typed})" for value in values]
            if op == "between":
                low, high = bound
                return f"n{column.index} BETWEEN least({low}, {high}) AND greatest({low}, {high})"
            return f"n{column.index} {COMPARED[op]} {bound[0]}"
        if column.kind == "date":
            return self._dated(f"d{column.index}", op, [value.split("/") for value in values])
        return f"lower(c{column.index}) {COMPARED[op]} lower({self._bind(values[0])})"

    def _dated(self, cell: str, op: str, spans: list[list[str]]) -> str:
        low, high = (f"CAST({self._bind(end)} AS DATE)" for end in (min(spans)[0], max(spans)[1]))
        within = f"{cell} BETWEEN {low} AND {high}"
        return {
            "=": within,
            "between": within,
            "!=": f"NOT ({within})",
            "<": f"{cell} < {low}",
            "<=": f"{cell} <= {high}",
            ">": f"{cell} > {high}",
            ">=": f"{cell} >= {low}",
        }[op]

    # --- the results --------------------------------------------------------------------------------

    def _unreadable(self) -> dict[str, int]:
        """Column -> rows that its condition cannot judge: it is blank there, or no number or date."""
        found = {}
        for one in self.plan.filters:
            column = self.table.columns[one.column]
            if one.op in ("blank", "not blank", "contains") or (
                one.op in ("=", "in") and column.kind == "text"
            ):
                continue
            (count,) = self._one(f"SELECT count(*) FROM t WHERE {_value(column)} IS NULL")  # noqa: S608
            if count:
                found[column.name] = count
        return found

    def _left_out(self, column: Column) -> dict[str, Any]:
        value, cell = self._computed_with(column), f"c{column.index}"
        blank, other = self._one(
            f"""SELECT count(*) FILTER ({cell} IS NULL),
                       count(*) FILTER ({cell} IS NOT NULL AND {value} IS NULL)
                  FROM t WHERE {self.where}"""  # noqa: S608
        )
        return {"blank": blank, "other": other}

    def _computed_with(self, column: Column) -> str:
        """What the aggregate takes in. Different values are told apart as groups are, by their cells."""
        return f"lower(c{column.index})" if self.plan.aggregate == "count_distinct" else _value(column)

    def _distinct(self, column: Column) -> dict[str, Any]:
        cell = f"c{column.index}"
        made = _aggregate(self.plan.aggregate, self._computed_with(column))
        (count,) = self._one(f"SELECT {made} FROM t WHERE {self.where}")  # noqa: S608
        groups = self._all(
            f"""SELECT arg_min({cell}, r), count(*), min(r) FROM t WHERE {self.where} AND {cell} IS NOT NULL
                 GROUP BY lower({cell}) ORDER BY 2 DESC, 3 LIMIT {SHOWN_GROUPS}"""  # noqa: S608
        )
        return {"value": str(count), "groups": [_group(key, str(n), n, row) for key, n, row in groups]}

    def _computed(self, column: Column) -> dict[str, Any]:
        value = _value(column)
        made, count = self._one(
            f"SELECT {_aggregate(self.plan.aggregate, value)}, count({value}) FROM t WHERE {self.where}"  # noqa: S608
        )
        found: dict[str, Any] = {"count": count, "value": None}
        if not count:
            return found
        found["value"] = _shown(made, count, self.plan.aggregate, column)
        if self.plan.aggregate in ("minimum", "maximum"):
            same = f"{self.where} AND {value} = {self._bind(made)}"
            (found["shared_by"],) = self._one(f"SELECT count(*) FROM t WHERE {same}")  # noqa: S608
            best = self._all(f"SELECT r FROM t WHERE {same} ORDER BY r LIMIT {SHOWN_BEST}")  # noqa: S608
            found["rows"] = [row[0] for row in best]
            found["best"] = self._briefs(found["rows"])
        return found

    def _groups(self, by: Column) -> dict[str, Any]:
        plan = self.plan
        key = f"c{by.index}"
        if plan.unit:
            form = {"year": "%Y", "month": "%Y-%m"}[plan.unit]
            key = f"strftime(d{by.index}, '{form}')"
        column = None if plan.column is None else self.table.columns[plan.column]
        made = counted = "count(*)"
        if column is not None:
            value = self._computed_with(column)
            made, counted = _aggregate(plan.aggregate, value), f"count({value})"
        rank = f"{made} / {counted}" if plan.aggregate == "average" else made
        way = "ASC" if plan.order == "lowest" else "DESC"
        order = f"lower({key})" if plan.unit and plan.order is None else f"{rank} {way} NULLS LAST, min(r)"
        (total, blank) = self._one(
            f"SELECT count(DISTINCT lower({key})), count(*) FILTER ({key} IS NULL) FROM t WHERE {self.where}"  # noqa: S608
        )
        limit = min(plan.limit or SHOWN_GROUPS, SHOWN_GROUPS)
        rows = self._all(
            f"""SELECT arg_min({key}, r), {made}, {counted}, min(r), count(*), {rank} FROM t
                 WHERE {self.where} AND {key} IS NOT NULL
                 GROUP BY lower({key}) ORDER BY {order} LIMIT {limit + 1}"""  # noqa: S608
        )
        groups = [
            _group(name, _shown(value, count, plan.aggregate, column) if count else None, size, row)
            for name, value, count, row, size, _ in rows[:limit]
        ]
        tied = len(rows) > limit and rows[limit][5] == rows[limit - 1][5]
        found: dict[str, Any] = {"groups": groups, "groups_total": total, "no_group": blank, "tied": tied}
        if column is not None:
            found |= self._left_out(column)
        return found

    def _listed(self) -> list[dict[str, Any]]:
        plan = self.plan
        order = "r"
        if plan.order:
            assert plan.column is not None
            way = "ASC" if plan.order == "lowest" else "DESC"
            order = f"{_value(self.table.columns[plan.column])} {way} NULLS LAST, r"
        limit = min(plan.limit or SHOWN_ROWS, SHOWN_ROWS)
        rows = self._all(f"SELECT r FROM t WHERE {self.where} ORDER BY {order} LIMIT {limit}")  # noqa: S608
        return self._briefs([row[0] for row in rows])

    def _briefs(self, numbers: list[int]) -> list[dict[str, Any]]:
        """Rows by their first filled cells, and those that the plan speaks of, in the order given."""
        if not numbers:
            return []
        spoken = [self.plan.column, *(one.column for one in self.plan.filters)]
        indexes = dict.fromkeys([index for index in spoken if index is not None])
        cells = ", ".join(f"c{column.index}" for column in self.table.columns)
        rows = self.connection.execute(
            f"SELECT r, {cells} FROM t WHERE r IN (SELECT unnest($rows))",  # noqa: S608
            {"rows": numbers},
        ).fetchall()
        found = {}
        for number, *filled in rows:
            first = [index for index, cell in enumerate(filled) if cell][:BRIEF_CELLS]
            wanted = sorted({*first, *(index for index in indexes if filled[index])})
            found[number] = {
                "row": number,
                "cells": [[self.table.columns[index].name, filled[index][:BRIEF_CHARS]] for index in wanted],
            }
        return [found[number] for number in numbers if number in found]


def _value(column: Column) -> str:
    return {"number": "n", "date": "d"}.get(column.kind, "c") + str(column.index)


def _aggregate(name: str, value: str) -> str:
    if name == "count_distinct":
        return f"count(DISTINCT {value})"
    if name == "median":
        return f"median(CAST({value} AS DOUBLE))"
    return {"sum": "sum", "average": "sum", "minimum": "min", "maximum": "max"}[name] + f"({value})"


def _group(key: str, value: str | None, size: int, first_row: int) -> dict[str, Any]:
    return {"key": key, "value": value, "rows": size, "first_row": first_row}


def _shown(value: Any, count: int, aggregate: str, column: Column | None) -> str:
    """The value as text: numbers exact to the digits that the column has, two more for means."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if column is None or aggregate in ("count", "count_distinct"):
        return str(value)
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    places = max(column.scale if column.scale is not None else 6, 0)
    if aggregate in ("average", "median"):
        number = EXACT.divide(number, Decimal(count)) if aggregate == "average" else number
        places += 2
    rounded = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=EXACT)
    text = f"{rounded:f}"
    plain = text.rstrip("0").rstrip(".") if "." in text else text
    return text if aggregate != "average" and aggregate != "median" and column.scale else plain
