"""The second signal: how near a sentence is in meaning to its passage, by the collection's embedding model.

Bounded and never needed: at most MAX_TEXTS short texts in one batch per answer; when the embedder fails,
words decide alone.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from chat.support.evidence import Claim, Evidence, Unit
from config.errors import VerbatimError
from documents.embedding.registry import get_embedder

log = logging.getLogger(__name__)

MAX_TEXTS = 64
MAX_CHARS = 400  # of one text: a sentence; longer ones are cut
UNITS_BY_WORDS = 2
UNITS_OF_A_STRANGER = 8  # where the words cannot choose: another language
# Have nothing to do with each other: what a model calls near for no reason (0.03 for MiniLM, 0.7 for E5).
_UNRELATED = (
    "The harbour closes at six in the evening.",
    "Photosynthesis turns light into sugar.",
    "Her second novel won a literary prize.",
    "Interest is due on the first working day.",
    "Das Rad wurde am Montag repariert.",
    "La receta lleva tres huevos y un limón.",
)


@dataclass(frozen=True)
class Question:
    """A sentence, and the pieces of its passages that it may rest on."""

    claim: Claim
    pieces: tuple[str, ...]


def question(claim: Claim, evidence: Sequence[Evidence], best: Sequence[Unit], *, foreign: bool) -> Question:
    """What to embed for a sentence: the units with the most of its words, each with the next one, or all."""
    pieces: list[str] = []
    if foreign or not best:
        units = [unit for one in evidence for unit in one.units]
        pieces = [unit.text for unit in units[:: max(1, -(-len(units) // UNITS_OF_A_STRANGER))]]
    else:
        for one in evidence:
            for at, unit in enumerate(one.units):
                if unit in best[:UNITS_BY_WORDS]:
                    pieces += [unit.text, " ".join(near.text for near in one.units[max(0, at - 1) : at + 2])]
    return Question(claim, tuple(dict.fromkeys(piece[:MAX_CHARS] for piece in pieces)))


def similarities(questions: Sequence[Question], model_id: str | None) -> list[float] | None:
    """For each sentence, how near its nearest piece is: 1 the same, 0 no nearer than strangers are.

    Returns:
        None when the embedder could not do it. A sentence past the bound of MAX_TEXTS is given 0.
    """
    texts: list[str] = []
    spans: list[tuple[int, int]] = []
    for one in questions:
        wanted = [one.claim.text[:MAX_CHARS], *one.pieces]
        if not one.pieces or len(texts) + len(wanted) > MAX_TEXTS:
            spans.append((0, 0))
            continue
        spans.append((len(texts), len(texts) + len(wanted)))
        texts += wanted
    if not texts:
        return [0.0] * len(questions)
    try:
        vectors = get_embedder(model_id).embed(texts)
        least = floor(model_id)
    except (VerbatimError, RuntimeError, OSError, MemoryError) as trouble:
        log.warning("citations are checked by words alone: %s", trouble)
        return None
    result = []
    for start, end in spans:
        near = float(np.max(vectors[start + 1 : end] @ vectors[start])) if end > start else least
        result.append(max(0.0, (near - least) / (1 - least)))
    return result


@lru_cache(maxsize=8)
def floor(model_id: str | None) -> float:
    """The mean similarity of texts that have nothing to do with each other."""
    vectors = get_embedder(model_id).embed(list(_UNRELATED))
    between = vectors @ vectors.T
    return float(np.mean(between[~np.eye(len(_UNRELATED), dtype=bool)]))
