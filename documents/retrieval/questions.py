"""The vectors of questions. Embedding one can begin while other threads still store it."""

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import numpy as np

from documents.embedding.registry import get_embedder

AT_MOST = 64  # begun and not asked for: questions that were refused when they were to be stored

_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="questions")  # a model embeds one at a time
_begun: OrderedDict[tuple[str, str], Future[np.ndarray]] = OrderedDict()
_lock = Lock()


def begin(model: str, text: str) -> None:
    """Embed a question soon; `vector` is about to be called for it."""
    with _lock:
        known = _begun.get((model, text))
        if known is not None and not (known.done() and known.exception() is not None):
            return
        _begun[model, text] = _pool.submit(_embedded, model, text)
        while len(_begun) > AT_MOST:
            _begun.popitem(last=False)[1].cancel()


def vector(model: str, text: str) -> np.ndarray:
    """The question's vector: float32, shape (dimension,), length 1.

    Raises:
        VerbatimError: EMBEDDING_FAILED, as `get_embedder`.
    """
    with _lock:
        begun = _begun.pop((model, text), None)
    if begun is None or begun.cancel():  # others wait before it: their turn is not to be waited for
        return _embedded(model, text)
    return begun.result()


def _embedded(model: str, text: str) -> np.ndarray:
    return get_embedder(model).embed_query(text)
