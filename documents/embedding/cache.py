"""Identical text is embedded once: vectors by (model, sha256 of the text)."""

import hashlib

import numpy as np

from config.errors import ErrorCode, TransientError
from documents.embedding.base import Embedder
from documents.models import EmbeddingCache


def digests(texts: list[str]) -> list[bytes]:
    """sha256 of each text, 32 bytes."""
    return [hashlib.sha256(text.encode()).digest() for text in texts]


def embed_cached(embedder: Embedder, texts: list[str]) -> tuple[np.ndarray, list[int]]:
    """Vectors of the texts, from the cache where it has them.

    Returns:
        float32 of shape (len(texts), dimension), and the indices that had to be embedded (for `remember`).

    Raises:
        TransientError: EMBEDDING_FAILED, when the runtime failed or gave something that is no vector.
    """
    vectors = np.zeros((len(texts), embedder.dimension), dtype=np.float32)
    if not texts:
        return vectors, []
    keys = digests(texts)
    rows = EmbeddingCache.objects.filter(embedding_model=embedder.model_id, sha256__in=set(keys))
    known = {bytes(sha256): vector for sha256, vector in rows.values_list("sha256", "embedding")}
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


def remember(model_id: str, texts: list[str], vectors: np.ndarray, fresh: list[int]) -> None:
    """Keep new vectors. In the order of their keys: two workers with the same texts cannot deadlock."""
    keys = digests([texts[index] for index in fresh])
    rows = {
        key: EmbeddingCache(embedding_model=model_id, sha256=key, embedding=vectors[index])
        for key, index in zip(keys, fresh, strict=True)
    }
    EmbeddingCache.objects.bulk_create([rows[key] for key in sorted(rows)], ignore_conflicts=True)
