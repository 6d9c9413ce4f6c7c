"""The measures against values computed by hand."""

from math import log2

import pytest

from chat.evaluation import metrics
from chat.evaluation.metrics import Asked


def test_recall_counts_the_places_within_k():
    assert metrics.recall_at_k([2, 4, None], 2) == pytest.approx(1 / 3)
    assert metrics.recall_at_k([2, 4, None], 4) == pytest.approx(2 / 3)
    assert metrics.recall_at_k([None], 5) == 0


@pytest.mark.parametrize(("rank", "expected"), [(1, 1.0), (2, 0.5), (4, 0.25), (None, 0.0)])
def test_reciprocal_rank(rank, expected):
    assert metrics.reciprocal_rank(rank) == expected


def test_ndcg_of_graded_gains_is_that_of_trec_eval():
    """The example of the TREC literature: gains 3 2 3 0 1 2; log2 discount, gains not exponentiated."""
    gains = [3, 2, 3, 0, 1, 2]
    # 3/1 + 2/1.58496 + 3/2 + 0 + 1/2.58496 + 2/2.80735 = 6.86113; ideal 3 3 2 2 1 0 = 7.14100
    assert metrics.ndcg_at_k(gains, gains, 6) == pytest.approx(6.861127 / 7.140995, abs=1e-6)


def test_ndcg_is_cut_at_k_and_so_is_its_ideal():
    assert metrics.ndcg_at_k([0, 0, 1], [1], 2) == 0
    assert metrics.ndcg_at_k([0, 1], [1, 1, 1], 2) == pytest.approx((1 / log2(3)) / (1 + 1 / log2(3)))
    assert metrics.ndcg_at_k([1], [], 10) == 0


def test_each_place_gains_once_and_one_passage_may_be_at_two():
    assert metrics.gains_of([2]) == ([0, 1], [1])
    assert metrics.gains_of([3, 1, None]) == ([1, 0, 1], [1, 1, 1])
    assert metrics.gains_of([1, 1]) == ([2], [2])
    assert metrics.gains_of([None]) == ([], [1])
    assert metrics.first([3, 2, None]) == 2
    assert metrics.first([None]) is None


def test_several_places_are_recalled_all_and_ranked_by_the_first():
    """Two pages hold the answer: one stands second, the other one fourth, beyond what the chat is given."""
    found = metrics.summary([Asked(True, ranks=[4, 2], recall=0.5, refused=False)], k=3)
    assert (found["recall_at_k"], found["mrr"]) == (0.5, 0.5)
    expected = (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3))
    assert found["ndcg_at_10"] == pytest.approx(expected, abs=1e-5)


def test_percentiles_lie_between_neighbours():
    values = [40.0, 10.0, 20.0, 30.0]
    assert metrics.percentile(values, 0.5) == 25
    assert metrics.percentile(values, 0.95) == pytest.approx(38.5)
    assert metrics.percentile([7.0], 0.95) == 7
    assert metrics.percentile([], 0.5) is None


def test_a_run_of_five_questions():
    asked = [
        Asked(
            True, ranks=[1], recall=1.0, refused=False, search_ms=10, answer_ms=100, citations=2, supported=1
        ),
        Asked(
            True, ranks=[7], recall=0.0, refused=False, search_ms=20, answer_ms=300, citations=1, supported=1
        ),
        Asked(
            True, ranks=[None], recall=0.0, refused=True, search_ms=30, answer_ms=1, citations=0, supported=0
        ),
        Asked(False, refused=True, search_ms=40, answer_ms=1, citations=0, supported=0),
        Asked(False, refused=False, search_ms=50, answer_ms=200, citations=0, supported=0),
    ]
    found = metrics.summary([*asked, Asked(True, error=True)], k=5)
    assert (found["questions"], found["errors"], found["answerable"], found["unanswerable"]) == (6, 1, 3, 2)
    assert found["recall_at_k"] == pytest.approx(1 / 3, abs=1e-5)
    assert found["mrr"] == pytest.approx((1 + 1 / 7 + 0) / 3, abs=1e-5)
    assert found["ndcg_at_10"] == pytest.approx((1 + 1 / 3 + 0) / 3, abs=1e-5)  # log2(7 + 1) = 3
    assert found["refusal_accuracy"] == pytest.approx(3 / 5)
    assert found["unanswerable_refused"] == pytest.approx(1 / 2)
    assert found["answerable_refused"] == pytest.approx(1 / 3, abs=1e-5)
    assert found["citation_precision"] == pytest.approx((1 / 2 + 1) / 2)
    assert (found["answers"], found["answers_citing"]) == (3, 2)
    assert (found["search_ms_p50"], found["search_ms_p95"]) == (30, 48)
    assert found["answer_ms_p50"] == 200, "refusals are quick, and would flatter it"


def test_what_was_not_measured_is_not_zero():
    found = metrics.summary([Asked(False, refused=True, search_ms=1)], k=5)
    assert found["recall_at_k"] is found["mrr"] is found["ndcg_at_10"] is found["citation_precision"] is None
    assert found["answer_ms_p50"] is None


def test_a_rank_beyond_ten_is_outside_mrr_and_ndcg():
    found = metrics.summary([Asked(True, ranks=[11], recall=1.0, refused=False)], k=20)
    assert (found["recall_at_k"], found["mrr"], found["ndcg_at_10"]) == (1, 0, 0)
