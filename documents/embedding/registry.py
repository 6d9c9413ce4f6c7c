"""The embedder of this process: one per model, loaded on first use (after a worker has forked)."""

import os
import threading

from django.conf import settings

from documents.embedding.base import Embedder

_lock = threading.Lock()
_loaded: dict[tuple[int, str], Embedder] = {}
_threads: int | None = None


def get_embedder(model_id: str | None = None) -> Embedder:
    """The process's embedder for a model; never imports torch when the converted model is on disk.

    Args:
        model_id: as the collection stores it; EMBEDDING_MODEL when None.

    Raises:
        VerbatimError: EMBEDDING_FAILED, when there is no such model or it cannot be converted.
    """
    model_id = model_id or settings.EMBEDDING_MODEL
    key = (os.getpid(), model_id)  # what a parent loaded is of no use after a fork
    if key not in _loaded:
        with _lock:
            if key not in _loaded:
                _loaded[key] = _load(model_id)
    return _loaded[key]


def readiness() -> str:
    """Whether this process has loaded the model that new collections use: `ok`, or what is missing."""
    if (os.getpid(), settings.EMBEDDING_MODEL) in _loaded:
        return "ok"
    return "the embedding model is not loaded yet"


def limit_threads(threads: int) -> None:
    """Let embedders that are loaded from now on use at most so many cores (a worker shares the machine)."""
    global _threads
    _threads = max(1, threads)


def _load(model_id: str) -> Embedder:
    threads = _threads or min(os.cpu_count() or 1, 4)
    if settings.EMBEDDING_BACKEND == "fake":
        from documents.embedding.fake import FakeEmbedder

        return FakeEmbedder(model_id, settings.EMBEDDING_DIMENSION)
    from documents.embedding.weights import locate

    if settings.EMBEDDING_BACKEND == "torch":
        from documents.embedding.torch import TorchEmbedder

        return TorchEmbedder(locate(model_id), threads=threads)
    from documents.embedding import openvino

    return openvino.load(
        locate(model_id),
        settings.MODEL_CACHE_DIR,
        threads=threads,
        streams=1,  # two were no faster here and cost the web process 16 MB
        manage=settings.BASE_DIR / "manage.py",
    )
