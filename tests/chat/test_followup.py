"""Follow-ups are completed by rule: what takes the place of what, what is only added, what stands alone."""

import pytest

from chat.engine.followup import completed
from chat.engine.history import fallback
from chat.llm.base import ChatMessage

LEAVE = "How many days of annual leave do full-time staff have?"

SUBSTITUTED = [
    ("What was the revenue in 2018?", "and in 2019?", "What was the revenue in 2019?"),
    ("What was the revenue in 2018?", "2019?", "What was the revenue in 2019?"),
    ("What was Apple's profit in Q2 2018?", "And Q3?", "What was Apple's profit in Q3 2018?"),
    ("What was Microsoft's revenue in 2018?", "And Apple in 2019?", "What was Apple's revenue in 2019?"),
    ("What was the revenue of Microsoft in 2018?", "And of Apple?", "What was the revenue of Apple in 2018?"),
    ("Who was king from 1108 to 1137?", "And from 1060 to 1108?", "Who was king from 1060 to 1108?"),
    ("What does § 12.3 say about notice?", "And § 12.4?", "What does § 12.4 say about notice?"),
    ("What does part AB-1234 cost?", "AB-1299?", "What does part AB-1299 cost?"),
    (LEAVE, "And part-time staff?", "How many days of annual leave do part-time staff have?"),
    ("Who manages the Harbour Branch?", "And the Station Branch?", "Who manages the Station Branch?"),
    ("Who manages the Harbour Branch?", "What about Westgate?", "Who manages the Westgate?"),
    (
        "How much is paid per kilometre for driving my own car?",
        "And for cycling?",
        "How much is paid per kilometre for cycling?",
    ),
    (
        "What are the duties of a Senior Manager of Development?",
        "And of a Director of Sales?",
        "What are the duties of a Director of Sales?",
    ),
    ("What is the deductible under Plan A?", "and under Plan B?", "What is the deductible under Plan B?"),
    ("Wie hoch war der Umsatz im Jahr 2018?", "Und 2019?", "Wie hoch war der Umsatz im Jahr 2019?"),
    ("Wie hoch ist der Umsatz?", "Und der Gewinn?", "Wie hoch ist der Gewinn?"),
    ("Какова выручка за 2018 год?", "А за 2019?", "Какова выручка за 2019 год?"),
    ("2018年的收入是多少？", "2019年呢？", "2019年的收入是多少？"),
]


@pytest.mark.parametrize(("earlier", "question", "whole"), SUBSTITUTED)
def test_a_fragment_takes_the_place_of_what_is_of_its_kind(earlier, question, whole):
    assert completed(question, earlier) == whole


@pytest.mark.parametrize(
    ("earlier", "question", "whole"),
    [
        ("What was the revenue?", "and in 2019?", "What was the revenue in 2019?"),
        ("How many people work in Germany?", "and in 2019?", "How many people work in Germany in 2019?"),
        (LEAVE, "And in capitals?", LEAVE[:-1] + " in capitals?"),
    ],
)
def test_what_has_no_counterpart_is_added(earlier, question, whole):
    assert completed(question, earlier) == whole


@pytest.mark.parametrize(
    "question",
    ["Why?", "How long does it take to approve?", "Who else is in charge of the budget?", "Is that allowed?"]
    + ["And what do managers and their deputies get?", "How many may be carried over to next year?"]
    + ["Which has the most days of leave?", "How many that are open belong to managers?"]
    + ["Und wie viele Tage haben Teilzeitkräfte im Jahr?", "那么兼职员工呢？", "Thanks!", "And managers?"],
)
def test_whatever_else_may_refer_back_carries_the_earlier_question(question):
    assert completed(question, LEAVE) == f"{LEAVE}\n{question}"


@pytest.mark.parametrize(
    "question",
    [
        "How much may a hotel cost per night?",
        "Who manages the Harbour Branch, and when was the branch opened?",
        "List the branches with a reading room.",
        "How many branches are there in the old town?",
        "Which rules say that a branch may be closed?",
        "Do trips above 1500 euros need approval?",
        "Okay, thanks. How much may a hotel cost per night?",
        "Wie viel darf eine Übernachtung im Hotel kosten?",
        "Gibt es einen Zuschuss für das Fahrrad?",
        "Combien coûte une nuit à l'hôtel au maximum ?",
        "¿Cuánto puede costar una noche de hotel?",
        "Сколько может стоить ночь в гостинице?",
        "酒店每晚最多可以花多少钱？",
    ],
)
def test_another_topic_is_not_mixed_with_the_earlier_question(question):
    assert completed(question, LEAVE) == question


def test_the_years_of_an_earlier_question_give_way_to_those_of_the_new_one():
    assert completed("And what about its profit in 2019?", "What was the revenue in 2018?") == (
        "What was the revenue in 2019?\nAnd what about its profit in 2019?"
    )


def test_a_chain_of_follow_ups_keeps_what_the_first_question_asked():
    asked = ["What was the revenue of Microsoft in 2018?", "and in 2019?", "And of Apple?"]
    history = [ChatMessage("user", text) for text in asked[:2]]
    history.insert(1, ChatMessage("assistant", "It was 110 billion in 2016 [1]."))
    assert fallback(question=asked[2], history=history) == "What was the revenue of Apple in 2019?"
    elsewhere = [*history, ChatMessage("user", "Who manages the Harbour Branch?")]
    assert (
        fallback(question="And the Station Branch?", history=elsewhere) == "Who manages the Station Branch?"
    )
    assert fallback(question="Why?", history=[ChatMessage("assistant", "Hello!")]) == "Why?"
