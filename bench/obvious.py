"""The pipeline that one writes first: pypdf, SemanticChunker, torch in float32, one INSERT per chunk.

SemanticChunker comes from langchain_experimental, which is no requirement of ours: it is installed into a
folder beside the results on the first run.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PACKAGES = Path(__file__).resolve().parent / ".packages"
PACKAGE = "langchain_experimental==0.4.2"


def run(files: list[Path]) -> dict[str, Any]:
    """Seconds for the files, of which how many per step, and what came of them."""
    _install()
    import pypdf
    from django.db import connection
    from langchain_experimental.text_splitter import SemanticChunker
    from sentence_transformers import SentenceTransformer

    from documents.embedding.weights import DEFAULT_MODEL, locate

    model = SentenceTransformer(str(locate(DEFAULT_MODEL).folder), device="cpu")
    splitter = SemanticChunker(_Embeddings(model))
    model.encode(["warm up"])
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE obvious (id bigserial PRIMARY KEY, content text, embedding vector(384))")
    steps = {"read": 0.0, "chunk": 0.0, "embed": 0.0, "write": 0.0}
    pages = chunks = 0
    began = time.perf_counter()
    for file in files:
        at = time.perf_counter()
        reader = pypdf.PdfReader(file)
        text = "\n".join(page.extract_text() for page in reader.pages)
        pages += len(reader.pages)
        at = _lap(steps, "read", at)
        pieces = splitter.split_text(text)
        at = _lap(steps, "chunk", at)
        vectors = model.encode(pieces)
        at = _lap(steps, "embed", at)
        with connection.cursor() as cursor:
            for piece, vector in zip(pieces, vectors, strict=True):
                literal = "[" + ",".join(map(str, vector.tolist())) + "]"
                content = piece.replace("\x00", "")
                cursor.execute("INSERT INTO obvious (content, embedding) VALUES (%s, %s)", [content, literal])
        _lap(steps, "write", at)
        chunks += len(pieces)
    seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 1),
        "seconds_per_step": {name: round(spent, 1) for name, spent in steps.items()},
        "pages": pages,
        "chunks": chunks,
        "pages_per_second": round(pages / seconds, 2),
    }


class _Embeddings:
    """What LangChain asks of an embedding model."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector per text."""
        vectors: list[list[float]] = self._model.encode(texts).tolist()
        return vectors


def _lap(steps: dict[str, float], name: str, since: float) -> float:
    now = time.perf_counter()
    steps[name] += now - since
    return now


def _install() -> None:
    if not PACKAGES.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(PACKAGES), PACKAGE]
        subprocess.run(command, check=True)
    sys.path.append(str(PACKAGES))  # after our own packages: they stay as they are
