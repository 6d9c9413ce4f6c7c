"""Chunks into PostgreSQL with COPY: one round trip for a whole part."""

import numpy as np
from django.db import connection

from documents.chunking.base import ChunkDraft
from documents.models import Document, DocumentPart

COLUMNS = (
    "document_id, collection_id, session_id, generation, part_index, index, content, context, section, "
    "page_from, page_to, row_from, row_to, line_from, line_to, char_start, char_end, token_count, "
    "embedding, language"
)


def copy_chunks(
    document: Document, part: DocumentPart, drafts: list[ChunkDraft], vectors: np.ndarray
) -> None:
    """Write a part's chunks, inside the caller's transaction.

    Args:
        vectors: shape (len(drafts), dimension), of length 1.
    """
    if not drafts:
        return
    language = document.collection.text_search_config
    head = (document.pk, document.collection_id, document.session_id, part.generation, part.index)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,  # Django's own exceptions also for COPY, which it does not know
        cursor.copy(f"COPY documents_chunk ({COLUMNS}) FROM STDIN") as copy,
    ):
        for index, (draft, vector) in enumerate(zip(drafts, vectors, strict=True)):
            rows, lines = draft.rows or (None, None), draft.lines or (None, None)
            text = (draft.content, draft.context, draft.section)
            place = (draft.page, draft.page, *rows, *lines, draft.char_start, draft.char_end)
            copy.write_row((*head, index, *text, *place, draft.token_count, as_halfvec(vector), language))


def as_halfvec(vector: np.ndarray) -> str:
    """pgvector's text form, with as many digits as half precision holds."""
    return "[" + ",".join(f"{value:.5g}" for value in vector.tolist()) + "]"
