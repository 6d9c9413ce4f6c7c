"""Vectors from hashes, for tests of faults: fast, deterministic, without meaning."""

import hashlib
import re

import numpy as np

TOKEN = re.compile(r"\w{1,4}|[^\w\s]")


class FakeEmbedder:
    """See `Embedder`. A text's vector is the sum of one pseudo-random vector per word."""

    max_tokens = 256

    def __init__(self, model_id: str, dimension: int) -> None:
        self.model_id = model_id
        self.dimension = dimension

    def embed(self, texts: list[str]) -> np.ndarray:
        """See `Embedder.embed`."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> np.ndarray:
        """See `Embedder.embed_query`."""
        vector = np.full(self.dimension, 1e-3, dtype=np.float32)
        for word in text.lower().split():
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
            vector += np.random.default_rng(seed).standard_normal(self.dimension, dtype=np.float32)
        return vector / np.linalg.norm(vector)

    def count_tokens(self, texts: list[str]) -> list[int]:
        """See `Embedder.count_tokens`: pieces of at most four letters, and punctuation."""
        return [len(TOKEN.findall(text)) for text in texts]
