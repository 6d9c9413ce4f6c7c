"""Fusion and the gate, without a database."""

from documents.retrieval.fusion import (
    DOCUMENT_WEIGHT,
    SAME_PAGE,
    TITLE_WEIGHT,
    Candidate,
    choose,
    document_boosts,
    fused_score,
    in_order,
    title_boosts,
)
from documents.retrieval.gate import lexically_strong, nearness, passes, rare_terms
from documents.retrieval.lexical import LexicalLeg


def candidate(chunk_id, document_id=1, score=0.02, similarity=0.5, page=None):
    return Candidate(chunk_id, document_id, page, similarity, 1, None, None, frozenset(), 0.0, 0.0, score)


def ids(candidates):
    return [one.chunk_id for one in candidates]


def test_both_legs_count_on_scales_of_their_own():
    assert fused_score(0.5, 10, 20, 0) > fused_score(0.5, 9, 20, 0) > fused_score(0.5, None, 20, 0)
    assert fused_score(0.6, None, 0, 0) > fused_score(0.5, None, 0, 0)
    assert fused_score(0.5, 10, 20, 0.1) > fused_score(0.5, 10, 20, 0)
    assert fused_score(0, None, 0, 0) == 0


def test_words_that_hold_the_question_outweigh_what_is_only_near_in_meaning():
    assert fused_score(0.35, 18, 20, 0) > fused_score(0.6, 2, 20, 0)


def test_equal_scores_are_ordered_by_similarity_and_then_by_id():
    pool = [candidate(3), candidate(1), candidate(2, similarity=0.6)]
    assert ids(in_order(pool)) == [2, 1, 3]
    assert in_order(pool[::-1]) == in_order(pool)


def test_a_word_that_every_title_holds_lifts_none():
    assert title_boosts(["report"], {1: frozenset({"report"}), 2: frozenset({"report"})}) == {}
    assert title_boosts(["report"], {1: frozenset({"report"})}) == {}
    assert title_boosts([], {}) == {}


def test_a_rare_title_word_lifts_more_than_a_common_one():
    titles = {
        1: frozenset({"costco", "report"}),
        2: frozenset({"nike", "report"}),
        3: frozenset({"nike", "memo"}),
    }
    boosts = title_boosts(["costco", "report", "unknown"], titles)
    assert boosts[1] > boosts[2]
    assert boosts[1] <= TITLE_WEIGHT
    assert 3 not in boosts


def test_a_documents_candidates_hold_a_question_together():
    leg = LexicalLeg(weights={"pump": 3.0, "repair": 1.0, "1234": 4.0})
    held = [(1, frozenset({"pump"})), (1, frozenset({"repair", "-1234"})), (2, frozenset({"pump"}))]
    boosts = document_boosts([*held, (3, frozenset({"of"}))], leg)
    assert boosts == {1: DOCUMENT_WEIGHT, 2: DOCUMENT_WEIGHT * 3 / 8, 3: 0.0}
    assert document_boosts(held, LexicalLeg()) == {1: 0.0, 2: 0.0}
    assert LexicalLeg(weights={"pump": 3.0}, absent=9.0).share_of(["pump"], with_absent=True) == 0.25


def test_one_document_fills_everything_when_no_other_is_relevant():
    pool = [candidate(n, 1, 0.6 - n / 100) for n in range(6)] + [candidate(9, 2, 0.5)]
    choice = choose(pool, 5)
    assert ids(choice.chosen) == [0, 1, 2, 3, 4]
    assert choice.other_documents == {5}


def test_one_document_makes_room_for_another_that_is_relevant():
    pool = [candidate(n, 1, 0.6 - n / 200) for n in range(6)] + [candidate(9, 2, 0.55)]
    choice = choose(pool, 5)
    assert ids(choice.chosen) == [0, 1, 2, 9, 3]
    assert choice.other_documents == {4, 5}


def test_a_page_makes_room_for_others_that_are_nearly_as_good():
    pool = [
        candidate(1, page=7, score=0.9),
        candidate(2, page=7, score=0.85),
        candidate(3, page=8, score=0.8),
    ]
    choice = choose(pool, 2)
    assert ids(choice.chosen) == [1, 3]
    assert choice.other_pages == {2}
    assert ids(choose(pool, 3).chosen) == [1, 3, 2]


def test_a_page_that_is_better_by_far_keeps_its_places():
    far = 0.85 - SAME_PAGE - 0.01
    pool = [
        candidate(1, page=7, score=0.9),
        candidate(2, page=7, score=0.85),
        candidate(3, page=8, score=far),
    ]
    assert ids(choose(pool, 2).chosen) == [1, 2]


def test_the_same_page_number_of_another_document_is_another_page():
    pool = [candidate(1, 1, 0.9, page=7), candidate(2, 2, 0.85, page=7), candidate(3, 1, 0.84, page=8)]
    assert ids(choose(pool, 2).chosen) == [1, 2]


def test_passages_of_sources_without_pages_do_not_crowd_one_another():
    pool = [candidate(1, score=0.9), candidate(2, score=0.85), candidate(3, score=0.84)]
    assert ids(choose(pool, 2).chosen) == [1, 2]


def test_rare_terms_are_those_that_tell_chunks_apart():
    assert rare_terms({"pump": 2, "the": 900, "none": 0, "year": 21}, 1000) == {"pump", "none"}


def test_words_alone_pass_only_when_all_rare_ones_are_there():
    rare = frozenset({"gasket", "auxiliari"})
    assert lexically_strong(frozenset({"gasket", "auxiliari"}), rare)
    assert not lexically_strong(frozenset({"gasket"}), rare)
    assert not lexically_strong(frozenset({"gasket"}), frozenset({"gasket"}))
    assert not lexically_strong(frozenset(), frozenset())
    far = {"near": 0.1, "threshold": 0.3, "held": rare, "rare": rare, "terms": rare}
    assert not passes(**far)
    assert passes(**far | {"near": 0.2})
    assert passes(near=0.3, threshold=0.3, held=frozenset(), rare=frozenset(), terms=frozenset())


def test_a_passage_that_holds_every_word_of_a_long_question_passes_where_it_is_not_far_off():
    terms = frozenset({"manag", "harbour", "branch", "open"})
    near = {"near": 0.2, "threshold": 0.3, "rare": frozenset({"harbour"}), "terms": terms}
    assert passes(**near, held=terms)
    assert not passes(**near, held=terms - {"open"})
    assert not passes(**near | {"near": 0.1}, held=terms)
    assert not passes(**near | {"terms": frozenset({"harbour"})}, held=terms)


def test_words_stand_for_meaning_where_the_model_does_not_know_the_language():
    assert nearness(0.7, 0.1, 0.5, understood=True) == 0.7
    assert nearness(0.7, 0.1, 0.5, understood=False) == 0.2
    assert nearness(0.0, 0.9, 0.5, understood=False) == 1.0
    assert nearness(0.7, 0.9, 0.1, understood=False) == 0.0


def test_one_that_passes_by_itself_has_a_place_among_better_ones():
    pool = [candidate(n, n, 0.6 - n / 100) for n in range(6)]
    assert ids(choose(pool, 3).chosen) == [0, 1, 2]
    assert ids(choose(pool, 3, sure=pool[5]).chosen) == [0, 1, 5]
    assert ids(choose(pool, 3, sure=pool[1]).chosen) == [0, 1, 2]
