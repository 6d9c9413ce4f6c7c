"""Tables that somebody may ask, and the guarded child that computes over them.

`tables_for` is asked in a thread that may use the database; `compute` may take seconds, uses no database
connection, and belongs into a thread of its own.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from accounts.models import User
from config.error_codes import ErrorCode
from config.errors import VerbatimError
from config.queues import ring
from documents.ingestion import storage
from documents.models import Chunk, Document, DocumentPart, MediaType
from documents.parsing.guards import ParserChild
from documents.retrieval.types import Passage
from documents.selectors import documents_visible_to
from documents.tables import files

log = logging.getLogger(__name__)

TOO_LONG, UNREADABLE, BUSY = "took too long", "could not be read", "is being made ready"
MAX_TABLES = 4  # that one question is tried on
ASK_SECONDS = 20
IDLE_SECONDS = 120.0  # the child ends when nobody has asked for so long


@dataclass(frozen=True)
class TableFile:
    """A table as the child is told of it; `spans` only while its database is not made."""

    document_id: int
    name: str
    rows: int
    source: str
    database: str
    reading: dict[str, Any]
    spans: list[dict[str, Any]] | None


def tables_for(
    *, user: User, collection_id: int, session_id: UUID | None, nearest: Sequence[int]
) -> list[TableFile]:
    """The tables that a question of this user may be about: those among the found documents, nearest first;
    then the scope's others, when it has no more than MAX_TABLES.

    Args:
        session_id: the chat whose uploads are in scope too.
        nearest: ids of the documents that retrieval found, best first.
    """
    scope = Q(session_id__isnull=True)
    if session_id is not None:
        scope |= Q(session_id=session_id)
    rows = documents_visible_to(user).filter(
        scope, collection_id=collection_id, media_type=MediaType.CSV, active_generation__isnull=False
    )
    rows = rows.exclude(stored_name="")
    found = {document.pk: document for document in rows.filter(pk__in=nearest)}
    ordered = [found[pk] for pk in dict.fromkeys(nearest) if pk in found]
    if len(ordered) < MAX_TABLES:
        others = list(rows.exclude(pk__in=found).order_by("pk")[: MAX_TABLES + 1])
        ordered += others if len(ordered) + len(others) <= MAX_TABLES else []
    made = (table_file(document) for document in ordered[:MAX_TABLES])
    return [one for one in made if one is not None]


def table_file(document: Document) -> TableFile | None:
    """What the child needs for a served table; None when its original was not kept."""
    path = storage.path_of(document.stored_name) if document.stored_name else None
    if path is None or not path.is_file() or not document.reading.get("columns"):
        return None
    database = files.database_of(document.stored_name, document.reading)
    return TableFile(
        document_id=document.pk,
        name=document.name,
        rows=document.row_count or 0,
        source=str(path),
        database=str(database),
        reading=document.reading,
        spans=None if database.exists() else _spans(document),
    )


def _spans(document: Document) -> list[dict[str, Any]]:
    parts = DocumentPart.objects.filter(
        document_id=document.pk, generation=document.active_generation or 0, gathers=False
    )
    return list(parts.order_by("index").values_list("span", flat=True))


def compute(table: TableFile, *, question: str | None = None, plan: Any = None) -> dict[str, Any]:
    """What `run.run` answers; {"reason"} when it came to grief or took too long."""
    try:
        answer = _child.ask(table, {"question": question, "plan": plan}, ASK_SECONDS)
    except VerbatimError as error:
        log.warning("table %s was not computed: %s", table.document_id, error.code)
        if error.code != ErrorCode.PARSE_TIMEOUT:
            return {"reason": UNREADABLE}
        if table.spans is not None:  # its database is not made yet, which takes longer than a question may
            from documents.tasks import prepare_table

            ring(prepare_table, table.document_id)
        return {"reason": TOO_LONG}
    if answer.get("busy"):
        return {"reason": BUSY}
    if answer.get("missing"):  # it was removed since `table_file` looked
        return {"reason": UNREADABLE}
    return answer


def prepare(document_id: int) -> bool:
    """Make a table's database before anybody asks. Returns whether there is one now."""
    document = Document.objects.filter(
        pk=document_id, media_type=MediaType.CSV, active_generation__isnull=False
    ).first()
    table = table_file(document) if document is not None else None
    if table is None:
        return False
    try:
        _child.ask(table, {}, settings.CELERY_TASK_SOFT_TIME_LIMIT - 20)  # the task ends by itself then
    except VerbatimError as error:
        log.warning("table %s was not prepared: %s", document_id, error.code)
        return False
    finally:
        _child.close()
    if not Document.objects.filter(pk=document_id).exclude(stored_name="").exists():
        files.remove(Path(table.source).name)  # deleted meanwhile
        return False
    return True


def rows_of(passage: Passage) -> int | None:
    """How many rows the table of a passage has; None where it is of no table, or of one deleted meanwhile."""
    if passage.page is not None or passage.lines is not None:
        return None
    tables = Document.objects.filter(pk=passage.document_id, media_type=MediaType.CSV)
    return tables.values_list("row_count", flat=True).first()


def chunk_at(document_id: int, row: int | None) -> int | None:
    """Id of the served chunk that holds a row; of the first one when there is none."""
    chunks = Chunk.objects.filter(document_id=document_id, generation=_generation(document_id))
    held = chunks.filter(row_from__lte=row, row_to__gte=row) if row is not None else chunks.none()
    ordered = (rows.order_by("part_index", "index").values_list("pk", flat=True) for rows in (held, chunks))
    return next((found for rows in ordered if (found := rows.first()) is not None), None)


def _generation(document_id: int) -> int:
    row = Document.objects.filter(pk=document_id).values_list("active_generation", flat=True).first()
    return row or 0


class _Child:
    """The child for tables: not the one that draws pages, so that nobody's page waits for a sum."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: ParserChild | None = None
        self._timer: threading.Timer | None = None

    def ask(self, table: TableFile, asked: dict[str, Any], seconds: int) -> dict[str, Any]:
        arguments = {
            "source": table.source,
            "database": table.database,
            "name": table.name,
            "reading": table.reading,
            "spans": table.spans,
        }
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if self._child is None:
                self._child = ParserChild(seconds=seconds, memory_mb=settings.PARSE_MEMORY_MB)
            try:
                return dict(self._child.request("table", arguments | asked, seconds=seconds))
            finally:
                self._timer = threading.Timer(IDLE_SECONDS, self.close)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """End the child; the next question starts another."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._child is not None:
                self._child.close()
                self._child = None


_child = _Child()
