"""Plans and results in words: the same sentences for the answer, its source and its trace. Pure.

Cells and names are put in as code, so that nothing in them is read as Markdown.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from documents.tables.plan import Filter, Plan
from documents.tables.schema import Column, Table

OPERATORS = {
    "=": "is",
    "!=": "is not",
    "in": "is",
    "not in": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "between": "is between",
    "contains": "contains",
    "blank": "is blank",
    "not blank": "is not blank",
}
DATED = {"<": "is before", "<=": "is not after", ">": "is after", ">=": "is not before"}
ROWS_SHOWN = 10


def plan_words(plan: Plan, table: Table) -> str:
    """What is computed: "average of unit price for each city, where status is `open`"."""
    said = _what(plan, table)
    if plan.by is not None:
        by = code(table.columns[plan.by].name)
        said += f" for each {plan.unit} of {by}" if plan.unit else f" for each {by}"
    said += where_words(plan, table)
    if plan.order:
        said += f", the {plan.order} first"
    return said


def where_words(plan: Plan, table: Table) -> str:
    """The conditions, with a comma before them; nothing when there are none."""
    if not plan.filters:
        return ""
    return ", where " + " and ".join(_condition(one, table.columns[one.column]) for one in plan.filters)


def answer(plan: Plan, table: Table, result: dict[str, Any], *, marker: str = "[1]") -> str:
    """The answer as Markdown: the result with its citation, then what was left out, then how it was made."""
    lines = [
        *_result(plan, table, result, marker),
        _left_out(plan, table, result),
        _made(plan, table, result),
    ]
    return "\n\n".join(line for line in lines if line)


def passage(plan: Plan, table: Table, result: dict[str, Any]) -> str:
    """The result as the text of a source: what an LLM reads and what a citation shows."""
    lines = [answer(plan, table, result, marker="")]
    if "best" not in result and "listed" not in result and result["sample"]:
        lines += ["The first of these rows:", "\n".join(f"- {_brief(one)}" for one in result["sample"])]
    return "\n\n".join(lines).replace("`", "").replace("**", "")


def code(text: str) -> str:
    """A name or a cell as inline code."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def _what(plan: Plan, table: Table) -> str:
    if plan.aggregate == "count":
        return "number of rows"
    if plan.aggregate == "list":
        if plan.column is not None and plan.order:
            return f"rows by {code(table.columns[plan.column].name)}"
        return "rows"
    assert plan.column is not None
    column = table.columns[plan.column]
    name = code(column.name)
    if plan.aggregate == "count_distinct":
        return f"number of different values of {name}"
    if plan.aggregate in ("minimum", "maximum"):
        dated = column.kind == "date"
        ends = {"minimum": "earliest" if dated else "lowest", "maximum": "latest" if dated else "highest"}
        return f"{ends[plan.aggregate]} {name}"
    return f"{plan.aggregate} of {name}"


def _condition(one: Filter, column: Column) -> str:
    values = [code(value) for value in one.values]
    if column.kind == "date" and one.op not in ("contains", "blank", "not blank"):
        values = [_span(value) for value in one.values]
    elif column.kind == "number" and one.op != "contains":
        values = [_number(value, column) for value in one.values]
    op = DATED.get(one.op, OPERATORS[one.op]) if column.kind == "date" else OPERATORS[one.op]
    if column.kind == "date" and one.op == "=" and one.values[0][:10] != one.values[0][11:]:
        op = "is in"
    joint = " and " if one.op == "between" else " or "
    return " ".join(part for part in (code(column.name), op, joint.join(values)) if part)


def _span(value: str) -> str:
    """2020-01-01/2020-12-31 is 2020."""
    first, last = value.split("/")
    if first == last:
        return first
    return first[:4] if first[5:7] != last[5:7] else first[:7]


def _number(value: str, column: Column | None) -> str:
    """With separators of thousands, and a percent sign where the column has one."""
    sign = "%" if column is not None and column.percent else ""
    return f"{Decimal(value):,f}{sign}"


def _value(value: str | None, plan: Plan, table: Table) -> str:
    if value is None:
        return "nothing"
    column = None if plan.column is None else table.columns[plan.column]
    if plan.aggregate in ("count", "count_distinct"):
        return _number(value, None)
    return value if column is not None and column.kind == "date" else _number(value, column)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _cited(sentence: str, marker: str, end: str = ".") -> str:
    return f"{sentence} {marker}{end}" if marker else f"{sentence}{end}"


def _result(plan: Plan, table: Table, result: dict[str, Any], marker: str) -> list[str]:
    name, total, matched = code(table.name), result["rows_total"], result["rows_matched"]
    where = where_words(plan, table)
    if plan.by is not None:
        return _grouped(plan, table, result, marker)
    if plan.aggregate == "list":
        if not matched:
            return [_cited(f"None of the {_rows(total)} of {name} match{where}", marker)]
        intro = (
            f"**{matched:,}** of the {_rows(total)} of {name} match{where}"
            if plan.filters
            else f"Rows of {name}"
        )
        shown = [f"- {_brief(one)}" for one in result["listed"]]
        more = matched - len(shown)
        head = f"{intro}; {len(shown)} of them" if more > 0 else intro
        return [_cited(head, marker, ":"), "\n".join(shown)]
    if plan.aggregate == "count":
        if not plan.filters:
            return [_cited(f"{name} has **{_rows(total)}**", marker)]
        return [_cited(f"**{matched:,}** of the {_rows(total)} of {name} match{where}", marker)]
    made = _what(plan, table)
    if result["value"] is None:
        return [
            _cited(f"There is no {made} in {name}{where}: {_rows(matched)} match, none with a value", marker)
        ]
    value = f"**{_value(result['value'], plan, table)}**"
    if plan.aggregate in ("minimum", "maximum"):
        shared, best = result["shared_by"], result["best"]
        first = f"row {best[0]['row']}"
        places = first if shared == 1 else f"{_rows(shared)}, first in {first}"
        lines = "\n".join(f"- {_brief(one)}" for one in best)
        return [_cited(f"The {made} in {name} is {value}{where}, in {places}", marker, ":"), lines]
    if plan.aggregate == "count_distinct":
        sentence = _cited(f"The {made} in {name} is {value}{where}", marker)
        groups = result["groups"]
        listed = ", ".join(f"{code(one['key'])} ({_rows(one['rows'])})" for one in groups)
        whole = int(result["value"]) <= len(groups)
        return [sentence, f"{'They are' if whole else 'The most frequent are'} {listed}." if listed else ""]
    return [_cited(f"The {made} in {name} is {value}{where}, from {_rows(result['count'])}", marker)]


def _grouped(plan: Plan, table: Table, result: dict[str, Any], marker: str) -> list[str]:
    groups, name, where = result["groups"], code(table.name), where_words(plan, table)
    assert plan.by is not None
    by, what = code(table.columns[plan.by].name), _what(plan, table)
    if not groups:
        return [_cited(f"No row of {name} has a {by}{where}", marker)]
    if plan.limit == 1:
        first = groups[0]
        said = f"{by} {code(first['key'])} has the {plan.order or 'highest'} {what} in {name}{where}"
        tied = "Others have the same." if result["tied"] else ""
        return [_cited(f"{said}: **{_value(first['value'], plan, table)}**", marker), tied]
    shown, total = len(groups), result["groups_total"]
    part = f" ({shown} of {total:,})" if shown < total else ""
    lines = []
    for one in groups:
        rows = "" if plan.aggregate == "count" else f" ({_rows(one['rows'])})"
        lines.append(f"- {code(one['key'])}: **{_value(one['value'], plan, table)}**{rows}")
    unit = f"{plan.unit} of {by}" if plan.unit else by
    tied = f"More of them share the last place with the same {what}." if result["tied"] and plan.limit else ""
    return [_cited(f"The {what} for each {unit} in {name}{where}{part}", marker, ":"), "\n".join(lines), tied]


def _left_out(plan: Plan, table: Table, result: dict[str, Any]) -> str:
    said = []
    if plan.column is not None:
        column = table.columns[plan.column]
        blank, other = result.get("blank", 0), result.get("other", 0)
        wanted = {"number": "number", "date": "date"}.get(column.kind, "value")
        parts = [f"{blank:,} blank"] if blank else []
        parts += [f"{other:,} without a {wanted}"] if other else []
        if parts:
            count = blank + other
            said.append(
                f"{' and '.join(parts)} cell{'' if count == 1 else 's'} of {code(column.name)} left out"
            )
    for name, count in result["unreadable"].items():
        said.append(f"{_rows(count)} without a readable {code(name)} not counted")
    if result.get("no_group") and plan.by is not None:
        said.append(f"{_rows(result['no_group'])} without a {code(table.columns[plan.by].name)} in no group")
    return f"Not in it: {'; '.join(said)}." if said else ""


def _made(plan: Plan, table: Table, result: dict[str, Any]) -> str:
    said = f"Computed over all {_rows(result['rows_total'])}: {plan_words(plan, table)}."
    return f"{said} {rows_words(result)}".strip()


def rows_words(result: dict[str, Any]) -> str:
    """The numbers of the rows behind the result, as far as they are listed."""
    rows, matched = result["rows"][:ROWS_SHOWN], result.get("shared_by", result["rows_matched"])
    if not rows or matched == result["rows_total"]:
        return ""
    more = matched - len(rows)
    listed = _runs(rows)
    return f"Row{'s' if matched > 1 else ''} {listed}{f' and {more:,} more' if more > 0 else ''}."


def _runs(rows: Sequence[int]) -> str:
    """3, 5-8, 11."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _brief(one: dict[str, Any]) -> str:
    cells = "; ".join(f"{name}: {cell}" for name, cell in one["cells"])
    return f"row {one['row']}: {code(cells)}"
