"""The plan of a computation: filter, group, aggregate, sort, limit, and nothing else.

A plan is made by `english.parse` or from an LLM's JSON by `from_json`, which believes nothing: columns must
exist, operators come from a fixed list, values must fit the column's kind. No SQL is ever taken from
anybody; `query` writes it from a plan whose values are bound, never inserted.
"""

import calendar
import datetime as dt
import re
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, cast

from documents.parsing.values import dates, numbers
from documents.tables.schema import Column, Table

Aggregate = str
AGGREGATES = ("count", "count_distinct", "sum", "average", "median", "minimum", "maximum", "list")
NUMERIC = ("sum", "average", "median")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "between", "in", "not in", "contains", "blank", "not blank")
ORDERED = ("<", "<=", ">", ">=", "between")
UNITS = ("year", "month")
MAX_FILTERS = 8
MAX_VALUES = 50
MAX_VALUE_CHARS = 300
MAX_LIMIT = 50
SPAN = re.compile(r"^(\d{4})(?:-(\d{1,2}))?$")


class PlanError(Exception):
    """The plan does not fit the table; the message says why."""


@dataclass(frozen=True)
class Filter:
    """A condition on a column.

    Attributes:
        values: none for blank and not blank, two for between. Numbers as decimal text; dates as
            "from/to" in ISO form, the same day twice or the ends of the month or year that was named.
    """

    column: int
    op: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What to compute.

    Attributes:
        column: what is aggregated; None for count; for list what the rows are ordered by, or shown with.
        by: the column whose values are groups; `unit` cuts its dates to years or months.
        order, limit: of groups by their result, of a list's rows by `column`. Without an order there is no
            limit, but of a list of rows as they stand. There is none of what an aggregate takes in: a sum is
            of all rows, never of the ten highest.
    """

    aggregate: Aggregate
    column: int | None = None
    filters: tuple[Filter, ...] = ()
    by: int | None = None
    unit: str | None = None
    order: str | None = None
    limit: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def checked(plan: Plan, table: Table) -> Plan:
    """The plan, if the table can answer it.

    Raises:
        PlanError: it cannot.
    """
    _check_aggregate(plan, table)
    if plan.by is not None:
        _check_groups(plan, _column(plan.by, table))
    elif plan.unit:
        raise PlanError("a unit without a grouping")
    _check_order(plan, table)
    if len(plan.filters) > MAX_FILTERS:
        raise PlanError("too many conditions")
    for one in plan.filters:
        _check_filter(one, table)
    return plan


def _check_aggregate(plan: Plan, table: Table) -> None:
    if plan.aggregate not in AGGREGATES:
        raise PlanError("an unknown computation")
    if plan.aggregate in ("count", "list"):
        if plan.aggregate == "count" and plan.column is not None:
            raise PlanError("rows are counted, not a column")
    elif plan.column is None:
        raise PlanError("no column to compute with")
    if plan.column is not None:
        column = _column(plan.column, table)
        if plan.aggregate in NUMERIC and column.kind != "number":
            raise PlanError(f"{column.name} holds no numbers")
        if plan.aggregate in ("minimum", "maximum"):
            _check_rank(column)


def _check_order(plan: Plan, table: Table) -> None:
    if plan.order not in (None, "highest", "lowest"):
        raise PlanError("an unknown order")
    if plan.limit is not None and not 1 <= plan.limit <= MAX_LIMIT:
        raise PlanError("a limit out of range")
    listed = plan.aggregate == "list"
    if plan.order and plan.by is None:
        if not listed or plan.column is None:
            raise PlanError("an order of nothing")
        _check_rank(_column(plan.column, table))
    as_they_stand = listed and plan.column is None
    if plan.limit is not None and plan.order is None and not as_they_stand:
        raise PlanError("a limit without an order")


def _check_rank(column: Column) -> None:
    if column.kind not in ("number", "date"):
        raise PlanError(f"{column.name} has no order")
    if column.unclear:
        raise PlanError(f"day and month cannot be told apart in {column.name}")


def _check_groups(plan: Plan, by: Column) -> None:
    if plan.aggregate == "list":
        raise PlanError("rows are listed, not grouped")
    if plan.column == plan.by:
        raise PlanError("a column grouped by itself")
    if plan.unit and (by.kind != "date" or plan.unit not in UNITS):
        raise PlanError(f"{by.name} cannot be grouped so")
    if plan.unit == "month" and by.unclear:
        raise PlanError(f"day and month cannot be told apart in {by.name}")


def filter_of(column: Column, op: str, *values: str) -> Filter:
    """A condition from values as people write them.

    Raises:
        PlanError: a value does not fit the column's kind.
    """
    if op not in OPERATORS:
        raise PlanError("an unknown comparison")
    wanted = 0 if op in ("blank", "not blank") else 2 if op == "between" else 1
    if len(values) != wanted and not (op in ("in", "not in") and 1 <= len(values) <= MAX_VALUES):
        raise PlanError(f"{op} with {len(values)} values")
    if any(not value.strip() or len(value) > MAX_VALUE_CHARS for value in values):
        raise PlanError("an empty or endless value")
    if op == "contains" or (column.kind == "text" and op not in ORDERED):
        return Filter(column.index, op, tuple(" ".join(value.split()) for value in values))
    if op in ("blank", "not blank"):
        return Filter(column.index, op)
    if column.kind == "number":
        return Filter(column.index, op, tuple(number_of(value, column) for value in values))
    if column.kind == "date":
        return Filter(column.index, op, tuple(_span(value, column) for value in values))
    raise PlanError(f"{column.name} holds neither numbers nor dates, so {op} means nothing")


def number_of(text: str, column: Column) -> str:
    """The number as decimal text: as people write it in English, else as the column writes it."""
    read = numbers(text.strip())
    if read is None:
        raise PlanError(f"{text} is no number")
    value = read.point if read.point is not None else read.comma
    if column.comma and read.comma is not None and "." in text and "," in text:
        value = read.comma
    return f"{cast(Decimal, value):f}"


def _span(text: str, column: Column) -> str:
    text = text.strip()
    if found := SPAN.match(text):
        year, month = int(found[1]), int(found[2] or 0)
        if not 1 <= year <= 9999 or month > 12:
            raise PlanError(f"{text} is no date")
        first = dt.date(year, month or 1, 1)
        last = dt.date(year, month or 12, calendar.monthrange(year, month or 12)[1])
    else:
        read = dates(text)
        if not read or not all(read) or read[0] != read[1]:
            raise PlanError(f"{text} is no date, or not one only")
        first = last = dt.date.fromisoformat(cast(str, read[0]))
    if column.unclear and (first.month, first.day, last.month, last.day) != (1, 1, 12, 31):
        raise PlanError(f"day and month cannot be told apart in {column.name}")
    return f"{first}/{last}"


def _check_filter(one: Filter, table: Table) -> None:
    column = _column(one.column, table)
    if one.op not in OPERATORS:
        raise PlanError("an unknown comparison")
    if one.op in ORDERED and column.kind not in ("number", "date"):
        raise PlanError(f"{column.name} has no order")


def _column(index: int, table: Table) -> Column:
    if not 0 <= index < len(table.columns):
        raise PlanError("a column that does not exist")
    return table.columns[index]


# --- an LLM's JSON ---------------------------------------------------------------------------------

FIELDS = {"do", "column", "where", "by", "unit", "order", "limit"}


def from_json(data: Any, table: Table) -> Plan:
    """A plan that an LLM proposed.

    Args:
        data: {"do", "column", "where": [{"column", "is", "value"}], "by", "unit", "order", "limit"}; all but
            "do" may be missing or null.

    Raises:
        PlanError: whatever does not fit.
    """
    if not isinstance(data, dict) or not set(data) <= FIELDS or not isinstance(data.get("do"), str):
        raise PlanError("not a plan")
    where = data.get("where") or []
    if not isinstance(where, list) or len(where) > MAX_FILTERS:
        raise PlanError("not a list of conditions")
    limit = data.get("limit")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool)):
        raise PlanError("a limit that is no number")
    order, unit = data.get("order"), data.get("unit")
    if not all(isinstance(one, str | None) for one in (order, unit)):
        raise PlanError("an order that is no text")
    column = _named(data.get("column"), table)
    return checked(
        Plan(
            aggregate=data["do"],
            column=None if data["do"] == "count" else column,
            filters=tuple(_condition(one, table) for one in where),
            by=_named(data.get("by"), table),
            unit=unit or None,
            order=order or None,
            limit=limit,
        ),
        table,
    )


def _condition(data: Any, table: Table) -> Filter:
    if not isinstance(data, dict) or not set(data) <= {"column", "is", "value"}:
        raise PlanError("not a condition")
    index = _named(data.get("column"), table)
    op, value = data.get("is"), data.get("value")
    if index is None or not isinstance(op, str):
        raise PlanError("not a condition")
    values = value if isinstance(value, list) else [] if value is None else [value]
    if any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in values):
        raise PlanError("a value that is neither text nor number")
    return filter_of(table.columns[index], op, *map(str, values))


def _named(name: Any, table: Table) -> int | None:
    if name is None or name == "":
        return None
    if not isinstance(name, str):
        raise PlanError("a column's name that is no text")
    wanted = " ".join(name.split()).casefold()
    found = [one.index for one in table.columns if one.name.casefold() == wanted]
    if len(found) != 1:
        raise PlanError("a column that does not exist")
    return found[0]
