"""Plain English about a table: what is understood, what it comes to, and what is left alone."""

import io
import random
from decimal import Decimal

import pandas as pd
import pytest

CITIES = ["Berlin", "Munich", "New York", "São Paulo"]
STATES = ["open", "closed", "cancelled"]


@pytest.fixture(scope="module")
def content() -> bytes:
    """500 orders; every 20th has no total, every 33rd a note."""
    chance = random.Random(5)
    lines = ["order_id,Order Date,city,status,Quantity,unit price,note"]
    for number in range(1, 501):
        day = f"{chance.randint(2018, 2023)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
        price = "" if number % 20 == 0 else f'"{chance.randint(1, 500_000) / 100:,.2f}"'
        note = "rush" if number % 33 == 0 else ""
        lines.append(
            f"R{number:04d},{day},{chance.choice(CITIES)},{chance.choice(STATES)},"
            f"{chance.randint(1, 30)},{price},{note}"
        )
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def frame(content) -> pd.DataFrame:
    """The same by pandas; rows count from 1."""
    read = pd.read_csv(io.BytesIO(content), thousands=",", parse_dates=["Order Date"])
    read.index += 1
    return read


COUNTS = {
    "How many orders are there?": lambda f: f,
    "how many rows does the table have": lambda f: f,
    "How many orders are in Berlin?": lambda f: f[f.city == "Berlin"],
    "How many open orders are in new york?": lambda f: f[(f.city == "New York") & (f.status == "open")],
    "How many orders where status is open or closed?": lambda f: f[f.status.isin(["open", "closed"])],
    "How many orders where status is not cancelled?": lambda f: f[f.status != "cancelled"],
    "How many orders are not in São Paulo?": lambda f: f[f.city != "São Paulo"],
    "number of orders with quantity over 20": lambda f: f[f.Quantity > 20],
    "number of orders with more than 20 quantity": lambda f: f[f.Quantity > 20],
    "How many orders have a quantity of at least 20?": lambda f: f[f.Quantity >= 20],
    "How many orders with a quantity between 10 and 20 in Munich?": lambda f: f[
        f.Quantity.between(10, 20) & (f.city == "Munich")
    ],
    "How many orders after 2020?": lambda f: f[f["Order Date"].dt.year > 2020],
    "How many orders in 2020?": lambda f: f[f["Order Date"].dt.year == 2020],
    "How many orders since March 2021?": lambda f: f[f["Order Date"] >= "2021-03-01"],
    "How many orders before 2019-07-15?": lambda f: f[f["Order Date"] < "2019-07-15"],
    "How many orders where order date is between 2019 and 2020?": lambda f: f[
        f["Order Date"].dt.year.between(2019, 2020)
    ],
    "How many orders where the unit price is blank?": lambda f: f[f["unit price"].isna()],
    "How many orders have a missing unit price?": lambda f: f[f["unit price"].isna()],
    "How many orders are there that have a quantity over 20?": lambda f: f[f.Quantity > 20],
    "How many orders that are open?": lambda f: f[f.status == "open"],
    'How many orders where city is "new york"?': lambda f: f[f.city == "New York"],
}


@pytest.mark.parametrize("question", COUNTS)
def test_counts_are_those_of_pandas_and_name_the_rows(asking, content, frame, question):
    answer = asking(content)(question)
    expected = COUNTS[question](frame)
    assert answer["plan"]["aggregate"] == "count", answer
    result = answer["result"]
    assert result["value"] == str(len(expected))
    assert result["rows"] == list(expected.index[:20])
    assert (result["first"], result["last"]) == (expected.index[0], expected.index[-1])
    assert f"{len(expected)}" in answer["answer"].split("[1]")[0]


def exact(series: pd.Series) -> Decimal:
    return sum((Decimal(f"{value:.2f}") for value in series.dropna()), Decimal(0))


def test_sums_and_averages_are_exact_and_blanks_are_not_zero(asking, content, frame):
    ask = asking(content)
    total = ask("What is the sum of unit price?")["result"]
    assert Decimal(total["value"]) == exact(frame["unit price"])
    assert (total["blank"], total["other"], total["count"]) == (25, 0, 475)
    average = ask("What is the average unit price in Berlin?")["result"]
    prices = frame[frame.city == "Berlin"]["unit price"].dropna()
    assert Decimal(average["value"]) == (exact(prices) / len(prices)).quantize(Decimal("0.0001"))
    median = ask("median quantity")["result"]
    assert float(median["value"]) == frame.Quantity.median()


def test_extremes_name_their_rows(asking, content, frame):
    ask = asking(content)
    for question, pick in (("What is the highest unit price?", "idxmax"), ("lowest unit price", "idxmin")):
        answer = ask(question)
        row = getattr(frame["unit price"], pick)()
        assert answer["result"]["rows"] == [row]
        assert Decimal(answer["result"]["value"]) == Decimal(f"{frame['unit price'][row]:.2f}")
        assert f"row {row}" in answer["answer"]
    latest = ask("What is the latest order date?")
    assert latest["result"]["value"] == frame["Order Date"].max().date().isoformat()
    assert latest["result"]["rows"] == list(frame.index[frame["Order Date"] == frame["Order Date"].max()][:5])


def test_groups(asking, content, frame):
    ask = asking(content)
    by_city = frame.groupby("city").size()
    found = {one["key"]: int(one["value"]) for one in ask("How many orders per city?")["result"]["groups"]}
    assert found == by_city.to_dict()
    sums = frame.groupby("status")["Quantity"].sum()
    found = {one["key"]: int(one["value"]) for one in ask("total quantity by status")["result"]["groups"]}
    assert found == sums.to_dict()
    years = frame[frame.status == "open"].groupby(frame["Order Date"].dt.year).size()
    groups = ask("How many orders per year where status is open?")["result"]["groups"]
    assert [(int(one["key"]), int(one["value"])) for one in groups] == list(years.items())
    best = ask("Which city has the most orders?")["result"]["groups"]
    assert (best[0]["key"], int(best[0]["value"])) == (by_city.idxmax(), by_city.max())
    means = frame.groupby("city")["unit price"].mean()
    best = ask("Which city has the highest average unit price?")["result"]["groups"]
    assert (best[0]["key"], float(best[0]["value"])) == (means.idxmax(), pytest.approx(means.max(), abs=1e-4))
    top = ask("top 2 cities by number of orders")["result"]["groups"]
    assert [int(one["value"]) for one in top] == sorted(by_city, reverse=True)[:2]
    assert ask("How many different cities are there?")["result"]["value"] == "4"


NOT_UNDERSTOOD = [
    "What is the refund policy?",
    "How many cats are in Berlin?",
    "How many orders were returned?",
    "How many orders are in Berlin and Munich?",
    "Why are so many orders cancelled?",
    "How many orders in Berlin were shipped late?",
    "What is the average of city?",
    "How many customers have more than 5 orders?",
    "sum of profit by city",
    "How many orders above 12 in 1 and 2?",
    "How many of them are open?",
    "HOW MANY OF THEM ARE OPEN?",
    "Which of them has the highest quantity?",
    "How many orders are in it?",
    "What is its average quantity?",
    "How many orders in that are open?",
    "How many of that are open?",
    "How many of those orders are open?",
    "How many orders in this city are open?",
    "How many orders are open there?",
    "How many open ones are in Berlin?",
    "How many where status is open?",
    "the sum of the ten highest quantities",
    "sum of the 10 highest quantities",
    "What is the sum of quantity of the top 10 orders?",
    "sum of quantity for the 2020 highest",
    "sum of quantity highest",
    "average quantity highest by city",
    "How many orders in Berlin have the highest quantity?",
    "top 3 orders by city",
    "How many",
    "",
    "the of in",
    "how many " * 40,
]


@pytest.mark.parametrize("question", NOT_UNDERSTOOD)
def test_what_holds_an_unknown_word_gets_no_plan(asking, content, question):
    assert "plan" not in asking(content)(question)


def test_a_value_of_several_columns_is_not_guessed_at(asking):
    ask = asking(b"id,sender,receiver\n1,Berlin,Rome\n2,Rome,Berlin\n3,Oslo,Berlin\n", "parcels.csv")
    answer = ask("How many parcels are from Berlin?")
    assert "plan" not in answer
    assert answer["ambiguous"] == ["berlin", ["sender", "receiver"]]
    assert ask("How many parcels where receiver is Berlin?")["result"]["value"] == "2"


def test_a_word_that_refers_back_is_a_value_only_in_capitals_or_quotes(asking):
    ask = asking(b"id,dept,city\n1,IT,Bern\n2,HR,Bern\n3,IT,Rome\n", "staff.csv")
    assert ask("How many rows are in IT?")["result"]["value"] == "2"
    assert ask('How many rows where dept is "it"?')["result"]["value"] == "2"
    for question in (
        "How many rows are in it?",
        "How many cities does it have?",
        "HOW MANY ROWS DOES IT HAVE?",
    ):
        assert "plan" not in ask(question), question


OTHERS = b"id,category,quantity,city\n1,Food,3,Bern\n2,Others,5,Bern\n3,Others,9,Rome\n4,Tools,2,Rome\n"


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("How many orders are in category Others?", "2"),
        ("How many orders where category is Others?", "2"),
        ("How many orders where category is others?", "2"),
        ("How many orders in category others are in Rome?", "1"),
        ("How many orders where category is Food or Others?", "3"),
        ("How many Others orders are there?", "2"),
        ("What is the average quantity of Others?", "7"),
        ("HOW MANY ORDERS WHERE CATEGORY IS OTHERS?", "2"),
    ],
)
def test_others_may_be_the_name_of_a_value(asking, question, value):
    assert asking(OTHERS)(question)["result"]["value"] == value


@pytest.mark.parametrize(
    "question",
    [
        "How many others are there?",
        "How many of the others are in Rome?",
        "HOW MANY OTHERS ARE IN ROME?",
        "What is the average quantity of the others?",
        "How many categories do others have?",
        "Number of categories others have",
    ],
)
def test_others_are_no_value_where_they_may_be_those_not_named(asking, question):
    assert "plan" not in asking(OTHERS)(question)


def test_a_column_may_be_named_by_a_word_that_refers_back(asking):
    ask = asking(b"city,Food,Others\nRome,3,1\nOslo,4,2\n")
    assert ask("What is the sum of Others?")["result"]["value"] == "3"
    assert "plan" not in ask("What is the sum of the others?")


def test_different_values_are_counted_also_where_a_condition_names_them(asking):
    ask = asking(OTHERS)
    assert ask("How many different cities are in Bern?")["result"]["value"] == "1"
    assert ask("How many distinct categories where category is Food or Tools?")["result"]["value"] == "2"
    for question in ("How many cities are in Bern?", "How many categories where category is Food or Tools?"):
        assert "plan" not in ask(question), question


def test_two_columns_of_dates_are_not_guessed_at_either(asking):
    ask = asking(b"id,ordered,paid\n1,2020-01-02,2021-01-02\n2,2021-05-06,2021-07-08\n")
    assert ask("How many orders in 2021?")["ambiguous"][1] == ["ordered", "paid"]
    assert ask("How many orders where paid is in 2021?")["result"]["value"] == "2"


def test_a_word_that_is_both_a_column_and_a_keyword(asking):
    ask = asking(b"city,total,count\nRome,3,1\nOslo,4,2\nRome,5,9\n")
    assert ask("What is the sum of total?")["result"]["value"] == "12"
    assert ask("total count")["result"]["value"] == "12"
    assert ask("How many rows where city is Rome?")["result"]["value"] == "2"


def test_who_asks_for_a_row(asking):
    ask = asking(b"name,salary\nAda,3\nBob,9\nCid,4\n", "staff.csv")
    answer = ask("Who has the highest salary?")
    assert answer["result"]["rows"] == [2]
    assert "name: Bob" in answer["answer"]
    assert "plan" not in ask("Who is Ada?")


def test_cells_are_not_read_as_markdown(asking):
    ask = asking(b"name,score\n**[1](http://x)** `b`,5\n<img src=x>,4\n")
    answer = ask("What is the highest score?")["answer"]
    assert "- row 1: `name: **[1](http://x)** 'b'; score: 5`" in answer


@pytest.mark.parametrize("many", ["9" * 500, "2.5", "100"])
def test_a_number_of_groups_that_nobody_can_mean_is_no_plan(asking, many):
    ask = asking(b"city,total\nRome,3\nOslo,4\nRome,5\n")
    assert ask(f"top {many} cities by total")["reason"] == "not understood"
    assert len(ask("top 2 cities by total")["result"]["groups"]) == 2
