"""Fusion and the gate, without a database."""

from documents.retrieval.fusion import (
    CODE_WEIGHT,
    TITLE_WEIGHT,
    Candidate,
    code_boost,
    fused_score,
    in_order,
    title_boosts,
    with_room_for_others,
)
from documents.retrieval.gate import lexically_strong, passes, rare_terms


def candidate(chunk_id, document_id=1, score=0.02, similarity=0.5):
    return Candidate(chunk_id, document_id, similarity, 1, None, None, frozenset(), 0.0, score)


def test_a_chunk_that_both_legs_found_beats_the_first_of_one_leg():
    assert fused_score(5, 5, 0) > fused_score(1, None, 0)
    assert fused_score(None, None, 0) == 0


def test_equal_scores_are_ordered_by_similarity_and_then_by_id():
    pool = [candidate(3), candidate(1), candidate(2, similarity=0.6)]
    assert [one.chunk_id for one in in_order(pool)] == [2, 1, 3]
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


def test_only_rare_codes_lift_a_passage_and_a_hyphen_does_not_matter():
    assert code_boost(frozenset({"-1234", "ab"}), frozenset({"1234", "-1234", "ab"})) == CODE_WEIGHT
    assert code_boost(frozenset({"ab"}), frozenset({"1234", "ab"})) == 0
    assert code_boost(frozenset({"2019"}), frozenset()) == 0


def test_one_document_fills_everything_when_no_other_is_relevant():
    pool = [candidate(n, 1, 0.03 - n / 1000) for n in range(6)] + [candidate(9, 2, 0.01, similarity=0.2)]
    chosen, displaced = with_room_for_others(pool, 5)
    assert [one.chunk_id for one in chosen] == [0, 1, 2, 3, 4]
    assert displaced == {5}


def test_one_document_makes_room_for_another_that_is_relevant():
    pool = [candidate(n, 1, 0.03 - n / 1000) for n in range(6)] + [candidate(9, 2, 0.01, similarity=0.48)]
    chosen, displaced = with_room_for_others(pool, 5)
    assert [one.chunk_id for one in chosen] == [0, 1, 2, 3, 9]
    assert displaced == {4, 5}


def test_rare_terms_are_those_that_tell_chunks_apart():
    assert rare_terms({"pump": 2, "the": 900, "none": 0, "year": 21}, 1000) == {"pump", "none"}


def test_words_alone_pass_only_when_all_rare_ones_are_there():
    rare = frozenset({"gasket", "auxiliari"})
    assert lexically_strong(frozenset({"gasket", "auxiliari"}), rare)
    assert not lexically_strong(frozenset({"gasket"}), rare)
    assert not lexically_strong(frozenset({"gasket"}), frozenset({"gasket"}))
    assert not lexically_strong(frozenset(), frozenset())
    far = {"similarity": 0.1, "threshold": 0.3, "held": rare, "rare": rare, "terms": rare}
    assert not passes(**far)
    assert passes(**far | {"similarity": 0.2})
    assert passes(similarity=0.3, threshold=0.3, held=frozenset(), rare=frozenset(), terms=frozenset())


def test_a_passage_that_holds_every_word_of_a_long_question_passes_where_it_is_not_far_off():
    terms = frozenset({"manag", "harbour", "branch", "open"})
    near = {"similarity": 0.2, "threshold": 0.3, "rare": frozenset({"harbour"}), "terms": terms}
    assert passes(**near, held=terms)
    assert not passes(**near, held=terms - {"open"})
    assert not passes(**near | {"similarity": 0.1}, held=terms)
    assert not passes(**near | {"terms": frozenset({"harbour"})}, held=terms)
