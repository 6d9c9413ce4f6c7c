"""What the columns of a stored table hold, by the same evidence and rules as its description.

Cells in plain form (`-12.5`) are read by the database; all others, once each, by `parsing.values`.
"""

from typing import Any

import duckdb
import numpy as np

from documents.parsing.profile_text import column_readings
from documents.parsing.values import MISSING, dates, numbers
from documents.tables.schema import Column, Kind

PLAIN = r"'-?(0|[1-9][0-9]{0,14})([.][0-9]{1,10})?'"
GROUPED = r"'-?(0|[1-9][0-9]{0,2})[.][0-9]{3}'"  # with a decimal comma these are thousands
ODD_AT_FIRST = (
    50_000  # different cells of other forms; if hardly one of them is a value, neither are the rest
)
LEAST_SHARE = 0.05
MIXED_SHARE = 0.5  # of a text column's cells that must be numbers for it to be computed with
MAX_SCALE, MAX_DIGITS = 10, 28
EXAMPLES = 12
BATCH = 20_000


def described(connection: duckdb.DuckDBPyConnection, names: list[str]) -> list[Column]:
    """Judge the columns of table `t` and write it with `n…` and `d…` beside `c…` to database `made`."""
    evidence = [_evidence(connection, index) for index in range(len(names))]
    readings = column_readings({"columns": evidence})
    columns, added, joins = [], [], []
    for index, (name, (kind, reading)) in enumerate(zip(names, readings, strict=True)):
        facts = evidence[index]
        kind, reading = _computable(kind, reading, facts)
        more: dict[str, Any] = {}
        if reading is not None:
            added.append(
                _numbers(index, reading, facts, more) if kind == "number" else _dates(index, reading, more)
            )
            joins.append(f"LEFT JOIN odd{index} ON odd{index}.cell = t.c{index}")
        columns.append(
            Column(
                index=index,
                name=name,
                kind=kind,
                filled=facts["filled"],
                distinct=facts["distinct"],
                examples=_examples(connection, index),
                **more,
            )
        )
    connection.execute(f"CREATE TABLE made.t AS SELECT {', '.join(['t.*', *added])} FROM t {' '.join(joins)}")  # noqa: S608
    return columns


def _computable(kind: str, reading: Any, facts: dict[str, Any]) -> tuple[Kind, Any]:
    """A kind of `Column`. A column that holds other text too is computed with where most of it is numbers."""
    if kind in ("integer", "decimal"):
        return "number", reading
    if kind in ("date", "empty"):
        return ("date" if kind == "date" else "empty"), reading
    filled = facts["filled"] - facts["missing"]
    best = max(("point", "comma"), key=lambda name: (facts[name] or {"count": 0})["count"])
    if not facts["codes"] and facts[best] and facts[best]["count"] > filled * MIXED_SHARE:
        return "number", facts[best]
    return "text", None


def _odd(connection: duckdb.DuckDBPyConnection, index: int, facts: dict[str, Any]) -> None:
    """Read every different cell that is not of plain form, once: table `odd…` and the facts about them.

    Stops early in columns of text.
    """
    connection.execute(
        f"CREATE TEMP TABLE odd{index} "
        "(cell VARCHAR, point VARCHAR, comma VARCHAR, percent BOOLEAN,"
        " day_first VARCHAR, month_first VARCHAR)"
    )
    found, asked = 0, connection.cursor()
    asked.execute(
        f"SELECT c{index}, count(*) FROM t "  # noqa: S608
        f"WHERE c{index} IS NOT NULL AND NOT regexp_full_match(c{index}, {PLAIN}) GROUP BY 1"
    )
    seen = 0
    while batch := asked.fetchmany(BATCH):
        seen += len(batch)
        read = [row for text, count in batch if (row := _read(text, count, facts))]
        if read:
            found += len(read)
            names = ("cell", "point", "comma", "percent", "day_first", "month_first")
            columns = zip(names, zip(*read, strict=True), strict=True)
            connection.register("block", {name: np.array(cells, dtype=object) for name, cells in columns})
            connection.execute(f"INSERT INTO odd{index} SELECT * FROM block")  # noqa: S608
            connection.unregister("block")
        if seen >= ODD_AT_FIRST and found < seen * LEAST_SHARE:
            break


def _read(text: str, count: int, facts: dict[str, Any]) -> tuple[Any, ...] | None:
    """The row of `odd…` of a cell that is a number or a date; counts it."""
    number = numbers(text)
    if number is not None:
        facts["percents"] += count * number.percent
        facts["point_only"] += count * (number.comma is None)
        facts["comma_only"] += count * (number.point is None)
        for name, value in (("point", number.point), ("comma", number.comma)):
            if value is not None:
                one = facts[name]
                one["count"] += count
                one["whole"] += count * (value == value.to_integral_value())
                one["scale"] = max(one["scale"], -int(value.as_tuple().exponent))
                one["digits"] = max(one["digits"], value.adjusted() + 1)
        point, comma = (None if value is None else f"{value:f}" for value in (number.point, number.comma))
        return (text, point, comma, number.percent, None, None)
    date = dates(text)
    if date is not None:
        for name, day in zip(("day_first", "month_first"), date, strict=True):
            if day:
                _add_day(facts, name, day, count)
        return (text, None, None, False, *date)
    if text.lower() in MISSING:
        facts["missing"] += count
    elif text[:1] == "0" and text.isdecimal():
        facts["codes"] += count
    return None


def _evidence(connection: duckdb.DuckDBPyConnection, index: int) -> dict[str, Any]:
    """The facts that `parsing.profile` gathers, from which `profile_text` tells the kind."""
    row = connection.execute(
        f"""SELECT count(cell), count(DISTINCT cell),
                   count(*) FILTER (plain), count(*) FILTER (plain AND pointed AND NOT grouped),
                   count(*) FILTER (plain AND NOT pointed), count(*) FILTER (plain AND grouped),
                   coalesce(max(length(split_part(cell, '.', 2))) FILTER (plain), 0)
              FROM (SELECT c{index} AS cell, regexp_full_match(cell, {PLAIN}) AS plain,
                           contains(cell, '.') AS pointed,
                           regexp_full_match(cell, {GROUPED}) AS grouped FROM t)"""  # noqa: S608
    ).fetchone()
    assert row is not None
    filled, distinct, plain, pointed, whole, grouped, scale = row
    facts: dict[str, Any] = {"filled": filled, "distinct": distinct, "values": {}, "error": 1}
    facts |= {"missing": 0, "codes": 0, "percents": 0, "point_only": pointed, "comma_only": 0}
    facts |= {"day_first": None, "month_first": None}
    facts["point"] = {"count": plain, "whole": whole, "reading": "point", "scale": scale, "digits": 15}
    facts["comma"] = {"count": whole + grouped, "whole": whole + grouped, "reading": "comma"}
    facts["comma"] |= {"scale": 0, "digits": 15}
    _odd(connection, index, facts)
    for name in ("point", "comma"):
        if not facts[name]["count"]:
            facts[name] = None
    return facts


def _add_day(facts: dict[str, Any], name: str, date: str, count: int) -> None:
    end = [date, date, None, ""]
    known = facts[name] = facts[name] or {"count": 0, "low": end, "high": end, "reading": name}
    known["count"] += count
    known["low"] = min(known["low"], end, key=lambda one: one[0])
    known["high"] = max(known["high"], end, key=lambda one: one[0])


def _numbers(index: int, reading: dict[str, Any], facts: dict[str, Any], more: dict[str, Any]) -> str:
    """SQL of `n…`: exact where every number fits a decimal."""
    comma = reading["reading"] == "comma"
    percent = facts["percents"] * 2 > reading["count"]
    scale = reading["scale"]
    exact = scale <= MAX_SCALE and reading["digits"] + scale <= MAX_DIGITS
    more |= {"comma": comma, "percent": percent, "scale": scale if exact else None}
    kind = f"DECIMAL(38, {scale})" if exact else "DOUBLE"
    cell, plain = f"t.c{index}", f"regexp_full_match(t.c{index}, {PLAIN})"
    if comma:
        plain += f" AND (NOT contains({cell}, '.') OR regexp_full_match({cell}, {GROUPED}))"
        cell = f"replace({cell}, '.', '')"
    odd = f"CAST(CASE WHEN odd{index}.percent = {percent} THEN odd{index}.{reading['reading']} END AS {kind})"
    if percent:  # a bare number among percentages is not comparable with them
        return f"{odd} AS n{index}"
    return f"CASE WHEN {plain} THEN CAST({cell} AS {kind}) ELSE {odd} END AS n{index}"


def _dates(index: int, reading: dict[str, Any], more: dict[str, Any]) -> str:
    """SQL of `d…`."""
    more["unclear"] = bool(reading.get("unclear"))
    return f"CAST(odd{index}.{reading.get('reading', 'day_first')} AS DATE) AS d{index}"


def _examples(connection: duckdb.DuckDBPyConnection, index: int) -> tuple[str, ...]:
    found = connection.execute(
        f"SELECT c{index} FROM t WHERE c{index} IS NOT NULL AND length(c{index}) <= 60 "  # noqa: S608
        f"GROUP BY 1 ORDER BY count(*) DESC, min(r) LIMIT {EXAMPLES}"
    ).fetchall()
    return tuple(row[0] for row in found)
