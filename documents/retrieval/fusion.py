"""From two rankings to one order: reciprocal rank fusion, a boost for titles, room for several documents."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, log

from documents.retrieval.lexical import is_code, unsigned

RRF_K = 60  # Cormack, Clarke & Buettcher, "Reciprocal Rank Fusion outperforms Condorcet" (2009)
TITLE_WEIGHT = 0.006  # a title that holds all telling words of the question is worth some ten to twenty ranks
CODE_WEIGHT = 0.006  # and so is a passage that holds the rare numbers and codes of the question
PER_DOCUMENT_SHARE = 0.6  # of top_k that one document may fill while others are relevant
PER_DOCUMENT_LEAST = 3
RELEVANT_SHARE = 0.85  # another document is relevant when its best similarity reaches this share of the best


@dataclass(frozen=True)
class Candidate:
    """A chunk that at least one leg found."""

    chunk_id: int
    document_id: int
    similarity: float
    dense_rank: int | None
    lexical_rank: int | None
    lexical_score: float | None
    terms: frozenset[str]
    title_boost: float
    score: float


def ranks(ids: Iterable[int]) -> dict[int, int]:
    """id -> rank, from 1."""
    return {chunk_id: rank for rank, chunk_id in enumerate(ids, start=1)}


def fused_score(dense_rank: int | None, lexical_rank: int | None, boost: float) -> float:
    """The sum of reciprocal ranks and the boosts."""
    return sum(1 / (RRF_K + rank) for rank in (dense_rank, lexical_rank) if rank) + boost


def code_boost(held: frozenset[str], rare: frozenset[str]) -> float:
    """For a passage that holds rare numbers and codes of the question, by the share that it holds.

    Embeddings hardly tell `AB-1234` from `AB-1299`; the words decide there.
    """
    codes = {unsigned(term) for term in rare if is_code(term)}
    return CODE_WEIGHT * len(codes & {unsigned(term) for term in held}) / len(codes) if codes else 0.0


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Best first; equal scores by similarity, then by id, so that the order never depends on chance."""
    return sorted(candidates, key=lambda one: (-round(one.score, 9), -round(one.similarity, 6), one.chunk_id))


def title_boosts(terms: Iterable[str], titles: Mapping[int, frozenset[str]]) -> dict[int, float]:
    """Document id -> boost, for titles that hold the question's words, weighted by rarity among titles.

    A word in every title says nothing; one in a single title says which document is meant.

    Args:
        terms: the question's lexemes.
        titles: document id -> lexemes of its name and title.
    """
    holders = {term: [key for key, words in titles.items() if term in words] for term in sorted(set(terms))}
    rarity = {
        term: 1 - log(len(keys)) / log(len(titles))
        for term, keys in holders.items()
        if 0 < len(keys) < len(titles)
    }
    total = sum(rarity.values())
    boosts: dict[int, float] = {}
    for term in sorted(rarity):
        for key in holders[term]:
            boosts[key] = boosts.get(key, 0.0) + TITLE_WEIGHT * rarity[term] / total
    return boosts


def with_room_for_others(ordered: list[Candidate], top_k: int) -> tuple[list[Candidate], set[int]]:
    """The first top_k, of which one document gets only its share while other documents are relevant.

    Args:
        ordered: candidates past the gate, best first.
        top_k: how many are wanted.

    Returns:
        The chosen ones, still best first, and the ids of chunks that had to make room.
    """
    if not ordered:
        return [], set()
    best: dict[int, float] = {}
    for one in ordered:
        best[one.document_id] = max(best.get(one.document_id, -1.0), one.similarity)
    bar = RELEVANT_SHARE * max(best.values())
    share = max(PER_DOCUMENT_LEAST, ceil(top_k * PER_DOCUMENT_SHARE))
    chosen: list[Candidate] = []
    waiting: list[Candidate] = []
    displaced: set[int] = set()
    taken: Counter[int] = Counter()
    for one in ordered:
        full = taken[one.document_id] >= share
        if full or (waiting and best[one.document_id] < bar):
            waiting.append(one)
            displaced |= {one.chunk_id} if full else set()
            continue
        chosen.append(one)
        taken[one.document_id] += 1
        if len(chosen) == top_k:
            break
    chosen += waiting[: top_k - len(chosen)]
    return in_order(chosen), displaced - {one.chunk_id for one in chosen}
