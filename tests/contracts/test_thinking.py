"""Reasoning that comes as text: told from the answer also where a tag is missing; not every tag is one."""

import random

import pytest

from chat.llm import calls, thinking
from chat.llm.base import ReasoningDelta, TextDelta, TextWasReasoning
from chat.llm.quirks import UNOPENED_REASONING, quirks
from chat.llm.thinking import ThinkSplitter
from tests.contracts.listening import ADAPTERS, adapter, listen
from tests.contracts.protocols import ANSWER


@pytest.fixture(params=ADAPTERS)
def provider(request) -> str:
    return request.param


def known(server, model: str) -> bool:
    """Whether the model is held to send no opening tag."""
    path = server.of(model)[-1].path
    return UNOPENED_REASONING in quirks.of((server.url + path, model))


async def test_reasoning_without_an_opening_tag_is_taken_back_once_and_held_back_from_then_on(
    llm_server, provider
):
    for taken_back in ("Let me think.", "", ""):
        heard = await listen(adapter(llm_server, provider, "half-think"))
        assert heard.error is None
        assert (heard.text, heard.reasoning, heard.taken_back) == (ANSWER, "Let me think.", taken_back)
        assert known(llm_server, "half-think")


async def test_a_model_that_no_longer_thinks_is_no_longer_held_back(llm_server, provider):
    mode = "half-think-once"
    assert (await listen(adapter(llm_server, provider, mode))).reasoning == "Let me think."
    assert known(llm_server, mode)
    heard = await listen(adapter(llm_server, provider, mode))
    assert (heard.text, heard.reasoning) == (ANSWER, "")
    assert not known(llm_server, mode)


async def test_reasoning_in_the_middle_of_an_answer_is_kept_apart(llm_server, provider):
    heard = await listen(adapter(llm_server, provider, "late-think"))
    assert (heard.text.replace("\n", ""), heard.reasoning) == (ANSWER, "Let me think.")
    assert heard.taken_back == ""
    assert not known(llm_server, "late-think")


async def test_an_answer_that_was_held_back_and_is_too_long_ends_by_its_length(
    llm_server, provider, monkeypatch
):
    monkeypatch.setattr(calls, "MAX_ANSWER_BYTES", 20)
    assert (await listen(adapter(llm_server, provider, "no-usage"))).ends[0].reason == "length"
    path = llm_server.of("no-usage")[-1].path
    quirks.learn((llm_server.url + path, "ok"), UNOPENED_REASONING)
    heard = await listen(adapter(llm_server, provider, "ok"))
    assert (len(heard.text), heard.ends[0].reason) == (20, "length")
    assert heard.ends[0].usage


def split(text: str, size: int, *, whole: bool = True, **options) -> tuple[str, str, str]:
    """(answer, reasoning, what was taken back) of a text that comes in pieces of one size."""
    splitter = ThinkSplitter(**options)
    answer = reasoning = taken = ""
    events = [one for at in range(0, len(text), size) for one in splitter.feed(text[at : at + size])]
    for event in [*events, *splitter.end(whole=whole)]:
        if isinstance(event, TextDelta):
            answer += event.text
        elif isinstance(event, ReasoningDelta):
            reasoning += event.text
        else:
            assert isinstance(event, TextWasReasoning)
            answer, reasoning, taken = "", reasoning + answer, taken + answer
    return answer, reasoning, taken


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "answer", "reasoning"),
    [
        ("Okay, let me think.</think>\n\nThe office opens.", "The office opens.", "Okay, let me think."),
        ("</think>\n\nThe office opens.", "The office opens.", ""),
        ("Hm.</think> \r\n\nYes.", "Yes.", "Hm."),
        ("Hm.</think>", "", "Hm."),
        ("<think>a</think>\n\nYes.\n<think>b</think>No.", "Yes.\nNo.", "ab"),
        ("Hm.</think>\nYes.\n <think>b</think>No.", "Yes.\n No.", "Hm.b"),
        ("<think>a</think><think>b</think>\n\nYes.", "Yes.", "ab"),
        ("<think>a</think>Yes </think>\n no.", "Yes </think>\n no.", "a"),
        ("It begins\n<think> and a blank.", "It begins\n<think> and a blank.", ""),
        ("Between `<think>` and `</think>` it thinks.", "Between `<think>` and `</think>` it thinks.", ""),
        ("So:\n```\n<think>\nx\n</think>\n```\nEnd", "So:\n```\n<think>\nx\n</think>\n```\nEnd", ""),
        ("A stray ` here.\nHm.</think>\nYes.", "Yes.", "A stray ` here.\nHm."),
        ("Hm ```x``` so.\n</think>\n\nYes.", "Yes.", "Hm ```x``` so.\n"),
        ("So:\n<think>Let me check.</think> The fee is 5.", "So:\n The fee is 5.", "Let me check."),
        ("Hm ~~~x~~~ so.\n</think>\n\nYes.", "Yes.", "Hm ~~~x~~~ so.\n"),
        ("Hm **so**</think>**5** [1].", "**5** [1].", "Hm **so**"),
        ("Hm.</think>* First", "* First", "Hm."),
        ('Hm.</think>**"Quoted"**', '**"Quoted"**', "Hm."),
        ("Hm.</think>**[1]** b", "**[1]** b", "Hm."),
        ("Hm.</think>[**A**](u)", "[**A**](u)", "Hm."),
        ("Hm.</think>#Title", "#Title", "Hm."),
        ("So:\n<think></think> The fee.\n<think>x</think>\nB.", "So:\n The fee.\n\nB.", "x"),
        ("`<think>`? `x and\n</think>\n\nYes.", "Yes.", "`<think>`? `x and\n"),
        ("好的~~~ 用户想知道\n</think>\n\n答案是5 [1]。", "答案是5 [1]。", "好的~~~ 用户想知道\n"),
        ("1. **Analyze**:\n    * docs\n    </think>\nYes.", "Yes.", "1. **Analyze**:\n    * docs\n    "),
        ("Use `<think>`.\n<think>Check.</think>\n\n30 days.", "Use `<think>`.\n\n\n30 days.", "Check."),
        ("So:\n<think>a <b>\n</think> Yes.", "So:\n Yes.", "a <b>\n"),
        ("So:\n<think>a `</think>`\n</think>\nYes.", "So:\n<think>a `</think>`\n</think>\nYes.", ""),
        ("It is 5.</think>The fee is 5 [1].", "The fee is 5 [1].", "It is 5."),
        ("It is 5.\n</think> The fee is 5.", "The fee is 5.", "It is 5.\n"),
        ("It is 5.</think>**5** [1].", "**5** [1].", "It is 5."),
        ("a < b, </th and <thin", "a < b, </th and <thin", ""),
    ],
)
def test_tags_mean_something_where_templates_put_them_however_they_are_cut(text, answer, reasoning, size):
    assert split(text, size)[:2] == (answer, reasoning)


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "Reasoning models end their thoughts with </think> and then write the answer [1].",
        "| tag | meaning |\n|---|---|\n| </think> | end |\n",
        "Use the <think> tag to mark reasoning [1]. Then the limit is 30 days [2].",
        "The tags:\n<think> begins it [1]. Then the limit is 30 days [2].",
        "Both: <think>, and </think>" + " " * 30 + "\nas said [1].",
        "The tags:\n<think> begins it and </think> ends it [1].\n<think> again [2].",
        "Mark reasoning between <think> and </think>\n\nThe limit is 30 days [1].",
        "Each completion is <think>reasoning</think>answer [1].\nThe limit is 30 days [2].",
        "思考的结束标签是**</think>**之后才是答案 [1]。\n第二段 [2]。",
        "The opening tag is `<think>`, the closing tag is </think>\nThat is all.",
        "Opening **<think>**, closing **</think>** [1].",
        "The closing tag is **</think>** and the opening one **<think>** [1].",
        "The tags:\n1. <think>\n2. </think>\nThe limit is 30 days [1].",
        "| <think> | </think>\n|---|---|\n",
        "标签:\n<think> 和 </think> 标签之间是推理 [1]。",
        "Die Tags:\n<think> und </think> Tags umschließen Gedanken [1].",
        "So [1]:\n\n~~~\n<think>\nx\n</think>\n~~~\nEnd [2].",
        "So [1]:\n\n~~~\nx `y\n</think>\n~~~\nEnd [2].",
        "So [1]:\n\n    <think>\n    x\n    </think>\n\nEnd [2].",
        "So [1]:\n\n~~~~\n~~~\n</think>\n~~~~\n\nEnd [2].",
        "Templates end so [1]:\n\n```\n{{ reasoning }}\n</think>\n```\nThat is all [2].",
        "Templates end so [1]:\n\n````jinja\n```\n</think>\nthe answer\n````\n",
        "See [1]:\n```\n{{ reasoning }}\n</think>\n{{ answer }}",
        "```\n<think>\n```\n```\n</think>\nYes.",
    ],
)
def test_an_answer_about_the_tags_loses_no_word(text, whole, size):
    splitter = ThinkSplitter()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    events = [event for piece in pieces for event in splitter.feed(piece)] + [*splitter.end(whole=whole)]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text
    assert not splitter.unopened


def test_wherever_a_text_is_cut_it_is_divided_the_same_way():
    chosen = random.Random(7)
    parts = [
        "<think>",
        "</think>",
        "<",
        "/",
        "think>",
        "`",
        "```",
        "~~~",
        "~",
        "    ",
        "\t",
        "Ab",
        "*",
        "\n",
        " ",
        "\r",
        "a",
        "b c",
        "</th",
        "ink>",
    ]
    for _ in range(3000):
        text = "".join(chosen.choices(parts, k=chosen.randint(1, 10)))
        options = {"unopened": chosen.random() < 0.5, "whole": chosen.random() < 0.5}
        at_once = split(text, len(text), **options)[:2]
        assert [split(text, size, **options)[:2] for size in (1, 2, 3)] == [at_once] * 3, text


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_of_a_model_that_is_known_nothing_is_taken_back(size):
    assert split("Hm `x</think>\n\nYes.", size, unopened=True) == ("Yes.", "Hm `x", "")
    assert split("<think>Hm</think>\n\nYes.", size, unopened=True) == ("Yes.", "Hm", "")
    left_open = "See ```python\nx\n\n"
    assert split(f"{left_open}</think>\n\nYes.", size, unopened=True) == ("Yes.", left_open, "")
    left_open = "`<think>`? `x and\n"
    assert split(f"{left_open}</think>\n\nYes.", size, unopened=True) == ("Yes.", left_open, "")
    left_open = "```\n<think>\n```\n```\n"
    assert split(f"{left_open}</think>\n\nYes.", size, unopened=True) == ("Yes.", left_open, "")
    assert split("Is </think> it?\n</think>\n\nYes.", size, unopened=True) == (
        "Yes.",
        "Is </think> it?\n",
        "",
    )
    assert split("Just the answer.", size, unopened=True) == ("Just the answer.", "", "")
    assert split("Cut off in its thou", size, unopened=True, whole=False) == ("", "Cut off in its thou", "")


def test_something_is_heard_while_text_is_held_back():
    splitter = ThinkSplitter(unopened=True)
    assert list(splitter.feed("Let me think about it.")) == [ReasoningDelta("")]


def test_nothing_is_held_back_where_the_server_keeps_reasoning_apart():
    splitter = ThinkSplitter(unopened=True)
    splitter.apart()
    assert list(splitter.feed("The answer itself.")) == [TextDelta("The answer itself.")]


def test_what_is_held_back_is_bounded(monkeypatch):
    monkeypatch.setattr(thinking, "MAX_HELD_CHARS", 100)
    assert split("hm " * 100, 10, unopened=True) == ("", "hm " * 100, "")
