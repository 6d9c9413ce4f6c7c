"""From two rankings to one order: one score of both legs, a boost for titles, room for others."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log

from documents.retrieval.lexical import LexicalLeg

# How much the similarity of meaning counts beside the words. Both have a scale of their own that does not
# depend on the other candidates: cosine, and BM25 as a share of what it can reach at most ("theoretical"
# normalisation: Bruch, Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023). So a
# question whose words hardly occur is decided by meaning, and one that the model does not understand by
# its words, where adding up ranks lets the weaker leg spoil the stronger one.
DENSE_WEIGHT = 0.6
# The same where the embedding model does not know the language. The built-in one knows English. nDCG@10 over
# XQuAD with 0.55 and 0.05, and of the words alone: German .921, .944, .942; Spanish .928, .963, .962; Arabic
# .583, .934, .934 (bench/languages.py). 0.15 was better there, but lost .019 on Arabic in several passages.
FOREIGN_WEIGHT = 0.05
TITLE_WEIGHT = 0.1  # a title that holds all telling words of the question
# A document that holds all telling words of the question, here and there in its candidates: one passage need
# not say all. nDCG@10 with and without: SciFact .740, .728; COVID-QA .849, .837; XQuAD .981, .979. It hardly
# matters from 0.06 to 0.15; chosen with a look at all questions (SciFact's odd ones: .729, .726). Where whole
# handbooks and filings are asked, nothing changes.
DOCUMENT_WEIGHT = 0.1
SAME_PAGE = 0.1  # what each passage that was chosen from a page costs the others there: they are neighbours
PER_DOCUMENT_SHARE = 0.6  # of top_k that one document may fill while others are relevant
PER_DOCUMENT_LEAST = 3
RELEVANT_SHARE = 0.9  # another document is as good when its best score reaches this share of the best


@dataclass(frozen=True)
class Candidate:
    """A chunk that at least one leg found.

    Attributes:
        page: of a PDF; None where the source has no pages.
    """

    chunk_id: int
    document_id: int
    page: int | None
    similarity: float
    dense_rank: int | None
    lexical_rank: int | None
    lexical_score: float | None
    terms: frozenset[str]
    title_boost: float
    document_boost: float
    score: float


@dataclass(frozen=True)
class Choice:
    """What became of the candidates.

    Attributes:
        chosen: in the order of choice, which is the order of their numbers.
        other_documents, other_pages: ids of chunks that had to make room for these.
    """

    chosen: list[Candidate]
    other_documents: frozenset[int] = frozenset()
    other_pages: frozenset[int] = frozenset()


def fused_score(
    similarity: float,
    lexical_score: float | None,
    ceiling: float,
    boost: float,
    weight: float = DENSE_WEIGHT,
) -> float:
    """Both legs and the boost in one.

    Args:
        similarity: cosine of question and chunk.
        lexical_score: BM25, None where the chunk holds no word of the question.
        ceiling: what BM25 can reach at most with this question.
        boost: of the document, for its title and its words together.
        weight: of meaning beside words.
    """
    return weight * similarity + (1 - weight) * words_share(lexical_score, ceiling) + boost


def words_share(lexical_score: float | None, ceiling: float) -> float:
    """BM25 as a share of what it can reach at most, from 0 to 1; None is a chunk without any of the words."""
    return (lexical_score or 0.0) / ceiling if ceiling else 0.0


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Best first; equal scores by similarity, then by id, so that the order never depends on chance."""
    return sorted(candidates, key=lambda one: (-round(one.score, 9), -round(one.similarity, 6), one.chunk_id))


def title_boosts(terms: Iterable[str], titles: Mapping[int, frozenset[str]]) -> dict[int, float]:
    """Document id -> boost, for titles that hold the question's words, weighted by rarity among titles.

    A word in every title says nothing; one in a single title says which document is meant.

    Args:
        terms: from `titles.question_words`.
        titles: document id -> lexemes of its name and title.
    """
    wanted = frozenset(terms)
    holders: dict[str, list[int]] = {}
    for key, words in titles.items():  # a title has few words, a question may have a thousand
        for term in words & wanted:
            holders.setdefault(term, []).append(key)
    rarity = {
        term: 1 - log(len(holders[term])) / log(len(titles))
        for term in sorted(holders)
        if len(holders[term]) < len(titles)
    }
    total = sum(rarity.values())
    boosts: dict[int, float] = {}
    for term in rarity:
        for key in holders[term]:
            boosts[key] = boosts.get(key, 0.0) + TITLE_WEIGHT * rarity[term] / total
    return boosts


def document_boosts(held: Iterable[tuple[int, frozenset[str]]], leg: LexicalLeg) -> dict[int, float]:
    """Document id -> boost, for the share of the question that its candidates' words make up together.

    Args:
        held: (document id, terms of the question that it holds) of each candidate.
        leg: knows what each term weighs.
    """
    together: dict[int, frozenset[str]] = {}
    for document_id, terms in held:
        together[document_id] = together.get(document_id, frozenset()) | terms
    return {key: DOCUMENT_WEIGHT * leg.share_of(terms) for key, terms in together.items()}


def choose(ordered: list[Candidate], top_k: int, *, sure: Candidate | None = None) -> Choice:
    """The top_k best, of which one page and one document get only their share while others are as good.

    Args:
        ordered: candidates past the gate, best first.
        top_k: how many are wanted.
        sure: has a place, the last if need be.
    """
    if not ordered:
        return Choice([])
    best: dict[int, float] = {}
    for one in ordered:
        best[one.document_id] = max(best.get(one.document_id, -1.0), one.score)
    bar = RELEVANT_SHARE * max(best.values())
    share = max(PER_DOCUMENT_LEAST, ceil(top_k * PER_DOCUMENT_SHARE))
    chosen: list[Candidate] = []
    waiting: list[Candidate] = []
    full: set[int] = set()
    taken: Counter[int] = Counter()
    for one in _pages_apart(ordered):
        too_many = taken[one.document_id] >= share
        if too_many or (waiting and best[one.document_id] < bar):
            waiting.append(one)
            full |= {one.chunk_id} if too_many else set()
            continue
        chosen.append(one)
        taken[one.document_id] += 1
        if len(chosen) == top_k:
            break
    chosen += waiting[: top_k - len(chosen)]
    if sure is not None and sure not in chosen:
        chosen[-1] = sure
    kept = {one.chunk_id for one in chosen}
    crowded = {one.chunk_id for one in ordered[:top_k]} - kept - full
    return Choice(chosen, frozenset(full - kept), frozenset(crowded))


def _pages_apart(ordered: list[Candidate]) -> Iterator[Candidate]:
    """The same candidates, each time the best next one, where those of a page that is there already cost."""
    left = list(ordered)
    taken: Counter[tuple[int, int]] = Counter()
    while left:

        def worth(one: Candidate) -> float:
            crowd = 0 if one.page is None else taken[one.document_id, one.page]
            return round(one.score - SAME_PAGE * crowd, 9)

        best = max(left, key=worth)  # the first of equal ones
        left.remove(best)
        yield best
        if best.page is not None:
            taken[best.document_id, best.page] += 1
