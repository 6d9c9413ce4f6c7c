"""Chunkers compared: how much of the exact excerpts that answer a question five passages hold.

Chroma's evaluation of chunking (Smith & Troynikov, "Evaluating Chunking Strategies for Retrieval", 2024): all
chunkers cut the same texts, the same model embeds, the five nearest chunks of all texts count. Recall is the
share of the excerpts' characters that they hold, precision the share of their characters that is excerpt.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import lines

TOP = 5
TOKENS, OVERLAP = 220, 30
Piece = tuple[str, int, int, str]  # document, start, end, text that is embedded


def compare(folder: Path) -> dict[str, dict[str, float]]:
    """Chunker -> recall and precision over all questions."""
    from documents.embedding.registry import get_embedder

    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted((folder / "docs").glob("*.md"))}
    questions = list(lines(folder / "queries.jsonl"))
    embedder = get_embedder()
    asked = np.array([embedder.embed_query(question["text"]) for question in questions])
    table = {}
    for name, pieces in (
        ("LangChain's recursive splitter", _langchain(texts, embedder)),
        ("recursive", _ours(texts, "recursive", embedder)),
        ("recursive, without context lines", _ours(texts, "recursive", embedder, context=False)),
        ("semantic", _ours(texts, "semantic", embedder)),
        ("semantic, without context lines", _ours(texts, "semantic", embedder, context=False)),
    ):
        near = asked @ embedder.embed([text for *_, text in pieces]).T
        found = [[pieces[index] for index in np.argsort(-row)[:TOP]] for row in near]
        scores = [_score(question, held) for question, held in zip(questions, found, strict=True)]
        sizes = embedder.count_tokens([texts[name][a:b] for name, a, b, _ in pieces])
        table[name] = {
            "chunks": len(pieces),
            "mean tokens": round(sum(sizes) / len(sizes), 1),
            "recall": round(sum(recall for recall, _ in scores) / len(scores), 4),
            "precision": round(sum(precision for _, precision in scores) / len(scores), 4),
        }
        print(f"  {name:32}" + "   ".join(f"{key} {value}" for key, value in table[name].items()), flush=True)
    return table


def _langchain(texts: dict[str, str], embedder: Any) -> list[Piece]:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=TOKENS, chunk_overlap=OVERLAP, length_function=_counter(embedder)
    )
    pieces: list[Piece] = []
    for name, content in texts.items():
        at = 0
        for piece in splitter.split_text(content):
            # Its own start index is wrong where lengths are not in characters: it looks behind the overlap.
            at = content.index(piece, at)
            pieces.append((name, at, at + len(piece), piece))
            at += 1
    return pieces


def _counter(embedder: Any) -> Callable[[str], int]:
    @lru_cache(maxsize=200_000)
    def count(text: str) -> int:
        return int(embedder.count_tokens([text])[0])

    return count


def _ours(texts: dict[str, str], strategy: str, embedder: Any, *, context: bool = True) -> list[Piece]:
    import tempfile

    from documents.chunking.base import ChunkPlan
    from documents.chunking.registry import chunk_blocks
    from documents.parsing import text as parser

    pieces: list[Piece] = []
    for name, content in texts.items():
        with tempfile.NamedTemporaryFile(suffix=".md") as file:
            file.write(content.encode())
            file.flush()
            plan = parser.split(file.name, f"{name}.md")
            readings = [parser.read(file.name, plan.reading | span) for span in plan.spans]
        blocks = tuple(block for reading in readings for block in reading.blocks)
        chunking = ChunkPlan(TOKENS, OVERLAP, name)
        for draft in chunk_blocks(blocks, strategy=strategy, plan=chunking, embedder=embedder):
            if content[draft.char_start : draft.char_end] != draft.content:
                raise ValueError(f"{name}: a chunk is not where it says")
            text = draft.embedded_text if context else draft.content
            pieces.append((name, draft.char_start, draft.char_end, text))
    return pieces


def _score(question: dict[str, Any], pieces: list[Piece]) -> tuple[float, float]:
    gold = _characters((one["start_index"], one["end_index"]) for one in question["references"])
    held = _characters((a, b) for name, a, b, _ in pieces if name == question["doc_id"])
    size = sum(b - a for _, a, b, _ in pieces)
    return len(gold & held) / len(gold), len(gold & held) / size


def _characters(ranges: Any) -> set[int]:
    return {place for start, end in ranges for place in range(start, end)}
