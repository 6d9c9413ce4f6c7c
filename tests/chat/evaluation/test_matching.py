"""Whether a passage is where the answer was expected."""

import pytest

from chat.evaluation.matching import Place, fits, holds, same_name
from documents.retrieval.types import Passage

LEAVE = "Full-time staff have 25 days of annual leave in each calendar year."


def passage(content=LEAVE, **fields) -> Passage:
    given = {"chunk_id": 1, "document_id": 7, "document_name": "2019/Handbook.pdf", "page": 4, "page_to": 6}
    return Passage(content=content, similarity_score=0.5, score=0.1, **given | fields)


@pytest.mark.parametrize(
    ("expected", "fit"),
    [
        (Place(document_id=7), True),
        (Place(document_id=8), False),
        (Place(document_id=8, document_name="2019/Handbook.pdf"), False),
        (Place(document_name="handbook.PDF"), True),
        (Place(document_name="2020/handbook.pdf"), False),
        (Place(document_id=7, page=4), True),
        (Place(document_id=7, page=6), True),
        (Place(document_id=7, page=7), False),
        (Place(document_id=7, page=3), False),
        (Place(passage="25 days"), True),
        (Place(passage="25 days", page=9), False),
        (Place(document_id=8, passage="25 days"), False),
        (Place(), False),
    ],
)
def test_all_that_is_named_must_hold(expected, fit):
    assert fits(passage(), expected) is fit


def test_a_page_is_not_found_in_a_passage_without_pages():
    assert not fits(passage(page=None, page_to=None), Place(document_id=7, page=1))


@pytest.mark.parametrize(
    ("content", "expected", "held"),
    [
        (LEAVE, "FULL-TIME   staff\nhave 25 days", True),
        (LEAVE, "5 days of annual leave", False),  # 25 is not 5
        ("Ausgabe: ﬁnanzielle Hilfe", "finanzielle hilfe", True),  # ligature
        (LEAVE, "the 25 days", False),  # too short for a share of words
        (LEAVE, "all full-time staff get 25 days annual leave each year", True),  # 9 of 11
        (LEAVE, "part-time workers who joined the union get leave", False),
        ("Leave", f"Leave {LEAVE}", False),  # a heading alone proves nothing
        (
            LEAVE,
            f"Chapter 3. {LEAVE} It is taken in agreement with the head of the branch, before March.",
            True,
        ),
        ("年次休暇は二十五日です。", "休暇は二十五日", True),
        (LEAVE, "...", False),
    ],
)
def test_the_text_of_a_passage(content, expected, held):
    assert holds(content, expected) is held


def test_repeated_words_count_as_often_as_they_are_there():
    assert not holds("leave and more text about other things", "leave leave leave leave leave")


def test_folders_count_where_both_names_have_them():
    assert same_name("a/report.pdf", "REPORT.pdf")
    assert same_name("a\\report.pdf", "a/report.pdf")
    assert not same_name("a/report.pdf", "b/report.pdf")
