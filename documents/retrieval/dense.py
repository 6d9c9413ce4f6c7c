"""The dense leg: nearest chunks by inner product of unit vectors, which is their cosine."""

from dataclasses import dataclass

import numpy as np
from django.db.backends.utils import CursorWrapper

from documents.retrieval.scope import Scope, ScopeSize

# Few chunks in scope are all compared, many are left to the HNSW index. How many are few depends on how many
# others the index must walk past for each of them. Measured (bench/retrieval.py --load): comparing takes 1 to
# 1.3 ms per 1,000 chunks; the index in a table of 100k (of a million) 8 (15) ms where nearly all is in scope,
# 10 (17) where a tenth is, 42 (83) where a hundredth is.
EXACT_BELOW = 10_000
EXACT_BELOW_MORE = 300  # times the table's chunks for each one in scope
# Candidates that the index keeps while it walks. Measured over 100k chunks, recall@10 against the exact scan:
# 120 0.961, 200 0.978, 320 0.988, 500 0.994; the time grows from 6 to 19 ms on a busy machine.
EF_SEARCH = 400


@dataclass(frozen=True)
class DenseHit:
    """A chunk and its cosine similarity to the question."""

    chunk_id: int
    similarity: float


def literal(vector: np.ndarray) -> str:
    """A vector as pgvector reads it; halfvec keeps 11 bits, so 7 digits are more than it stores."""
    return "[" + ",".join(f"{value:.7g}" for value in vector) + "]"


def compares_all(size: ScopeSize) -> bool:
    """Whether every vector in scope is compared, rather than the index asked."""
    others = size.table_chunks / max(1, size.chunks)
    return size.chunks < EXACT_BELOW + EXACT_BELOW_MORE * others


def find(
    cursor: CursorWrapper, scope: Scope, vector: np.ndarray, *, limit: int, size: ScopeSize
) -> tuple[list[DenseHit], str]:
    """The nearest visible chunks, best first, ties by id.

    Args:
        cursor: inside a transaction (`SET LOCAL` must end with it).
        scope: what may be seen; part of the SQL, before ranking.
        vector: float32, shape (dimension,), length 1.
        limit: how many.
        size: of the scope; chooses between scanning and the index.

    Returns:
        The hits, and the method: "exact", "hnsw", or "hnsw+exact" when the index found too few.
    """
    if compares_all(size):
        return _exact(cursor, scope, vector, limit), "exact"
    hits = _hnsw(cursor, scope, vector, limit)
    if len(hits) < min(limit, size.chunks):
        return _exact(cursor, scope, vector, limit), "hnsw+exact"
    return hits, "hnsw"


def _exact(cursor: CursorWrapper, scope: Scope, vector: np.ndarray, limit: int) -> list[DenseHit]:
    # "+ 0" makes another expression of it than the index holds, so that the planner cannot use HNSW
    cursor.execute(
        f"""SELECT c.id, (c.embedding <#> %(vector)s::halfvec) + 0 AS distance
              FROM {scope.chunks_sql} ORDER BY distance, c.id LIMIT %(limit)s""",  # noqa: S608
        scope.params | {"vector": literal(vector), "limit": limit},
    )
    return _hits(cursor)


def _hnsw(cursor: CursorWrapper, scope: Scope, vector: np.ndarray, limit: int) -> list[DenseHit]:
    # Iterative: it goes on walking until enough rows pass the filter; a filtered k returns k. In strict order
    # it would throw away what it finds late: recall@10 .74 instead of .88 where a hundredth is in scope.
    cursor.execute(
        "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true),"
        " set_config('hnsw.ef_search', %s, true), set_config('enable_sort', 'off', true)",
        [str(max(EF_SEARCH, limit))],
    )
    cursor.execute(
        f"""SELECT c.id, c.embedding <#> %(vector)s::halfvec AS distance
              FROM {scope.chunks_sql} ORDER BY c.embedding <#> %(vector)s::halfvec LIMIT %(limit)s""",  # noqa: S608
        scope.params | {"vector": literal(vector), "limit": limit},
    )
    hits = _hits(cursor)
    cursor.execute("SELECT set_config('enable_sort', 'on', true)")
    return sorted(hits, key=lambda hit: (-hit.similarity, hit.chunk_id))


def _hits(cursor: CursorWrapper) -> list[DenseHit]:
    return [DenseHit(chunk_id, -distance) for chunk_id, distance in cursor.fetchall()]
