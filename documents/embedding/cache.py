"""Identical text is embedded once: vectors by (model, sha256 of the text)."""

import hashlib
from datetime import date, timedelta

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone

from config.errors import ErrorCode, TransientError
from documents.embedding.base import Embedder
from documents.models import EmbeddingCache

UNUSED_DAYS = 30  # then a vector is forgotten
STAMP_DAYS = 7  # a use is noted at most so often: reading the cache seldom writes
FORGET_AT_ONCE = 50_000
COLUMNS = ("sha256", "embedding", "used_on")


def digests(texts: list[str]) -> list[bytes]:
    """sha256 of each text, 32 bytes."""
    return [hashlib.sha256(text.encode()).digest() for text in texts]


def embed_cached(embedder: Embedder, texts: list[str]) -> tuple[np.ndarray, list[int]]:
    """Vectors of the texts, from the cache where it has them.

    Returns:
        float32 of shape (len(texts), dimension), and the indices that had to be embedded.

    Raises:
        TransientError: EMBEDDING_FAILED, when the runtime failed or gave something that is no vector.
    """
    vectors = np.zeros((len(texts), embedder.dimension), dtype=np.float32)
    if not texts:
        return vectors, []
    keys = digests(texts)
    rows = EmbeddingCache.objects.filter(embedding_model=embedder.model_id, sha256__in=set(keys))
    found = [(bytes(sha256), vector, day) for sha256, vector, day in rows.values_list(*COLUMNS)]
    known = {sha256: vector for sha256, vector, _ in found}
    _stamp(rows, [day for _, _, day in found])
    fresh = []
    for index, key in enumerate(keys):
        if key in known:
            vectors[index] = known[key]
        else:
            fresh.append(index)
    if fresh:
        try:
            vectors[fresh] = embedder.embed([texts[index] for index in fresh])
        except (RuntimeError, MemoryError) as error:
            raise TransientError(ErrorCode.EMBEDDING_FAILED) from error
        if not np.isfinite(vectors[fresh]).all():
            raise TransientError(ErrorCode.EMBEDDING_FAILED)
    return vectors, fresh


def forget_unused() -> int:
    """Remove vectors that nothing has used for UNUSED_DAYS, FORGET_AT_ONCE at most. Returns how many."""
    limit = timezone.localdate() - timedelta(days=UNUSED_DAYS)
    unused = EmbeddingCache.objects.filter(used_on__lt=limit).values("pk")[:FORGET_AT_ONCE]
    removed, _ = EmbeddingCache.objects.filter(pk__in=unused).delete()
    return removed


def _stamp(rows: QuerySet[EmbeddingCache], days: list[date]) -> None:
    """Note that the vectors are in use, unless that was noted lately."""
    today = timezone.localdate()
    limit = today - timedelta(days=STAMP_DAYS)
    if any(day < limit for day in days):
        rows.filter(used_on__lt=limit).update(used_on=today)
