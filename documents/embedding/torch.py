"""Embedding with sentence-transformers: the reference, and the path for GPUs."""

import threading

import numpy as np

from documents.embedding.names import prompts_of
from documents.embedding.tokens import load_tokenizer
from documents.embedding.weights import Weights, verify


class TorchEmbedder:
    """See `Embedder`. Uses the GPU when torch sees one."""

    def __init__(self, weights: Weights, *, threads: int) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        verify(weights)
        torch.set_num_threads(threads)
        self._model = SentenceTransformer(str(weights.folder))
        self._tokenizer = load_tokenizer(weights.folder)
        self._lock = threading.Lock()
        self.model_id = weights.model_id
        self.dimension = int(self._model.get_sentence_embedding_dimension() or 0)
        self._prompts = prompts_of(weights.model_id, weights.folder)
        limit = int(self._model.max_seq_length or 256)
        self.max_tokens = limit - self.count_tokens([self._prompts.document])[0]

    def embed(self, texts: list[str]) -> np.ndarray:
        """See `Embedder.embed`."""
        return self._encoded(texts, self._prompts.document)

    def embed_query(self, text: str) -> np.ndarray:
        """See `Embedder.embed_query`."""
        return self._encoded([text], self._prompts.query)[0]

    def count_tokens(self, texts: list[str]) -> list[int]:
        """See `Embedder.count_tokens`."""
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def _encoded(self, texts: list[str], prompt: str) -> np.ndarray:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with self._lock:
            found = self._model.encode(
                texts, prompt=prompt, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(found, dtype=np.float32)
