"""Waiting for documents on a terminal."""

import time
from collections.abc import Iterator
from typing import Any

from config.api.health import worker_alive
from documents.api.serializers import percent
from documents.models import UNFINISHED, Document

LOOK_EVERY = 1.0  # seconds
NO_WORKER = "No ingestion worker is running; waiting for one. Start it: celery -A config worker"


def watch(ids: list[int], out: Any) -> Iterator[Document]:
    """Each document when it is done; one that was deleted meanwhile is left out.

    Args:
        ids: of the documents.
        out: a stream: on a terminal one line is kept up to date, elsewhere only trouble is told.
    """
    left, total, told = list(ids), len(ids), False
    live = bool(out.isatty())
    while left:
        rows = {row.pk: row for row in Document.objects.filter(pk__in=left)}
        done = [pk for pk in left if pk not in rows or rows[pk].status not in UNFINISHED]
        left = [pk for pk in left if pk not in done]
        for pk in done:
            if live:
                _line(out, "")
            if pk in rows:
                yield rows[pk]
        if not left:
            return
        alive = worker_alive()
        if not alive and not told:
            out.write(NO_WORKER)
        told = not alive
        if live:
            _line(out, _progress(rows[left[0]], [rows[pk] for pk in left], total))
        time.sleep(LOOK_EVERY)


def _progress(first: Document, rows: list[Document], total: int) -> str:
    shown = next((row for row in rows if row.parts_done), first)
    return f"{total - len(rows)} of {total} done; {shown.name[-60:]}: {percent(shown)} %"


def _line(out: Any, text: str) -> None:
    out.write(f"\r\033[K{text}", ending="")
    out.flush()
