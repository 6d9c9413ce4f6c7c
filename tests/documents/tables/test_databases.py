"""The databases of tables on disk: made by one process at a time, and nothing stays of them."""

import fcntl
import os

import pytest

from documents.tables import files, run

TABLE = b"city,amount\nBerlin,1\nParis,2\n"
NAME = "ab" + "0" * 30


@pytest.fixture
def folder(settings, tmp_path):
    """Where the databases of `NAME` lie."""
    settings.TABLES_DIR = tmp_path
    made = tmp_path / NAME[:2]
    made.mkdir()
    return made


def spilled(folder, age: float = 0):
    """What DuckDB leaves when it is killed while it computes more than fits into memory."""
    left = folder / f"{NAME}.1a2b.duckdb.tmp"
    left.mkdir()
    (left / "duckdb_temp_storage-0.tmp").write_bytes(b"Berlin")
    changed = left.stat().st_mtime - age
    os.utime(left, (changed, changed))
    return left


def test_what_a_killed_computation_left_goes_with_the_file(folder) -> None:
    left = spilled(folder)
    (folder / f"{NAME}.1a2b.duckdb").touch()

    files.remove(NAME)

    assert not left.exists()
    assert list(folder.iterdir()) == []


def test_the_sweeper_removes_it_when_it_is_old(folder) -> None:
    old, database = spilled(folder, age=10_000), folder / f"{NAME}.1a2b.duckdb"
    database.touch()

    assert files.remove_orphans([NAME], older_than=5_000) == 1
    assert not old.exists()
    assert database.exists()


def test_a_question_does_not_make_what_another_process_is_making(asking, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run, "BUSY_SECONDS", 0.1)
    ask = asking(TABLE, "held.csv")

    with open(tmp_path / "held.csv.duckdb.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert ask("How many rows?") == {"busy": True}

    assert ask("How many rows?")["result"]["value"] == "2"


def test_drafts_of_a_killed_process_do_not_stay(asking, tmp_path) -> None:
    ask = asking(TABLE, "again.csv")
    (tmp_path / "again.csv.duckdb.rows").write_bytes(b"half")
    (tmp_path / "again.csv.duckdb.rows.tmp").mkdir()

    assert ask("How many rows?")["result"]["value"] == "2"
    assert sorted(path.name for path in tmp_path.glob("again.csv.*")) == [
        "again.csv.duckdb",
        "again.csv.duckdb.lock",
    ]
