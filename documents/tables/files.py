"""Where the databases of stored tables lie, and when they go: with the file that they were made from."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings

FORMAT = 1  # rises when what is stored changes


def database_of(stored_name: str, reading: dict[str, Any]) -> Path:
    """The database of a stored file, read so; its folder is there."""
    read = hashlib.sha256(json.dumps([FORMAT, reading], sort_keys=True).encode()).hexdigest()[:12]
    folder = settings.TABLES_DIR / stored_name[:2]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{stored_name}.{read}.duckdb"


def remove(stored_name: str) -> None:
    """Remove what was made of a stored file."""
    for path in (settings.TABLES_DIR / stored_name[:2]).glob(f"{stored_name}.*"):
        _remove(path)


def remove_orphans(owned: Iterable[str], *, older_than: float) -> int:
    """Remove what belongs to no stored file, and drafts that nobody finished. Returns how many."""
    known, limit, removed = set(owned), time.time() - older_than, 0
    for path in settings.TABLES_DIR.glob("??/*"):
        try:
            abandoned = path.name.split(".")[0] not in known or path.suffix != ".duckdb"
            if abandoned and path.stat().st_mtime < limit:
                _remove(path)
                removed += 1
        except (FileNotFoundError, PermissionError):
            continue
    return removed


def _remove(path: Path) -> None:
    """A file, or the folder in which a child that was killed kept what did not fit into its memory."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
