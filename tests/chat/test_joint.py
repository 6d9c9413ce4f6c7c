"""How new text is joined to a text that was cut anywhere."""

import pytest

from chat.engine.continuation import Joint


def joined(written: str, *pieces: str) -> str:
    joint = Joint(written)
    return joint.kept + "".join(joint.feed(piece) for piece in pieces) + joint.end()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Full-time staff have 25 da", "Full-time staff have 25 "),  # within a word
        ("Full-time staff have 25 days", "Full-time staff have 25 "),  # or behind it: nobody knows
        ("Full-time staff have 25 ", "Full-time staff have 25 "),
        ("25 days of leave [1].\n\n- ", "25 days of leave [1].\n\n- "),
        ("25 days of leave [1, 2", "25 days of leave "),  # within a marker
        ("25 days of leave [1", "25 days of leave "),
        ("25 days [1] of leave", "25 days [1] of "),
        ("Staff", "Staff"),  # there is nothing before it
        ("年次有給休暇は" * 8, "年次有給休暇は" * 8),  # a script without blanks
    ],
)
def test_the_llm_is_shown_the_text_up_to_its_last_blank(written, shown):
    assert Joint(written).kept == shown


@pytest.mark.parametrize(
    "pieces",
    [
        ("days of annual leave [1].",),
        (" days of annual leave [1].",),
        ("\n", "  da", "ys of annual leave [1]."),
        ("staff have 25 days of annual leave [1].",),  # repeated from the middle of a sentence
        ("Full-time ", "staff ", "have 25 ", "days of annual leave [1]."),  # repeated from the start
    ],
)
def test_text_goes_on_at_the_blank_without_another_and_without_repeating(pieces):
    assert (
        joined("Full-time staff have 25 da", *pieces) == "Full-time staff have 25 days of annual leave [1]."
    )


def test_a_script_without_blanks_gets_none():
    assert joined("年次有給休暇は" * 8, "二十五日", "です。") == "年次有給休暇は" * 8 + "二十五日です。"


def test_a_word_that_comes_again_by_chance_is_no_repetition():
    assert joined("It is the ", "the", " best") == "It is the the best"


def test_ordinary_text_is_not_held_back():
    joint = Joint("Full-time staff have 25 da")
    assert joint.feed("days") == "days"
    assert joint.feed(" of") == " of"


def test_when_nothing_follows_the_text_is_as_it_was():
    assert joined("Full-time staff have 25 da") == "Full-time staff have 25 da"
    assert joined("Full-time staff have 25 da", "", " ") == "Full-time staff have 25 da"
    assert joined("Full-time staff have 25 da", "staff have 25") == "Full-time staff have 25 da"


def test_a_short_ending_is_not_taken_for_a_repetition():
    assert joined("one, two and one, tw", "two") == "one, two and one, two"
