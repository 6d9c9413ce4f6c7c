"""Reading chunks: what fusion needs of the candidates, and the texts of the chosen ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.backends.utils import CursorWrapper

from documents.retrieval.dense import literal
from documents.retrieval.scope import Scope


@dataclass(frozen=True)
class ChunkRow:
    """A visible chunk with its document's name; offsets are characters of its page, part or file."""

    id: int
    document_id: int
    document_name: str
    generation: int
    part_index: int
    index: int
    section: str
    page_from: int | None
    page_to: int | None
    row_from: int | None
    row_to: int | None
    line_from: int | None
    line_to: int | None
    char_start: int
    char_end: int
    similarity: float


@dataclass(frozen=True)
class Texts:
    """A chunk's text, and that just before and just after it, without what they share with it."""

    content: str
    before: str = ""
    after: str = ""


def rows(cursor: CursorWrapper, scope: Scope, ids: list[int], vector: np.ndarray) -> dict[int, ChunkRow]:
    """The chunks by id, each with its cosine similarity to the question; invisible ids are left out."""
    cursor.execute(
        f"""SELECT c.id, c.document_id, d.name, c.generation, c.part_index, c.index, c.section,
                   c.page_from, c.page_to, c.row_from, c.row_to, c.line_from, c.line_to,
                   c.char_start, c.char_end, -(c.embedding <#> %(vector)s::halfvec)
              FROM {scope.chunks_sql} AND c.id = ANY(%(ids)s)""",  # noqa: S608
        scope.params | {"ids": ids, "vector": literal(vector)},
    )
    return {row[0]: ChunkRow(*row) for row in cursor.fetchall()}


def texts(cursor: CursorWrapper, chosen: list[ChunkRow]) -> dict[int, Texts]:
    """Chunk id -> its text and its neighbours' in the same document and build, on the same page or the next.

    A neighbour that was itself chosen is left out: the LLM reads it anyway. A chunk that was deleted after
    its row was read is missing.
    """
    if not chosen:
        return {}
    cursor.execute(_TEXTS, {"ids": [row.id for row in chosen]})
    by_id = {row.id: row for row in chosen}
    found: dict[int, dict[str, str]] = {row.id: {} for row in chosen}
    for of, side, chunk_id, content, *facts in cursor.fetchall():
        if side == "content":
            found[of][side] = content
        elif chunk_id not in by_id:
            found[of][side] = _beside(by_id[of], side, content, *facts)
    return {chunk_id: Texts(**parts) for chunk_id, parts in found.items() if "content" in parts}


_STEP = """
  SELECT me.id, '{side}' AS side, n.id, n.content,
         n.page_from, n.page_to, n.part_index, n.char_start, n.char_end
    FROM documents_chunk me CROSS JOIN LATERAL (
      SELECT * FROM documents_chunk o
       WHERE o.document_id = me.document_id AND o.generation = me.generation
         AND (o.part_index, o.index) {compare} (me.part_index, me.index)
       ORDER BY o.part_index {way}, o.index {way} LIMIT 1) AS n
   WHERE me.id = ANY(%(ids)s)"""
_ITSELF = """
  SELECT id, 'content', id, content, page_from, page_to, part_index, char_start, char_end
    FROM documents_chunk WHERE id = ANY(%(ids)s)"""
_TEXTS = " UNION ALL ".join(
    [
        _ITSELF,
        _STEP.format(side="before", compare="<", way="DESC"),
        _STEP.format(side="after", compare=">", way="ASC"),
    ]
)


def _beside(
    me: ChunkRow,
    side: str,
    content: str,
    page_from: int | None,
    page_to: int | None,
    part_index: int,
    start: int,
    end: int,
) -> str:
    """The neighbour's text without the overlap; nothing when it is further than one page away."""
    before = side == "before"
    if me.page_from is not None and page_from is not None and page_to is not None:
        gap = me.page_from - page_to if before else page_from - (me.page_to or me.page_from)
        if gap > 1:
            return ""
    if not _same_source(me, page_from, part_index):
        return content
    if before:
        return content[: max(0, me.char_start - start)]
    return content[max(0, me.char_end - start) :]


def _same_source(me: ChunkRow, page_from: int | None, part_index: int) -> bool:
    """Whether two chunks count their characters from the same place (see `documents.models.Chunk`)."""
    if me.page_from is not None:
        return page_from == me.page_from
    return part_index == me.part_index if me.row_from is not None else True


def place(row: ChunkRow) -> dict[str, Any]:
    """Where a passage stands, as `Passage` names it."""
    return {
        "section": row.section,
        "page": row.page_from,
        "page_to": row.page_to,
        "rows": (row.row_from, row.row_to) if row.row_from is not None and row.row_to is not None else None,
        "lines": (
            (row.line_from, row.line_to) if row.line_from is not None and row.line_to is not None else None
        ),
    }
