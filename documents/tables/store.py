"""A table's rows beside its file, as a DuckDB database: read once as ingestion read them, asked many times.

Runs in the guarded child (see `run`). Row numbers are ingestion's, so they are those of citations. Table `t`:
`r` (row number), `c0`… (text; NULL where blank), and `n3` or `d3` for columns that hold numbers or dates;
table `facts`: the `Table` as JSON.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from glob import escape, glob
from itertools import zip_longest
from typing import Any

import duckdb
import numpy as np

from documents.parsing.clean import clean_text
from documents.parsing.csv import _rows as rows_of
from documents.tables.kinds import described
from documents.tables.schema import MAX_COLUMNS, Table

BLOCK_BYTES = 1 << 20
LOOK_SECONDS = 0.05  # between two looks whether another process has made it
MEMORY = "320MB"  # of DuckDB; the child's own limit holds all of it
LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": MEMORY,
    "max_temp_directory_size": "4GB",
    "allow_community_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
LOCKED = LIMITS | {"enable_external_access": False, "lock_configuration": True}


class Busy(Exception):
    """Another process makes this database."""


def opened(path: str) -> duckdb.DuckDBPyConnection:
    """The database, read only; the caller closes it."""
    return duckdb.connect(path, read_only=True, config=LOCKED)


def table_of(connection: duckdb.DuckDBPyConnection) -> Table:
    """What the database holds."""
    row = connection.execute("SELECT data FROM facts").fetchone()
    assert row is not None
    return Table.from_json(json.loads(row[0]))


@contextmanager
def sole_builder(target: str, *, seconds: float) -> Iterator[None]:
    """Be the only one who makes this database, in whatever container; what killed ones left is removed.

    Args:
        seconds: to wait for another one to end.

    Raises:
        Busy: it has not ended by then.
    """
    lock, until = f"{target}.lock", time.monotonic() + seconds
    with open(lock, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise Busy from error
                time.sleep(LOOK_SECONDS)
        for path in glob(f"{escape(target)}.*"):
            if path != lock:
                _remove(path)
        yield


def build(
    source: str, target: str, *, name: str, reading: dict[str, Any], spans: list[dict[str, Any]]
) -> None:
    """Make the database, whole or not at all; see `sole_builder`.

    The rows are first loaded as text into a draft, whose columns are then judged; reading and judging never
    hold more than a block in memory.

    Args:
        source: the stored file.
        target: where the database goes; it takes the place of one that is there.
        reading, spans: how ingestion read the file, and its parts in order.
    """
    loading, draft = (f"{target}.{kind}" for kind in ("rows", "draft"))
    try:
        with closing(duckdb.connect(loading, config=LIMITS)) as connection:
            connection.execute(f"ATTACH '{_quoted(draft)}' AS made")
            names = reading["columns"][:MAX_COLUMNS]
            rows = _load(connection, source, names, reading, spans)
            connection.execute("SET enable_external_access = false")
            columns = described(connection, names)
            table = Table(name, rows, tuple(columns), len(reading["columns"]))
            connection.execute("CREATE TABLE made.facts (data VARCHAR)")
            connection.execute("INSERT INTO made.facts VALUES (?)", [json.dumps(table.to_json())])
            connection.execute("CHECKPOINT made")
        os.chmod(draft, 0o600)
        os.replace(draft, target)
    finally:
        for path in (loading, draft):
            for one in (path, f"{path}.wal"):
                _remove(one)


def _load(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    names: list[str],
    reading: dict[str, Any],
    spans: list[dict[str, Any]],
) -> int:
    """Fill table `t` with the rows as text; returns how many."""
    texts = ", ".join(f"c{index} VARCHAR" for index in range(len(names)))
    connection.execute("BEGIN")
    connection.execute(f"CREATE TABLE t (r BIGINT, {texts})")
    total = 0
    for place in stretches(spans):
        rows = rows_of(source, reading | place, place)
        if rows:
            block = _arrays(rows, place["row"], len(names))  # found by its name; `register` would keep it
            connection.execute("INSERT INTO t SELECT * FROM block")
            del block
            total = place["row"] + len(rows) - 1
    connection.execute("COMMIT")
    return total


def _quoted(path: str) -> str:
    return path.replace("'", "''")


def stretches(spans: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Neighbouring parts read together."""
    held: dict[str, Any] | None = None
    for span in spans:
        joins = (
            held is not None
            and held["at"] + held["length"] == span["at"]
            and held["row"] + held["count"] == span["row"]
            and held["length"] + span["length"] <= BLOCK_BYTES
            and not (held.get("single") or span.get("single"))
        )
        if joins and held is not None:
            held["length"] += span["length"]
            held["count"] += span["count"]
            continue
        if held is not None:
            yield held
        held = dict(span)
    if held is not None:
        yield held


def _arrays(rows: list[list[str]], first: int, width: int) -> dict[str, np.ndarray]:
    if all(len(row) == width for row in rows):
        cells = list(zip(*rows, strict=True))
    else:
        cells = list(zip_longest(*(row[:width] for row in rows), fillvalue=""))
        cells += [("",) * len(rows)] * (width - len(cells))
    arrays = {"r": np.arange(first, first + len(rows), dtype=np.int64)}
    for index, column in enumerate(cells):
        clean = {text: _cell(text) for text in set(column)}
        arrays[f"c{index}"] = np.array(list(map(clean.__getitem__, column)), dtype=object)
    return arrays


def _cell(text: str) -> str | None:
    if not text.isprintable():
        text = " ".join(clean_text(text).split())
    return text.strip() or None


def _remove(path: str) -> None:
    """A file, or the folder in which DuckDB keeps what does not fit into memory."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        shutil.rmtree(path, ignore_errors=True)
