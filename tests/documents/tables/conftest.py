"""A file asked as the guarded child asks it, without Django."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from documents.parsing import csv
from documents.tables.run import run


@pytest.fixture
def asking(tmp_path) -> Callable[..., Callable[..., dict[str, Any]]]:
    """A function: bytes or a path, and a name -> a function that asks that table."""

    def make(content: bytes | Path, name: str = "orders.csv") -> Callable[..., dict[str, Any]]:
        path = content if isinstance(content, Path) else tmp_path / "file"
        if isinstance(content, bytes):
            path.write_bytes(content)
        structure = csv.split(str(path), name)

        def ask(question: str | None = None, plan: Any = None) -> dict[str, Any]:
            return run(
                source=str(path),
                database=str(tmp_path / f"{name}.duckdb"),
                name=name,
                reading=structure.reading,
                spans=list(structure.spans),
                question=question,
                plan=plan,
            )

        return ask

    return make
