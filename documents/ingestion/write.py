"""Chunks into PostgreSQL with COPY: one round trip for a whole part, vectors in binary form."""

import numpy as np
from django.db import connection
from django.utils import timezone

from documents.chunking.base import ChunkDraft
from documents.models import Document, DocumentPart, Rebuild

# column -> type on the wire; a vector goes as the bytes that pgvector's halfvec_recv reads
COLUMNS = {
    **dict.fromkeys(("document_id", "collection_id"), "int8"),
    "session_id": "uuid",
    **dict.fromkeys(("generation", "part_index", "index"), "int4"),
    **dict.fromkeys(("content", "context", "section"), "text"),
    **dict.fromkeys(("page_from", "page_to"), "int4"),
    **dict.fromkeys(("row_from", "row_to"), "int8"),
    **dict.fromkeys(("line_from", "line_to", "char_start", "char_end"), "int4"),
    "token_count": "int2",
    "embedding": "bytea",
    "language": "oid",
}
COPY = f"COPY documents_chunk ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"

# ordered by key: two workers with the same texts cannot deadlock
REMEMBER = """
    INSERT INTO documents_embeddingcache (embedding_model, sha256, embedding, used_on)
    SELECT %s, sha256(convert_to(concat_ws(E'\n', NULLIF(context, ''), content), 'UTF8')), embedding, %s
    FROM documents_chunk
    WHERE document_id = %s AND generation = %s AND part_index = %s AND index = ANY(%s)
    ORDER BY 2
    ON CONFLICT DO NOTHING
"""


def copy_chunks(
    document: Document, part: DocumentPart, drafts: list[ChunkDraft], vectors: np.ndarray
) -> None:
    """Write a part's chunks, inside the caller's transaction.

    Args:
        vectors: shape (len(drafts), dimension), of length 1.
    """
    if not drafts:
        return
    head = (document.pk, document.collection_id, document.session_id, part.generation, part.index)
    with connection.cursor() as cursor, connection.wrap_database_errors:  # COPY is unknown to Django
        cursor.execute("SELECT %s::regconfig::oid::int8", [_language(document)])
        language = cursor.fetchone()[0]
        with cursor.copy(COPY) as copy:
            copy.set_types(list(COLUMNS.values()))
            for index, (draft, vector) in enumerate(zip(drafts, as_halfvecs(vectors), strict=True)):
                rows, lines = draft.rows or (None, None), draft.lines or (None, None)
                text = (draft.content, draft.context, draft.section)
                place = (draft.page, draft.page, *rows, *lines, draft.char_start, draft.char_end)
                copy.write_row((*head, index, *text, *place, draft.token_count, vector, language))


def _language(document: Document) -> str:
    """The text search configuration of the build in work: the collection's, or the one a rebuild goes to.

    A rebuild ends, and a language changes, only while no build of the collection is in work.
    """
    if document.building_standby:
        wanted = Rebuild.objects.filter(collection=document.collection_id)
        return wanted.values_list("text_search_config", flat=True).get()
    return document.collection.text_search_config


def remember_chunks(document: Document, part: DocumentPart, fresh: list[int]) -> None:
    """Keep the vectors of a part's new chunks for texts that come again.

    Args:
        fresh: indices of the chunks whose vectors the cache did not have.
    """
    if fresh:
        key = (document.pk, part.generation, part.index, fresh)
        with connection.cursor() as cursor:
            cursor.execute(REMEMBER, [document.building_model, timezone.localdate(), *key])


def as_halfvecs(vectors: np.ndarray) -> list[bytes]:
    """pgvector's binary form: dimension and zero as int16, then the halves; all big-endian."""
    head = np.array([vectors.shape[1], 0], dtype=">i2").tobytes()
    return [head + vector.tobytes() for vector in vectors.astype(">f2")]
