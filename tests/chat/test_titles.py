"""Titles made of first questions: one readable line."""

import pytest

from chat.services import question_ask
from chat.text import one_line, plain


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How many days of leave?", "How many days of leave?"),
        ("How many\n\n  days\tof\r\nleave?", "How many days of leave?"),
        ("**How** many `days` of [leave](https://x.example/y)?", "How many days of leave?"),
        ("# Leave\n> quoted ~~gone~~ text", "Leave quoted gone text"),
        ("What does snake_case_name and 2 * 3 * 4 mean?", "What does snake_case_name and 2 * 3 * 4 mean?"),
        ("1. What is it?\n2. Why?", "1. What is it? 2. Why?"),
        ("```python\nprint(1)\n```\nWhat is this?", "print(1) What is this?"),
        ("***", "***"),
        ("<b>bold</b> \u202eevil\u202c", "<b>bold</b> evil"),
        ("word " * 40, "word " * 14 + "word word…"),
        ("x" * 100, "x" * 79 + "…"),
        ("年次有給休暇" * 20, "年次有給休暇" * 13 + "年…"),
    ],
)
def test_the_first_question_becomes_a_title(db, member, collection, question, title):
    session, _, _ = question_ask(user=member, collection=collection, message=question)
    assert session.title == title
    assert len(title) <= 80


def test_a_second_question_leaves_the_title(db, member, collection):
    session, _, answer = question_ask(user=member, collection=collection, message="First?")
    type(answer).objects.filter(pk=answer.pk).update(status="complete")
    session, _, _ = question_ask(user=member, collection=collection, message="Second?", session=session)
    assert session.title == "First?"


def test_a_line_ends_at_a_word_without_what_stands_before_it():
    assert one_line("one, two, three", 10) == "one, two…"
    assert one_line("one two", 7) == "one two"
    assert plain("| a | b |\n|---|---|\n| 1 | 2 |") == "a b 1 2"
