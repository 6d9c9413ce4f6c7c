"""What a table's columns are said to hold: types, counts, ranges, sums, frequent values."""

import random
from collections import Counter
from decimal import Decimal

import pytest

from documents.parsing import csv
from documents.parsing.profile import merge, partial, values_kept
from documents.parsing.profile_text import column_types, passages
from documents.parsing.values import dates, numbers
from tests.documents.reading import read_all


def described(columns: dict[str, list[str]], at_once: int = 3, keep: int = 5000) -> dict:
    """Partial descriptions of a few rows each, merged."""
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    merged = None
    for at in range(0, len(rows), at_once):
        merged = merge(merged, partial(list(columns), rows[at : at + at_once], at + 1, keep))
    return merged


def said(columns: dict[str, list[str]], **options) -> str:
    return "\n".join(passages(described(columns, **options), table="t.csv", columns=list(columns)))


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("12", "12", "12"),
        ("-1.5", "-1.5", None),
        ("1,5", None, "1.5"),
        ("1,234", "1234", "1.234"),
        ("1.234", "1.234", "1234"),
        ("1,234,567.89", "1234567.89", None),
        ("1.234.567,89", None, "1234567.89"),
        ("1 234 567", "1234567", "1234567"),
        ("1'234.50", "1234.50", None),
        ("$ 1,200.00", "1200.00", None),
        ("1200,00 €", None, "1200.00"),
        ("(12.50)", "-12.50", None),
        ("−3", "-3", "-3"),
        ("12%", "12", "12"),
        (".5", "0.5", None),
        ("1e-3", "0.001", "0.001"),
    ],
)
def test_numbers_are_read_under_both_conventions(text, point, comma):
    found = numbers(text)
    assert (found.point, found.comma) == tuple(None if n is None else Decimal(n) for n in (point, comma))


@pytest.mark.parametrize(
    "text", ["09001", "007", "1-2", "12:30", "1.2.3", "1,23,456", "12 34", "+-3", "1e999", "x", "(5"]
)
def test_what_is_no_number(text):
    assert numbers(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", ("2024-02-29",) * 2),
        ("2024-02-29T10:15:00Z", ("2024-02-29",) * 2),
        ("2024-02-30", None),
        ("31/12/2020", ("2020-12-31", None)),
        ("12/31/2020", (None, "2020-12-31")),
        ("03/04/21", ("2021-04-03", "2021-03-04")),
        ("1.5.1999", ("1999-05-01", None)),
        ("1.2.10", None),
        ("4 July 1976", ("1976-07-04",) * 2),
        ("Jul 4, 1976", ("1976-07-04",) * 2),
        ("3. März 2001", ("2001-03-03",) * 2),
        ("12:30", None),
        ("Page 4, 1976", None),
    ],
)
def test_dates_are_read_under_both_orders(text, expected):
    assert dates(text) == expected


def test_types_are_told_by_nearly_all_values():
    columns = {
        "n": ["1", "2", "-3", "NA", "5", "6"],
        "d": ["1.5", "2", "3.25", "", "5", "6"],
        "when": ["2024-01-02", "2024-01-03", "", "2024-01-05", "2023-01-06", "n/a"],
        "yes": ["Yes", "no", "no", "Yes", "", "no"],
        "code": ["01", "02", "03", "04", "05", "16"],
        "mixed": ["1", "2", "x", "4", "5", "6"],
        "void": ["", " ", "", "", "", ""],
    }
    assert column_types(described(columns)) == [
        "integer",
        "decimal",
        "date",
        "boolean",
        "text",
        "text",
        "empty",
    ]


def test_a_column_of_thousands_follows_the_decimal_sign_of_the_others():
    clear = {"price": ["1,5", "2,25", "3,75"], "count": ["1.234", "2.000", "3.500"]}
    text = said(clear)
    assert "Sum (total) of price: 7.50;" in text
    assert "Sum (total) of count: 6,734;" in text
    alone = said({"count": ["1.234", "2.000", "3.500"]})
    assert "Sum (total) of count: 6.734;" in alone


def test_ranges_name_the_row_and_what_it_is_about():
    text = said({"name": ["Ada", "Bob", "Cy", "Di"], "pay": ["10.50", "99.00", "-3.25", "20.00"]})
    assert "Lowest (minimum) pay: -3.25 in row 3 (name: Cy)." in text
    assert "Highest (maximum) pay: 99.00 in row 2 (name: Bob)." in text
    assert "Sum (total) of pay: 126.25; mean (average): about 31.5" in text
    assert text.startswith("The table t.csv has 4 rows (records, entries) and 2 columns.")


def test_days_and_months_that_cannot_be_told_apart_are_not_guessed():
    unclear = said({"day": ["01/02/2020", "03/04/2021", "05/06/2022"]})
    assert "Years 2020 to 2022 (day and month cannot be told apart)." in unclear
    clear = said({"day": ["01/02/2020", "03/04/2021", "25/06/2022"]})
    assert "Earliest (first) day: 01/02/2020 (2020-02-01) in row 1." in clear


def test_labels_years_and_percentages_are_not_added_up():
    text = said({"id": ["1", "2", "3"], "founded": ["1999", "2001", "2010"], "share": ["10%", "20%", "70%"]})
    assert "Sum" not in text
    assert "Highest (maximum) share: 70% in row 3" in text


def test_sums_of_many_decimals_are_exact():
    dice = random.Random(4)
    cents = [dice.randint(-(10**12), 10**12) for _ in range(5000)]
    column = [f"{Decimal(cent) / 100:.2f}" for cent in cents]
    text = said({"amount": column, "n": [str(n) for n in range(5000)]}, at_once=700)
    assert f"Sum (total) of amount: {Decimal(sum(cents)) / 100:,.2f};" in text


@pytest.mark.parametrize("keep", [40, 5000])
def test_counts_of_values_lie_within_what_is_claimed(keep):
    dice = random.Random(keep)
    column = [f"v{int(dice.paretovariate(0.6)) % 3000}" for _ in range(20_000)]
    truth = Counter(column)
    found = described({"v": column}, at_once=1500, keep=keep)["columns"][0]
    assert found["values"]
    for value, count in found["values"].items():
        assert count <= truth[value] <= count + found["error"]
    assert found["distinct"] <= len(truth)
    text = said({"v": column}, at_once=1500, keep=keep)
    commonest, times = truth.most_common(1)[0]
    if keep > len(truth):
        assert found["error"] == 0
        assert f"{len(truth):,} different values." in text
        assert f"of v: {commonest} ({times:,} times)" in text
    else:
        assert f"More than {found['distinct'] - 1:,} different values." in text
        assert f"of v: {commonest} (at least " in text


def test_values_that_all_differ_leave_nothing_to_keep():
    found = partial(["id"], [[str(n)] for n in range(10_000)], 1, 100)["columns"][0]
    assert (found["values"], found["distinct"]) == ({}, 10_000)


def test_long_values_are_told_apart_by_their_ends():
    long = ["x" * 200 + "1", "x" * 200 + "2", "x" * 200 + "1"]
    assert described({"note": long})["columns"][0]["distinct"] == 2


def test_the_budget_holds_whatever_the_table():
    for columns in (1, 7, 200, 9000):
        for stretches in (1, 500):
            kept = values_kept(columns, stretches) * min(columns, 200) * stretches
            assert kept <= 4_000_000


def test_wide_tables_are_described_in_their_first_columns_and_say_so(saved):
    names = ",".join(f"m{n}" for n in range(300))
    rows = "\n".join(",".join(str(n) for n in range(300)) for _ in range(5))
    structure, _, readings = read_all(csv, saved(f"{names}\n{rows}\n".encode()), "t.csv")
    profile = readings[0].profile
    assert len(profile["columns"]) == 200
    text = passages(profile, table="t.csv", columns=structure.reading["columns"])
    assert "has 5 rows (records, entries) and 300 columns" in text[0]
    assert "100 more columns of the table t.csv are not described." in text
    assert sum(passage.startswith("Column ") for passage in text) == 200


def test_what_stands_above_the_table_is_kept():
    profile = described({"a": ["1", "2"]})
    text = passages(profile, table="t.csv", columns=["a"], preamble="Units: tonnes")
    assert "Above the table t.csv stands: Units: tonnes" in text
