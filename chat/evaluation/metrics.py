"""The measures, as information retrieval defines them. Pure: numbers in, numbers out."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DEPTH = 10  # MRR and nDCG look at so many passages, whatever top_k is


def recall_at_k(ranks: Sequence[int | None], k: int) -> float:
    """The share of the places that are found among the first k.

    Args:
        ranks: per place, at least one, the rank of the first passage there, from 1; None where none is.
        k: how far to look.

    Source: Manning, Raghavan, Schuetze, Introduction to Information Retrieval (2008), chapter 8.
    """
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks)


def first(ranks: Sequence[int | None]) -> int | None:
    """The best of several ranks; None when there is none."""
    return min((rank for rank in ranks if rank is not None), default=None)


def reciprocal_rank(rank: int | None) -> float:
    """1 / rank of the first that is relevant; 0 when there is none.

    Source: Voorhees, The TREC-8 Question Answering Track Report (1999); `recip_rank` of trec_eval.
    """
    return 1 / rank if rank else 0.0


def ndcg_at_k(gains: Sequence[float], ideal: Sequence[float], k: int) -> float:
    """Discounted gain of the first k, divided by that of the best possible order.

    The gain at rank r counts gain / log2(r + 1), as `ndcg_cut` of trec_eval has it (no 2^gain - 1).

    Args:
        gains: per rank, from the first.
        ideal: the gains of everything that is relevant, in any order.
        k: how far to look.

    Source: Jaervelin, Kekaelaeinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20 (2002).
    """
    best = _discounted(sorted(ideal, reverse=True)[:k])
    return _discounted(gains[:k]) / best if best else 0.0


def _discounted(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def gains_of(ranks: Sequence[int | None]) -> tuple[list[float], list[float]]:
    """Gains per rank, and those of the best possible order, for `ndcg_at_k`.

    A passage gains 1 for each place that no passage before it is at; so one that repeats a place gains
    nothing, and one at two places gains 2 (alpha-nDCG with alpha = 1). Places that no passage is at are
    passages by themselves in the best order.

    Args:
        ranks: as for `recall_at_k`.

    Source: Clarke et al., Novelty and diversity in information retrieval evaluation, SIGIR 2008.
    """
    found = Counter(rank for rank in ranks if rank is not None)
    gains = [float(found[rank]) for rank in range(1, max(found, default=0) + 1)]
    return gains, [*map(float, found.values()), *(1.0 for rank in ranks if rank is None)]


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share lies, linear between neighbours (as numpy does); None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass(frozen=True)
class Asked:
    """What became of one question.

    Attributes:
        ranks: per place, of the first passage there, within the first DEPTH (or top_k when that is more).
        recall: at the run's top_k; None for a question that the documents do not answer.
        citations, supported: passages that the answer cites, and of these those that bear it out.
        error: it could not be asked; it counts in `errors` alone.
    """

    answerable: bool
    ranks: Sequence[int | None] = ()
    recall: float | None = None
    refused: bool | None = None
    search_ms: float | None = None
    answer_ms: float | None = None
    citations: int | None = None
    supported: int | None = None
    error: bool = False


def summary(asked: Sequence[Asked], *, k: int) -> dict[str, Any]:
    """The measures of a run; None for those that nothing was measured for.

    - `recall_at_k`, `mrr`, `ndcg_at_10`: means over the answerable questions.
    - `refusal_accuracy`: the share of all questions that were rightly refused or rightly not.
    - `unanswerable_refused`, `answerable_refused`: of these questions the share that was refused.
    - `citation_precision`: of the passages that an answer cites the share that bears it out, mean over the
      answers that cite (after Gao et al., Enabling Large Language Models to Generate Text with Citations,
      EMNLP 2023, with the product's own check in place of a language model's judgement).
    """
    told = [one for one in asked if not one.error]
    wanted = [one for one in told if one.answerable]
    unwanted = [one for one in told if not one.answerable]
    best = [first(one.ranks) for one in wanted]
    cited = [one for one in told if one.citations]
    answered = [one for one in told if one.answer_ms is not None and not one.refused]
    searched = [one.search_ms for one in told if one.search_ms is not None]
    written = [one.answer_ms for one in answered if one.answer_ms is not None]
    return {
        "k": k,
        "questions": len(asked),
        "answerable": len(wanted),
        "unanswerable": len(unwanted),
        "errors": len(asked) - len(told),
        "recall_at_k": mean([one.recall or 0.0 for one in wanted]),
        "mrr": mean([reciprocal_rank(rank if rank and rank <= DEPTH else None) for rank in best]),
        "ndcg_at_10": mean([ndcg_at_k(*gains_of(one.ranks), DEPTH) for one in wanted]),
        "refusal_accuracy": mean([float(bool(one.refused) != one.answerable) for one in told]),
        "unanswerable_refused": mean([float(bool(one.refused)) for one in unwanted]),
        "answerable_refused": mean([float(bool(one.refused)) for one in wanted]),
        "citation_precision": mean([(one.supported or 0) / one.citations for one in cited if one.citations]),
        "answers": len(answered),
        "answers_citing": len(cited),
        "search_ms_p50": _rounded(percentile(searched, 0.5)),
        "search_ms_p95": _rounded(percentile(searched, 0.95)),
        "answer_ms_p50": _rounded(percentile(written, 0.5)),
        "answer_ms_p95": _rounded(percentile(written, 0.95)),
    }


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean, to five places; None of nothing."""
    return round(math.fsum(values) / len(values), 5) if values else None


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
