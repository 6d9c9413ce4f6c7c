"""Cut where the topic changes: between the sentences whose vectors lie farthest apart."""

import re
from itertools import pairwise

import numpy as np

from documents.chunking import recursive
from documents.chunking.base import ChunkPlan
from documents.chunking.measure import Measure
from documents.parsing.base import Block

SENTENCE_END = re.compile(
    r"(?<=[.!?…؟۔।])[\"'”’»)\]]*\s+|(?<=[。！？])[”’」』）]*(?![。！？”’」』）])\s*|\n\s*\n"
)
LEAST_SENTENCES = 3  # fewer have no topics to tell apart
PERCENTILE = (
    90  # of the distances between neighbours; LangChain's SemanticChunker takes 95 of whole documents
)
MIN_TOKENS = 40  # a chunk of one short sentence says too little to be found


def split(blocks: list[Block], plan: ChunkPlan, measure: Measure) -> list[list[tuple[int, int]]]:
    """See `base.Splitter`. Sentences are embedded once each, all in one go; ranges do not overlap."""
    measure.learn(block.text for block in blocks)
    sentences = [_sentences(block.text) for block in blocks]
    compared = [ranges if len(ranges) >= LEAST_SENTENCES else [] for ranges in sentences]
    texts = [block.text[a:b] for block, ranges in zip(blocks, compared, strict=True) for a, b in ranges]
    vectors = measure.embedder.embed(texts) if texts else np.zeros((0, 0), dtype=np.float32)
    cuts, at = [], 0
    for block, ranges in zip(blocks, compared, strict=True):
        topics = _topics(block.text, ranges, vectors[at : at + len(ranges)], plan, measure)
        at += len(ranges)
        cuts.append([piece for a, b in topics for piece in _fitted(block.text, a, b, plan.size, measure)])
    return cuts


def _topics(
    text: str, sentences: list[tuple[int, int]], vectors: np.ndarray, plan: ChunkPlan, measure: Measure
) -> list[tuple[int, int]]:
    """Sentences that follow one another, up to where the topic turns or the size is reached."""
    if not sentences:
        return [(0, len(text))]
    distances = 1 - np.einsum("ij,ij->i", vectors[:-1], vectors[1:])
    limit = float(np.percentile(distances, PERCENTILE))
    ranges: list[tuple[int, int]] = []
    first, tokens = sentences[0][0], 0
    for index, (start, end) in enumerate(sentences):
        count = measure(text[start:end])
        turn = index > 0 and distances[index - 1] >= limit and tokens >= MIN_TOKENS
        if index > 0 and (turn or tokens + count > plan.size):
            ranges.append((first, start))
            first, tokens = start, 0
        tokens += count
    return [*ranges, (first, sentences[-1][1])]


def _sentences(text: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    bounds = [0, *ends, len(text)]
    return [(a, b) for a, b in pairwise(bounds) if text[a:b].strip()]


def _fitted(text: str, start: int, end: int, size: int, measure: Measure) -> list[tuple[int, int]]:
    """One sentence may be longer than a chunk."""
    return [(start + a, start + b) for a, b in recursive.cut(text[start:end], size, measure)]
