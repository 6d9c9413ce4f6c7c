"""Questions over a table of a million rows: how long, and how much memory.

    python bench/tables.py [--rows 1000000]

Three ways over the same made-up file, each in a process of its own: the product's (the guarded child with
its memory limit, which makes a DuckDB database once and then asks it), pandas (the file read for every
question, and kept in memory between them), and the product's own reader streaming the file for every
question. All three must come to the same figures. Results: bench/results/tables.json.
"""

import argparse
import csv
import datetime as dt
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.resident import megabytes  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "tables.json"
CHILD_MB = 1024  # PARSE_MEMORY_MB as it comes
REPEATS = 5
CITIES = ("Berlin", "Munich", "Hamburg", "Paris", "London", "Madrid", "Rome", "New York", "Oslo", "Bern")
STATES = ("open", "closed", "pending", "cancelled")
COLUMNS = (
    *("order_id", "order_date", "customer", "city", "status"),
    *("quantity", "unit_price", "total", "discount", "note"),
)
QUESTIONS = {
    "count": "How many orders are in Berlin?",
    "sum": "What is the sum of total where status is open?",
    "average by": "What is the average unit price by city?",
    "highest": "What is the highest total?",
    "top": "top 3 customers by number of orders",
    "dates": "How many orders after 2020 in Rome?",
}


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--rows", type=int, default=1_000_000)
    rows = given.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        path = Path(folder) / "orders.csv"
        write_table(path, rows)
        found: dict[str, Any] = {"rows": rows, "megabytes": path.stat().st_size >> 20}
        for way in (product, with_pandas, streaming):
            found[way.__name__] = apart(way, str(path))
            print(way.__name__, json.dumps(found[way.__name__], indent=1), flush=True)
    figures = [found[way].pop("figures") for way in ("product", "with_pandas", "streaming")]
    found["same_figures"] = all(one == figures[0] for one in figures)
    found["load_average"] = [round(one, 1) for one in os.getloadavg()]
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(f"same figures: {found['same_figures']}; written to {RESULTS}")
    return 0 if found["same_figures"] else 1


def write_table(path: Path, rows: int) -> None:
    """Ten columns: codes, dates, names, words, numbers with and without separators, percentages, blanks."""
    chance, day = random.Random(7), dt.date(2015, 1, 1)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for number in range(rows):
            quantity, cents = chance.randint(1, 20), chance.randint(100, 99_999)
            price = Decimal(cents) / 100
            out.writerow(
                (
                    f"ORD-{number:07d}",
                    day + dt.timedelta(days=chance.randint(0, 3600)),
                    f"Customer {chance.randint(1, 50_000)}",
                    chance.choice(CITIES),
                    chance.choice(STATES),
                    quantity,
                    price,
                    f"{quantity * price:,.2f}",
                    f"{chance.choice((0, 5, 10, 15))}%",
                    "" if chance.random() < 0.7 else 'said "please, soon"',
                )
            )


def apart(way: Callable[[str], dict[str, Any]], path: str) -> dict[str, Any]:
    """What it returns, from a fresh process, with that process's peak unless it names another's."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (way, path))


def _measured(way: Callable[[str], dict[str, Any]], path: str) -> dict[str, Any]:
    found = way(path)
    found.setdefault("peak_mb", megabytes(os.getpid(), "VmHWM"))
    return found


def product(path: str) -> dict[str, Any]:
    """The guarded child: the database made once, then each question REPEATS times."""
    from documents.parsing import csv as reader
    from documents.parsing.guards import ParserChild

    began = time.perf_counter()
    structure = reader.split(path, "orders.csv")
    split = time.perf_counter() - began
    child = ParserChild(seconds=900, memory_mb=CHILD_MB)
    given = {
        "source": path,
        "database": f"{path}.duckdb",
        "name": "orders.csv",
        "reading": structure.reading,
        "spans": list(structure.spans),
    }
    try:
        made = child.request("table", given)["ms"]["build"]
        pid = child._process.pid  # type: ignore[union-attr]
        found: dict[str, Any] = {
            "ingestion_split_ms": round(split * 1000),
            "build_ms": round(made),
            "database_mb": Path(f"{path}.duckdb").stat().st_size >> 20,
            "peak_mb_building": megabytes(pid, "VmHWM"),
        }
        child.close()
        asked = {}
        figures = {}
        for name, question in QUESTIONS.items():
            took = []
            for _ in range(REPEATS):
                began = time.perf_counter()
                answer = child.request("table", given | {"spans": None, "question": question})
                took.append((time.perf_counter() - began) * 1000)
            asked[name] = {"ms": round(statistics.median(took)), "first_ms": round(took[0])} | answer["ms"]
            figures[name] = _figure(answer["result"])
        found["peak_mb"] = megabytes(child._process.pid, "VmHWM")  # type: ignore[union-attr]
    finally:
        child.close()
    return found | {"questions": asked, "figures": figures}


def _figure(result: dict[str, Any]) -> Any:
    if "groups" in result and "value" not in result:
        return {one["key"]: one["value"] for one in result["groups"]}
    return result["value"]


def with_pandas(path: str) -> dict[str, Any]:
    """One read, then each question REPEATS times over the frame in memory."""
    import pandas as pd

    began = time.perf_counter()
    frame = pd.read_csv(path, thousands=",", parse_dates=["order_date"])
    read = time.perf_counter() - began
    made: dict[str, Callable[[], Any]] = {
        "count": lambda: str(int((frame.city.str.lower() == "berlin").sum())),
        "sum": lambda: f"{frame.total[frame.status.str.lower() == 'open'].sum():.2f}",
        "average by": lambda: {
            city: _mean(f"{value:.4f}") for city, value in frame.groupby("city").unit_price.mean().items()
        },
        "highest": lambda: f"{frame.total.max():.2f}",
        "top": lambda: _top(frame.customer.value_counts().to_dict(), frame.customer.drop_duplicates()),
        "dates": lambda: str(int(((frame.order_date > "2020-12-31") & (frame.city == "Rome")).sum())),
    }
    asked, figures = _asked(made, REPEATS)
    return {"read_ms": round(read * 1000), "questions": asked, "figures": figures}


def streaming(path: str) -> dict[str, Any]:
    """The product's reader over the whole file for every question, nothing kept; each once."""
    from documents.parsing import csv as reader
    from documents.parsing.values import numbers
    from documents.tables.store import rows_of, stretches

    structure = reader.split(path, "orders.csv")
    reading = structure.reading

    def rows() -> Any:
        for place in stretches(list(structure.spans)):
            yield from rows_of(path, reading | place, place)

    def amount(cell: str) -> Decimal:
        read = numbers(cell)
        assert read is not None
        assert read.point is not None
        return read.point

    def means() -> dict[str, str]:
        sums: dict[str, tuple[Decimal, int]] = {}
        for row in rows():
            total, count = sums.get(row[3], (Decimal(0), 0))
            sums[row[3]] = (total + amount(row[6]), count + 1)
        return {city: _mean(f"{total / count:.4f}") for city, (total, count) in sums.items()}

    def top() -> dict[str, str]:
        counts: dict[str, int] = {}
        for row in rows():
            counts[row[2]] = counts.get(row[2], 0) + 1
        return _top(counts, counts)

    made: dict[str, Callable[[], Any]] = {
        "count": lambda: str(sum(row[3].lower() == "berlin" for row in rows())),
        "sum": lambda: f"{sum(amount(row[7]) for row in rows() if row[4].lower() == 'open'):.2f}",
        "average by": means,
        "highest": lambda: f"{max(amount(row[7]) for row in rows()):.2f}",
        "top": top,
        "dates": lambda: str(sum(row[3] == "Rome" and row[1] > "2020-12-31" for row in rows())),
    }
    asked, figures = _asked(made, 1)
    return {"questions": asked, "figures": figures}


def _asked(made: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, Any], dict[str, Any]]:
    asked, figures = {}, {}
    for name, compute in made.items():
        took = []
        for _ in range(repeats):
            began = time.perf_counter()
            figures[name] = compute()
            took.append((time.perf_counter() - began) * 1000)
        asked[name] = {"ms": round(statistics.median(took)), "first_ms": round(took[0])}
    return asked, figures


def _mean(text: str) -> str:
    return text.rstrip("0").rstrip(".")


def _top(counts: dict[str, int], in_order: Any) -> dict[str, str]:
    """The three commonest; of equals the one that comes first in the file."""
    place = {name: at for at, name in enumerate(in_order)}
    best = sorted(counts, key=lambda name: (-counts[name], place[name]))[:3]
    return {name: str(counts[name]) for name in best}


if __name__ == "__main__":
    sys.exit(main())
