"""Real tables: every file that ingestion reads can be asked; what some of them say, by pandas."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from documents.parsing import csv
from documents.parsing.base import ParseError


def test_every_table_can_be_asked_and_has_the_rows_that_ingestion_counted(asking, corpora):
    asked = 0
    for path in sorted((corpora / "csv").glob("*.?sv")):
        try:
            expected = csv.split(str(path), path.name).row_count
        except ParseError:
            continue
        answer = asking(path, path.name)("How many rows are there?")
        assert answer["result"]["value"] == str(expected), path.name
        asked += 1
    assert asked > 50


def as_numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column.astype(str).str.replace(",", ""), errors="coerce")


QUESTIONS = {
    ("ck__ks_1033_data.csv", "What is the sum of total cost?"): lambda f: f.total_cost.sum(),
    ("ck__ks_1033_data.csv", "How many rows where county is Johnson?"): lambda f: (
        f.county.str.upper() == "JOHNSON"
    ).sum(),
    ("ck__ks_1033_data.csv", "What is the highest acquisition cost?"): lambda f: f.acquisition_cost.max(),
    ("ck__ks_1033_data.csv", "How many different counties are there?"): lambda f: f.county.nunique(),
    ("ck__acs2012_5yr_population.csv", "sum of total_population"): lambda f: f.total_population.sum(),
    ("cc__airedale.csv", "What is the total amount?"): lambda f: as_numbers(f.Amount).sum(),
    ("f5__cabinet-turnover.csv", "How many rows where president is Carter?"): lambda f: (
        f.president == "Carter"
    ).sum(),
    ("f5__cabinet-turnover.csv", "average length where president is Obama"): lambda f: as_numbers(
        f[f.president == "Obama"].length
    ).mean(),  # one of them says "1655 combined"
    ("qs__boston311-100.csv", "How many rows where case_status is Closed?"): lambda f: (
        f.case_status.str.lower() == "closed"
    ).sum(),
}


@pytest.mark.parametrize(("name", "question"), list(QUESTIONS))
def test_real_tables_answer_as_pandas_does(asking, corpora: Path, name, question):
    path = corpora / "csv" / name
    expected = QUESTIONS[name, question](pd.read_csv(path, encoding_errors="replace"))
    answer = asking(path, name)(question)
    assert "plan" in answer, answer["reason"]
    value = Decimal(answer["result"]["value"])
    assert float(value) == pytest.approx(float(expected), abs=0.01)
