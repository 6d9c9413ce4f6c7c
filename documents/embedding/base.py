"""What an embedding runtime offers; one module each, chosen in `registry`."""

from typing import Protocol

import numpy as np


class Embedder(Protocol):
    """Turns text into unit vectors. Safe to call from several threads.

    Attributes:
        model_id: what a collection stores; its chunks and its questions are embedded by the same one.
        dimension: length of each vector.
        max_tokens: of one text, special tokens included, what the model wants before it left out; longer
            text is cut (so never send any).
    """

    model_id: str
    dimension: int
    max_tokens: int

    def embed(self, texts: list[str]) -> np.ndarray:
        """Vectors of the texts: float32, shape (len(texts), dimension), each of length 1."""
        ...

    def embed_query(self, text: str) -> np.ndarray:
        """The vector of one question: float32, shape (dimension,); a long one is cut at max_tokens.

        Some models want questions marked as such, and passages too: see `names`.
        """
        ...

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text without the special ones."""
        ...
