"""Cut where the topic changes: between the sentences whose vectors lie farthest apart."""

import re
from itertools import pairwise

import numpy as np

from documents.chunking import recursive
from documents.chunking.base import ChunkPlan
from documents.embedding.base import Embedder
from documents.parsing.base import Block

SENTENCE_END = re.compile(r"(?<=[.!?。！？])[\"'”’)]*\s+|\n\s*\n")
PERCENTILE = (
    90  # of the distances between neighbours; LangChain's SemanticChunker takes 95 of whole documents
)
MIN_TOKENS = 40  # a chunk of one short sentence says too little to be found


def split(block: Block, plan: ChunkPlan, embedder: Embedder) -> list[tuple[int, int]]:
    """See `base.Splitter`. Sentences are embedded once each; ranges do not overlap."""
    text = block.text
    sentences = _sentences(text)
    if len(sentences) < 3:
        return recursive.cut(text, plan.size, embedder)
    parts = [text[start:end] for start, end in sentences]
    vectors, counts = embedder.embed(parts), embedder.count_tokens(parts)
    distances = 1 - np.einsum("ij,ij->i", vectors[:-1], vectors[1:])
    limit = float(np.percentile(distances, PERCENTILE))
    ranges: list[tuple[int, int]] = []
    first, tokens = 0, counts[0]
    for index in range(1, len(sentences)):
        turn = distances[index - 1] >= limit and tokens >= MIN_TOKENS
        if turn or tokens + counts[index] > plan.size:
            ranges.append((sentences[first][0], sentences[index - 1][1]))
            first, tokens = index, 0
        tokens += counts[index]
    ranges.append((sentences[first][0], sentences[-1][1]))
    return [piece for start, end in ranges for piece in _fitted(text, start, end, plan.size, embedder)]


def _sentences(text: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    bounds = [0, *ends, len(text)]
    return [(a, b) for a, b in pairwise(bounds) if text[a:b].strip()]


def _fitted(text: str, start: int, end: int, size: int, embedder: Embedder) -> list[tuple[int, int]]:
    """One sentence may be longer than a chunk."""
    return [(start + a, start + b) for a, b in recursive.cut(text[start:end], size, embedder)]
