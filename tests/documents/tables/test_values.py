"""What cells mean: separators, currencies, percentages, dates, blanks; and rows numbered as citations do."""

import pytest

from documents.parsing import csv
from documents.tables import store

NUMBERS = {
    "thousands": ('"1,234.50","12","-3.25"', "1243.25"),
    "decimal comma": ('"1.234,50","12","-3,25"', "1243.25"),
    "apostrophes": ("1'234.50,12,-3.25", "1243.25"),
    "currency": ('"$1,234.50",$12,-$3.25', "1243.25"),
    "euros behind": ('"1.234,50 €","12,00 €","-3,25 €"', "1243.25"),
    "accountants' minus": ('"1,234.50",12.00,(3.25)', "1243.25"),
    "percent": ("12.5%,7%,-1%", "18.5"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_as_people_write_them(asking, name):
    cells, expected = NUMBERS[name]
    rows = csv_cells(cells)
    content = "id;amount\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(rows, 1))
    answer = asking(content.encode())("What is the sum of amount?")
    assert float(answer["result"]["value"]) == float(expected)
    assert ("%" in answer["answer"]) == (name == "percent")


def csv_cells(line: str) -> list[str]:
    import csv as reader

    return next(reader.reader([line]))


def test_sums_are_exact_where_floating_point_is_not(asking):
    content = "id,amount\n" + "".join(f"{n},0.1\n" for n in range(1, 1001)) + "1001,9007199254740993\n"
    assert asking(content.encode())("sum of amount")["result"]["value"] == "9007199254741093.0"


def test_blanks_and_words_among_numbers_are_left_out_and_told(asking):
    content = b"id,amount\n1,10\n2,\n3,n/a\n4,unknown\n5,20\n6,30\n7,40\n"
    answer = asking(content)("average amount")
    result = answer["result"]
    assert (result["value"], result["count"], result["blank"], result["other"]) == ("25", 4, 1, 2)
    assert "1 blank and 2 without a number cells of `amount` left out" in answer["answer"]


def test_rows_that_a_condition_cannot_judge_are_told(asking):
    content = b"id,amount\n1,10\n2,\n3,20\n4,30\n"
    answer = asking(content)("How many rows where amount is over 5?")
    assert answer["result"]["value"] == "3"
    assert answer["result"]["unreadable"] == {"amount": 1}
    assert "1 row without a readable `amount` not counted" in answer["answer"]


def test_codes_with_leading_zeros_are_no_numbers(asking):
    ask = asking(b"plz,name\n01067,a\n10115,b\n01067,c\n")
    assert "plan" not in ask("sum of plz")
    assert ask("How many rows where plz is 01067?")["result"]["value"] == "2"


DATES = {
    "ISO": ["2020-01-31", "2020-12-01", "2021-05-06"],
    "German": ["31.01.2020", "01.12.2020", "06.05.2021"],
    "American": ["01/31/2020", "12/01/2020", "05/06/2021"],
    "in words": ["31 Jan 2020", "1 Dec 2020", "6 May 2021"],
    "with times": ["2020-01-31 10:00", "2020-12-01T23:59:59Z", "2021-05-06 00:00:01"],
}


@pytest.mark.parametrize("name", DATES)
def test_dates_as_people_write_them(asking, name):
    content = "id;day\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(DATES[name], 1))
    ask = asking(content.encode())
    assert ask("How many rows in 2020?")["result"]["value"] == "2"
    assert ask("How many rows after 2020-06-30?")["result"]["rows"] == [2, 3]
    assert ask("latest day")["result"]["value"] == "2021-05-06"


def test_where_day_and_month_cannot_be_told_apart_only_years_are_compared(asking):
    ask = asking(b"id,day\n1,01/02/2020\n2,03/04/2020\n3,05/06/2021\n")
    assert ask("How many rows in 2020?")["result"]["value"] == "2"
    assert "plan" not in ask("How many rows after 2020-02-15?")
    assert "plan" not in ask("latest day")


@pytest.mark.parametrize(
    "content",
    [
        'a title\n\nid;name;note\n1;x;"two\nlines"\n\n2;y;\n;;\n3;z;ok\n'.encode("utf-16"),
        "# remark\nid,name,note\n1,Zoë,a\n2,Ünal,\n3,c\n4,d,e,f\n".encode("cp1252"),
        b"id\tname\r1\tx\r2\ty\r",
    ],
)
def test_rows_and_cells_are_those_that_ingestion_read(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    structure = csv.split(str(path), "t.csv")
    store.build(
        str(path), str(tmp_path / "db"), name="t.csv", reading=structure.reading, spans=list(structure.spans)
    )
    with store.opened(str(tmp_path / "db")) as connection:
        table = store.table_of(connection)
        cells = ", ".join(f"c{index}" for index in range(len(table.columns)))
        stored = connection.execute(f"SELECT r, {cells} FROM t ORDER BY r").fetchall()
    read = [
        block for span in structure.spans for block in csv.read(str(path), structure.reading | span).blocks
    ]
    text = "".join(block.text for block in read)
    rendered = {
        number: "; ".join(
            f"{column.name}: {cell}" for column, cell in zip(table.columns, row, strict=True) if cell
        )
        for number, *row in stored
    }
    assert table.rows == structure.row_count == len(stored)
    assert [number for block in read for number, _ in block.rows] == list(rendered)
    assert text.splitlines() == list(rendered.values())


def test_neighbouring_parts_are_read_together_and_singles_are_not():
    spans = [
        {"at": 0, "length": 10, "row": 1, "count": 2},
        {"at": 10, "length": 10, "row": 3, "count": 1},
        {"at": 20, "length": 5, "row": 4, "count": 1, "single": True},
        {"at": 30, "length": 5, "row": 5, "count": 1},
    ]
    joined = [
        (place["at"], place["length"], place["row"], place["count"]) for place in store.stretches(spans)
    ]
    assert joined == [(0, 20, 1, 3), (20, 5, 4, 1), (30, 5, 5, 1)]
    assert spans[0]["length"] == 10  # the parts' own


def test_a_broken_database_is_made_anew_and_reaches_nothing_else(asking, tmp_path):
    ask = asking(b"id,n\n1,2\n2,3\n")
    assert ask("sum of n")["result"]["value"] == "5"
    (tmp_path / "orders.csv.duckdb").write_bytes(b"no database")
    assert ask("sum of n")["result"]["value"] == "5"
    with store.opened(str(tmp_path / "orders.csv.duckdb")) as connection:
        for statement in ("SELECT * FROM read_csv('/etc/passwd')", "ATTACH '/tmp/x.duckdb'", "DROP TABLE t"):
            with pytest.raises(Exception, match="(?i)permission|disabled|read-only"):
                connection.execute(statement)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["file", "orders.csv.duckdb", "orders.csv.duckdb.lock"]
