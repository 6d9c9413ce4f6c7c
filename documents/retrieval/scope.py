"""Which chunks a question may see: the SQL that every leg carries, and how many chunks that is."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

# Readers see finished builds only: a chunk counts when its generation is its document's active one.
# The uploads of one chat are seen in that chat, and only by the person who uploaded them.
OF_COLLECTION = "c.collection_id = %(collection)s AND c.session_id IS NULL"
WITH_SESSION = "c.collection_id = %(collection)s AND (c.session_id IS NULL OR c.session_id = %(session)s)"
# And a vector is compared with those of its own embedding model alone. The collection is named again,
# for the document too, so that the others' documents are not read.
LIVE_DOCUMENT = """JOIN documents_document d ON d.id = c.document_id AND d.active_generation = c.generation
   AND d.embedding_model = %(model)s AND d.collection_id = %(collection)s
   AND (c.session_id IS NULL OR (d.session_id = c.session_id AND d.uploaded_by_id = %(user)s))"""
VISIBLE_DOCUMENTS = """documents_document d
 WHERE d.collection_id = %(collection)s AND d.active_generation IS NOT NULL AND d.embedding_model = %(model)s
   AND (d.session_id IS NULL
       OR (d.session_id = %(session)s AND d.uploaded_by_id = %(user)s))"""

USUAL_TOKENS = 150.0  # per chunk, while no document is finished


@dataclass(frozen=True)
class Scope:
    """One collection as one user sees it, with the uploads of one of his chats when `session_id` is set."""

    collection_id: int
    user_id: int
    session_id: UUID | None
    embedding_model: str  # of the question's vector

    @property
    def chunk_condition(self) -> str:
        """What a chunk `c` itself must fulfil; not enough without `LIVE_DOCUMENT`."""
        return WITH_SESSION if self.session_id else OF_COLLECTION

    @property
    def chunks_sql(self) -> str:
        """`FROM` and `WHERE` of the visible chunks `c` (of documents `d`); conditions may follow with AND."""
        return f"documents_chunk c {LIVE_DOCUMENT} WHERE {self.chunk_condition}"

    @property
    def params(self) -> dict[str, Any]:
        """What the SQL fragments of this module need."""
        return {
            "collection": self.collection_id,
            "user": self.user_id,
            "session": self.session_id,
            "model": self.embedding_model,
        }


@dataclass(frozen=True)
class ScopeSize:
    """How much there is to search.

    Attributes:
        documents, chunks: that the scope holds; `chunks` is a count kept on the documents.
        mean_tokens: tokens per chunk.
        last_change: of the newest finished document; with `documents` it tells whether titles changed.
        uploads: documents of it that belong to the one chat.
        table_chunks: in the whole table, as it was last analysed; 0 or less before that.
    """

    documents: int
    chunks: int
    mean_tokens: float
    last_change: str
    uploads: int = 0
    table_chunks: float = field(default=0.0, compare=False)  # of others too: no change of this scope


def measure(cursor: CursorWrapper, scope: Scope) -> ScopeSize:
    """The scope's size, from the documents' own counts of what is served."""
    cursor.execute(
        f"""SELECT count(*), coalesce(sum(d.served_chunks), 0)::bigint,
                   coalesce(sum(d.served_tokens), 0)::bigint, coalesce(max(d.completed_at)::text, ''),
                   count(d.session_id),
                   (SELECT reltuples FROM pg_class WHERE oid = 'documents_chunk'::regclass)
              FROM {VISIBLE_DOCUMENTS}""",  # noqa: S608
        scope.params,
    )
    documents, chunks, tokens, last_change, uploads, table_chunks = cursor.fetchone()
    mean_tokens = tokens / chunks if tokens and chunks else USUAL_TOKENS
    return ScopeSize(documents, chunks, mean_tokens, last_change, uploads, table_chunks)
