"""Vectors from hashes, for tests of faults: fast, deterministic, without meaning."""

import hashlib
import re

import numpy as np

TOKEN = re.compile(r"\w{1,4}|[^\w\s]")
KINDS = 1024  # of numbers and of signs; a word has one of each


class FakeEmbedder:
    """See `Embedder`. A text's vector is the sum of one pseudo-random vector per word."""

    max_tokens = 256

    def __init__(self, model_id: str, dimension: int) -> None:
        self.model_id = model_id
        self.dimension = dimension
        random = np.random.default_rng(7)
        self._numbers = random.standard_normal((KINDS, dimension), dtype=np.float32)
        self._signs = random.choice(np.array([-1, 1], dtype=np.float32), (KINDS, dimension))

    def embed(self, texts: list[str]) -> np.ndarray:
        """See `Embedder.embed`."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> np.ndarray:
        """See `Embedder.embed_query`."""
        digests = b"".join(hashlib.sha256(word.encode()).digest()[:4] for word in text.lower().split())
        kinds = np.frombuffer(digests, np.uint16).reshape(-1, 2) % KINDS
        vector = (self._numbers[kinds[:, 0]] * self._signs[kinds[:, 1]]).sum(axis=0) + np.float32(1e-3)
        return vector / np.linalg.norm(vector)

    def count_tokens(self, texts: list[str]) -> list[int]:
        """See `Embedder.count_tokens`: pieces of at most four letters, and punctuation."""
        return [len(TOKEN.findall(text)) for text in texts]
