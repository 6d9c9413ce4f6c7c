"""Plans from outside: every way of being wrong is refused before anything is computed."""

import pytest

from documents.tables.plan import PlanError, from_json
from documents.tables.schema import Column, Table

TABLE = Table(
    "sales.csv",
    10,
    (
        Column(0, "City", "text", 10, 3),
        Column(1, "amount", "number", 10, 9, scale=2),
        Column(2, "day", "date", 10, 9),
        Column(3, "unclear", "date", 10, 9, unclear=True),
        Column(4, "nothing", "empty", 0, 0),
    ),
    5,
)


def where(column, op, value=None):
    return {"do": "count", "where": [{"column": column, "is": op, "value": value}]}


GOOD = [
    {"do": "count"},
    {"do": "sum", "column": "AMOUNT", "by": "city", "order": "highest", "limit": 3},
    {"do": "maximum", "column": "day", "where": None, "by": None, "unit": None},
    where("city", "in", ["Rome", "Oslo"]),
    where("amount", "between", [1, "2,000.50"]),
    where("amount", ">", -1.5),
    where("day", ">=", "2020-05"),
    where("unclear", "=", "2020"),
    where("city", "blank"),
    where("nothing", "blank"),
    {"do": "count", "by": "day", "unit": "month"},
    {"do": "list", "limit": 5},
    {"do": "list", "column": "city"},
    {"do": "list", "column": "amount", "order": "highest", "limit": 10},
]


@pytest.mark.parametrize("data", GOOD, ids=str)
def test_good_plans_pass(data):
    assert from_json(data, TABLE).aggregate == data["do"]


WRONG = [
    None,
    [],
    "count",
    {},
    {"do": None},
    {"do": "count", "sql": "SELECT 1"},
    {"do": "drop"},
    {"do": "sum"},
    {"do": "sum", "column": "city"},
    {"do": "sum", "column": "day"},
    {"do": "sum", "column": 1},
    {"do": "sum", "column": "profit"},
    {"do": "sum", "column": "amount FROM t; --"},
    {"do": "maximum", "column": "city"},
    {"do": "maximum", "column": "unclear"},
    {"do": "list", "by": "city"},
    {"do": "count", "by": "city", "unit": "month"},
    {"do": "count", "by": "unclear", "unit": "month"},
    {"do": "count", "by": "day", "unit": "week"},
    {"do": "count", "unit": "year"},
    {"do": "count", "by": "city", "order": "city; --"},
    {"do": "count", "by": "city", "order": 1},
    {"do": "count", "by": "city", "limit": 0},
    {"do": "count", "by": "city", "limit": 10**9},
    {"do": "count", "by": "city", "limit": True},
    {"do": "count", "by": "city", "limit": "3"},
    {"do": "sum", "column": "amount", "order": "highest", "limit": 10},
    {"do": "sum", "column": "amount", "order": "highest"},
    {"do": "average", "column": "amount", "limit": 10},
    {"do": "count", "order": "lowest", "limit": 1},
    {"do": "count", "by": "day", "unit": "year", "limit": 1},
    {"do": "count_distinct", "column": "city", "by": "city"},
    {"do": "sum", "column": "amount", "by": "amount"},
    {"do": "list", "column": "amount", "limit": 10},
    {"do": "list", "order": "highest", "limit": 10},
    {"do": "list", "column": "city", "order": "highest"},
    {"do": "list", "column": "unclear", "order": "lowest"},
    {"do": "count", "where": {"column": "city"}},
    {"do": "count", "where": ["city = 'Rome'"]},
    {"do": "count", "where": [where("city", "=", "Rome")["where"][0]] * 9},
    {"do": "count", "where": [{"column": "city", "is": "=", "value": "x", "or": "1=1"}]},
    where("city", "LIKE", "R%"),
    where("city", "=", None),
    where("city", "=", ""),
    where("city", "=", "x" * 301),
    where("city", "=", True),
    where("city", "=", {"a": 1}),
    where("city", "=", [["Rome"]]),
    where("city", "=", ["Rome", "Oslo"]),
    where("city", ">", "Rome"),
    where("city", "between", ["A", "B"]),
    where("city", "in", []),
    where("city", "in", ["x"] * 51),
    where("city", "blank", "x"),
    where("amount", ">", "much"),
    where("amount", "=", "1 OR 1=1"),
    where("amount", "between", [1]),
    where("day", ">", "soon"),
    where("day", ">", "2020-13"),
    where("day", ">", "01/02/2020"),
    where("unclear", ">", "2020-05-01"),
    where("nothing", "=", "x"),
]


@pytest.mark.parametrize("data", WRONG, ids=lambda data: str(data)[:80])
def test_wrong_plans_do_not(data):
    with pytest.raises(PlanError):
        from_json(data, TABLE)


def test_text_of_a_plan_is_a_value_and_never_sql(asking):
    ask = asking(b"city,n\nx' OR '1'='1,1\nRome,2\n", "t.csv")
    hostile = "x' OR '1'='1"
    assert ask(plan=where("city", "=", hostile))["result"]["rows"] == [1]
    assert ask(plan=where("city", "contains", hostile))["result"]["rows"] == [1]
    assert ask(plan={"do": "sum", "column": "n"})["result"]["value"] == "3"


def test_a_value_that_no_cell_has_is_refused_and_not_counted_as_zero(asking):
    ask = asking(b"city,n\nRome,1\nOslo,2\n", "t.csv")
    assert ask(plan=where("city", "=", "Italy"))["reason"] == "no cell of city says Italy"
    assert ask(plan=where("city", "=", "rome"))["result"]["value"] == "1"


def test_a_sum_beyond_what_can_be_held_is_no_answer(asking):
    ask = asking(b"city,n\nRome,1\nOslo,2\n", "t.csv")
    assert "not computed" in ask(plan=where("n", ">", "9" * 39))["reason"]


def test_a_limit_that_cannot_be_kept_computes_nothing(asking):
    ask = asking(b"city,n\nRome,1\nOslo,2\nBern,3\n", "t.csv")
    best = {"column": "n", "order": "highest", "limit": 2}
    refused = ask(plan={"do": "sum"} | best)
    assert (refused["reason"], "result" in refused) == ("an order of nothing", False)
    listed = ask(plan={"do": "list"} | best)
    assert [one["row"] for one in listed["result"]["listed"]] == [3, 2]
    assert listed["words"] == "rows by `n`, the highest first"
    assert ask(plan={"do": "list", "column": "n"})["words"] == "rows"  # they stand as in the file


def test_different_values_are_the_same_alone_and_in_groups(asking):
    ask = asking(
        b"city,kind,price\nRome,A,1.0\nRome,a,1.00\nRome,b,x\nRome,,2\nOslo,B,3\nOslo,b,4\n", "t.csv"
    )
    for column, alone, grouped in (("kind", "2", ["2", "1"]), ("price", "6", ["4", "2"])):
        plan = {"do": "count_distinct", "column": column}
        whole = ask(plan=plan)["result"]
        groups = ask(plan=plan | {"by": "city", "order": "highest"})["result"]
        assert whole["value"] == alone
        assert [one["value"] for one in groups["groups"]] == grouped
        assert (whole["blank"], whole["other"]) == (groups["blank"], groups["other"])
        assert whole["other"] == 0  # what is no number is a value too
