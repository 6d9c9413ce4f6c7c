"""The provider without an LLM: word for word, cited, or an honest refusal."""

import asyncio
import re

import pytest

from chat.engine.citations import check
from chat.engine.marker_filter import MarkerFilter
from chat.engine.refusal import NOTHING
from chat.llm.base import Finished, LLMConfig, LLMRequest, TextDelta
from chat.llm.extractive import LEAD_IN, LEAD_IN_ROWS, ExtractiveLLM, Unit, _scored, best_quotes, units
from chat.rendering import render_markdown
from documents.retrieval.types import Passage

HANDBOOK = (
    "Annual leave\n"
    "Full-time staff have 28 days of annual leave a year, public holidays not counted.\n"
    "Part-time staff have the same in proportion to their hours. Up to five days may be\n"
    "carried over and must be taken by 31 March of the following year.\n"
    "Sick leave\n"
    "Tell your manager before your shift begins. A doctor's certificate is needed from\n"
    "the fourth day of an absence."
)
BRANCHES = (
    "branch: Central Library; opened: 1928; floor_area_m2: 6400; manager: Ines Okafor\n"
    "branch: Harbour Branch; opened: 1974; floor_area_m2: 1150; manager: Tomas Lind\n"
    "branch: Mill Lane Branch; opened: 2009; floor_area_m2: 980; manager: Priya Nair\n"
)


def passage(content, number=1, **fields):
    values = {"chunk_id": number, "document_id": number, "document_name": f"{number}.txt"}
    return Passage(content=content, similarity_score=0.5, score=0.03, **(values | fields))


PASSAGES = (passage(HANDBOOK), passage(BRANCHES, 2, rows=(1, 3)))


async def events(question, passages=PASSAGES):
    request = LLMRequest(messages=(), question=question, passages=tuple(passages))
    return [event async for event in ExtractiveLLM(LLMConfig("extractive")).stream(request)]


async def answer(question, passages=PASSAGES):
    return "".join(event.text for event in await events(question, passages) if isinstance(event, TextDelta))


def quotes_in(text):
    return re.findall(r"^> (.+) \[(\d+)\]$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("question", "expected", "marker"),
    [
        ("How many days of annual leave do full-time staff have?", "28 days", 1),
        ("When do I need a doctor's certificate?", "the fourth day", 1),
        ("Can I carry over leave to the next year?", "by 31 March", 1),
        ("Who manages the Harbour Branch?", "Tomas Lind", 2),
        ("When was the Mill Lane Branch opened?", "2009", 2),
    ],
)
async def test_the_best_sentence_or_row_is_quoted_with_its_marker(question, expected, marker):
    text = await answer(question)
    quoted, number = quotes_in(text)[0]
    assert expected in quoted
    assert int(number) == marker


async def test_a_question_without_a_shared_word_is_answered_by_meaning():
    text = await answer("How much vacation do employees get?")
    assert "28 days of annual leave" in text


async def test_every_quote_stands_in_its_passage_word_for_word():
    for question in ("annual leave", "doctor's certificate", "manager of the Harbour Branch"):
        text = await answer(question)
        assert quotes_in(text)
        for quoted, number in quotes_in(text):
            assert quoted in " ".join(PASSAGES[int(number) - 1].content.split())


async def test_every_quote_survives_the_marker_filter_and_the_check():
    for question in ("annual leave", "doctor's certificate", "Who manages the Harbour Branch?"):
        text = await answer(question)
        marker_filter = MarkerFilter(len(PASSAGES))
        assert marker_filter.feed(text) + marker_filter.flush() == text
        checked = check(text, PASSAGES)
        assert checked
        assert all(all(sentence.supported.values()) for sentence in checked)


@pytest.mark.parametrize(
    "question",
    ["Who won the world cup in 2018?", "What is the CEO's salary?", "How do I cook pasta?", "", "\x00"],
)
async def test_what_the_documents_do_not_hold_is_said_honestly(question):
    assert await answer(question) == NOTHING


async def test_without_passages_it_says_that_there_is_nothing():
    assert await answer("annual leave", ()) == NOTHING
    assert await answer("annual leave", (passage("  \n "),)) == NOTHING


async def test_rows_do_not_pose_as_the_result_of_a_comparison():
    assert (await answer("Which branch has the largest floor area?")).startswith(LEAD_IN_ROWS)
    assert (await answer("Who manages the Harbour Branch?")).startswith(LEAD_IN + "\n")


async def test_the_same_sentence_in_overlapping_passages_is_quoted_once():
    text = await answer("annual leave of full-time staff", (passage(HANDBOOK), passage(HANDBOOK, 2)))
    assert len(quotes_in(text)) == len({quoted for quoted, _ in quotes_in(text)})
    assert {number for _, number in quotes_in(text)} == {"1"}


async def test_a_passages_own_bracketed_number_is_not_a_citation_of_ours():
    text = await answer(
        "What does sleep improve?", (passage("Sleep improves memory, as shown in [2] and [7, 9]."),)
    )
    marker_filter = MarkerFilter(2)
    shown = marker_filter.feed(text) + marker_filter.flush()
    assert r"as shown in \[2\] and \[7, 9\]. [1]" in shown
    assert marker_filter.cited == [1]
    page = render_markdown(shown)
    assert "as shown in [2] and [7, 9]." in page
    assert page.count('class="cite"') == 1


async def test_the_stream_is_many_small_deltas_and_one_end():
    got = await events("How many days of annual leave do full-time staff have?")
    assert isinstance(got[-1], Finished)
    assert sum(isinstance(event, Finished) for event in got) == 1
    assert len(got) > 5
    assert all(len(event.text.split()) <= 3 for event in got[:-1])


async def test_the_same_question_gets_the_same_answer():
    first, second = await asyncio.gather(answer("annual leave"), answer("annual leave"))
    assert first == second


async def test_closing_the_stream_early_is_harmless():
    request = LLMRequest(messages=(), question="annual leave", passages=PASSAGES)
    stream = ExtractiveLLM(LLMConfig("extractive")).stream(request)
    assert (await anext(stream)).text.startswith("From")
    await stream.aclose()


async def test_it_names_its_one_way_of_answering():
    assert await ExtractiveLLM(LLMConfig("extractive")).models() == ["extractive"]


def test_headings_are_not_quoted_but_tell_what_the_text_below_is_about():
    found = units(PASSAGES[0], 1)
    assert "Annual leave" not in [unit.text for unit in found]
    assert {unit.heading for unit in found} == {"Annual leave", "Sick leave"}


def test_odd_passages_are_quoted_or_left_without_an_error():
    odd = [
        "x" * 20_000,
        "a\n" * 3000,
        "....",
        "🦜 🦜",
        "no full stop at all",
        "| a | b |\n|---|---|\n| 1 | 2 |",
    ]
    best_quotes("What about a?", tuple(passage(text, n) for n, text in enumerate(odd, 1)))


@pytest.mark.parametrize(
    ("question", "text", "answers"),
    [
        ("When was the crane built?", "It was built in 1998.", True),
        ("When was the crane built?", "It was built of oak.", False),
        ("When was the crane built?", "It has 1,200 visitors a week.", False),
        ("Seit wann steht der Kran?", "Er steht dort seit 1998.", True),
        ("How many visitors has it?", "It has twelve visitors a week.", True),
        ("How many visitors has it?", "It has visitors from everywhere.", False),
        ("Who built the crane?", "It was built in 1998.", False),
    ],
)
def test_a_sentence_that_holds_what_is_asked_for_comes_before_its_like(question, text, answers):
    [scored] = _scored(question, [Unit(1, 0, text)])
    [row] = _scored(question, [Unit(1, 0, text, is_row=True)])
    assert (scored.score > row.score) is answers, "rows hold numbers and dates anyway"
