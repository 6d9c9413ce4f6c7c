"""A table's description in sentences that a question can find: about the whole, then one per column."""

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from documents.parsing.values import EXACT

MOST_FREQUENT = 8
NAMES_PER_PASSAGE = 40
MAX_NAME = 80
NUMBER_SHARE = 0.95  # of a column's filled cells that must be numbers (or dates)
BOOLEANS = (
    {"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"on", "off"}, {"ja", "nein"}, {"j", "n"},
    {"oui", "non"}, {"wahr", "falsch"}, {"vrai", "faux"}, {"sí", "no"}, {"si", "no"}, {"sim", "não"},
)  # fmt: skip
LABELS = re.compile(r"(^|[\s_-])(id|code|zip|zipcode|postcode|plz|year|jahr|année|phone|nr)$", re.IGNORECASE)
YEARS = (1500, 2100)


def passages(profile: dict[str, Any], *, table: str, columns: Sequence[str], preamble: str = "") -> list[str]:
    """The description, most general first.

    Args:
        profile: merged over all rows (see `parsing.profile`).
        table: the file's name.
        columns: all names; those beyond the described ones are only counted.
    """
    described = profile["columns"]
    decimal_comma = _table_prefers_comma(described)
    month_first = _table_prefers_month(described)
    kinds = [_kind(column, comma=decimal_comma, month_first=month_first) for column in described]
    made = _overview(profile, table, columns, kinds, preamble)
    for name, column, (kind, reading) in zip(columns, described, kinds, strict=False):
        made.append(_column(name[:MAX_NAME], column, kind, reading, table, profile["rows"]))
    return made


def column_types(profile: dict[str, Any]) -> list[str]:
    """integer, decimal, date, boolean, text or empty, per described column."""
    comma, month = _table_prefers_comma(profile["columns"]), _table_prefers_month(profile["columns"])
    return [_kind(column, comma=comma, month_first=month)[0] for column in profile["columns"]]


def column_readings(profile: dict[str, Any]) -> list[tuple[str, dict[str, Any] | None]]:
    """The same, each with that reading of the column's numbers or dates which holds."""
    comma, month = _table_prefers_comma(profile["columns"]), _table_prefers_month(profile["columns"])
    return [_kind(column, comma=comma, month_first=month) for column in profile["columns"]]


# --- types -----------------------------------------------------------------------------------------


def _kind(
    column: dict[str, Any], *, comma: bool | None, month_first: bool | None
) -> tuple[str, dict[str, Any] | None]:
    """The type, and that reading of the column's numbers or dates which holds."""
    filled = column["filled"] - column["missing"]
    if filled <= 0:
        return "empty", None
    numbers = _number_reading(column, comma=comma)
    if numbers and not column["codes"] and numbers["count"] >= filled * NUMBER_SHARE:
        return ("integer" if numbers["whole"] == numbers["count"] else "decimal"), numbers
    dates = _date_reading(column, month_first=month_first)
    if dates and dates["count"] >= filled * NUMBER_SHARE:
        return "date", dates
    values = {value.lower() for value in column["values"]}
    if not column["error"] and len(values) == 2 and any(values == pair for pair in BOOLEANS):
        return "boolean", None
    return "text", None


def _number_reading(column: dict[str, Any], *, comma: bool | None) -> dict[str, Any] | None:
    """By the column's own evidence, then by the other columns', else with a decimal point."""
    own = _prefers_comma(column)
    use_comma = own if own is not None else bool(comma)
    return column["comma" if use_comma else "point"] or column["point"] or column["comma"]


def _prefers_comma(column: dict[str, Any]) -> bool | None:
    if column["comma_only"] == column["point_only"]:
        return None
    return bool(column["comma_only"] > column["point_only"])


def _table_prefers_comma(columns: Iterable[dict[str, Any]]) -> bool | None:
    opinions = [opinion for column in columns if (opinion := _prefers_comma(column)) is not None]
    if sum(opinions) * 2 == len(opinions):
        return None
    return sum(opinions) * 2 > len(opinions)


def _counts_of_dates(column: dict[str, Any]) -> tuple[int, int]:
    return tuple((column[name] or {"count": 0})["count"] for name in ("day_first", "month_first"))  # type: ignore[return-value]


def _table_prefers_month(columns: Iterable[dict[str, Any]]) -> bool | None:
    day, month = (sum(counts) for counts in zip(*map(_counts_of_dates, columns), strict=True))
    return None if day == month else month > day


def _date_reading(column: dict[str, Any], *, month_first: bool | None) -> dict[str, Any] | None:
    """Where day and month cannot be told apart, only the years of the range are kept."""
    day, month = _counts_of_dates(column)
    if day != month:
        return dict(column["month_first" if month > day else "day_first"])
    if not day:
        return None
    if column["day_first"]["low"] == column["month_first"]["low"] and (
        column["day_first"]["high"] == column["month_first"]["high"]
    ):
        return dict(column["day_first"])
    if month_first is not None:
        return dict(column["month_first" if month_first else "day_first"])
    return {"count": day, "unclear": True} | {
        end: [column["day_first"][end][0][:4], column["day_first"][end][0][:4], None, ""]
        for end in ("low", "high")
    }


# --- words -----------------------------------------------------------------------------------------


def _overview(
    profile: dict[str, Any],
    table: str,
    columns: Sequence[str],
    kinds: list[tuple[str, dict[str, Any] | None]],
    preamble: str,
) -> list[str]:
    rows, width = profile["rows"], len(columns)
    said = f"The table {table} has {_many(rows, 'row')} (records, entries) and {_many(width, 'column')}."
    shown = [f"{name[:MAX_NAME]} ({kind})" for name, (kind, _) in zip(columns, kinds, strict=False)]
    made = [f"{said} Its columns are: {_listed(shown[:NAMES_PER_PASSAGE])}."]
    for at in range(NAMES_PER_PASSAGE, len(shown), NAMES_PER_PASSAGE):
        more = _listed(shown[at : at + NAMES_PER_PASSAGE])
        made.append(f"Further columns of the table {table}: {more}.")
    if width > len(shown):
        made.append(f"{_many(width - len(shown), 'more column')} of the table {table} are not described.")
    if preamble:
        made.append(f"Above the table {table} stands: {preamble}")
    return made


def _column(
    name: str, column: dict[str, Any], kind: str, reading: dict[str, Any] | None, table: str, rows: int
) -> str:
    words = {
        "integer": "whole numbers",
        "decimal": "decimal numbers",
        "date": "dates",
        "boolean": "yes or no",
    }
    filled, empty = column["filled"], rows - column["filled"]
    said = [f"Column {name} of the table {table}: {words.get(kind, kind)}; {_many(filled, 'row')} filled"]
    said[0] += f", {empty:,} empty." if empty else ", none empty."
    if kind == "empty":
        return said[0]
    if reading is not None:
        said += _range(name, kind, reading)
        other = filled - reading["count"]
        if other:
            said.append(f"{_many(other, 'cell')} hold something else.")
    said.append(_distinct(column, filled))
    if kind in ("integer", "decimal") and reading is not None:
        said += _sums(name, column, reading)
    said.append(_frequent(name, column))
    return " ".join(filter(None, said))


def _range(name: str, kind: str, reading: dict[str, Any]) -> list[str]:
    low, high = reading["low"], reading["high"]
    if reading.get("unclear"):
        return [f"Years {low[1]} to {high[1]} (day and month cannot be told apart)."]
    words = (
        ("Earliest (first)", "Latest (last)") if kind == "date" else ("Lowest (minimum)", "Highest (maximum)")
    )
    return [f"{words[0]} {name}: {_end(low, kind)}.", f"{words[1]} {name}: {_end(high, kind)}."]


def _end(end: list[Any], kind: str) -> str:
    value, written, row, brief = end
    shown = written if kind != "date" or written.startswith(value) else f"{written} ({value})"
    return f"{shown} in row {row:,}" + (f" ({brief})" if brief else "")


def _sums(name: str, column: dict[str, Any], reading: dict[str, Any]) -> list[str]:
    ends = [Decimal(reading[end][0]) for end in ("low", "high")]
    years = reading["whole"] == reading["count"] and all(YEARS[0] <= end <= YEARS[1] for end in ends)
    if LABELS.search(name) or years or column["percents"] > reading["count"] / 2:
        return []
    total, count = Decimal(reading["sum"]), reading["count"]
    mean = EXACT.divide(total, Decimal(count))
    places = max(2, -int(total.as_tuple().exponent))
    rounded = mean.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=EXACT)
    about = "" if rounded == mean else "about "
    return [f"Sum (total) of {name}: {total:,f}; mean (average): {about}{_plain(rounded)}."]


def _distinct(column: dict[str, Any], filled: int) -> str:
    if column["error"]:
        return f"More than {column['distinct'] - 1:,} different values."
    if column["distinct"] == filled:
        return "All values are different." if filled > 1 else ""
    return f"{_many(column['distinct'], 'different value')}."


def _frequent(name: str, column: dict[str, Any]) -> str:
    """The commonest values; with a count that may be too low, only those that are surely among them."""
    ranked = sorted(column["values"].items(), key=lambda item: (-item[1], item[0]))
    least = max(1, column["error"])
    shown = [(value, count) for value, count in ranked if count > least][:MOST_FREQUENT]
    if not shown:
        return ""
    at_least = "at least " if column["error"] else ""
    listed = "; ".join(f"{value} ({at_least}{count:,} times)" for value, count in shown)
    unshown = ranked[len(shown) : len(shown) + 1]
    if unshown and unshown[0][1] == shown[-1][1]:
        listed += "; and others as often"
    whole = not column["error"] and len(shown) == column["distinct"]
    return f"{'Values' if whole else 'Most frequent (most common)'} of {name}: {listed}."


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _plain(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
