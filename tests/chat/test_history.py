"""Follow-ups become searchable: by the LLM when it is quick, by a fixed rule otherwise."""

import time

import pytest

from chat.engine.history import condense
from chat.llm import calls, registry
from chat.llm.base import ChatMessage, Finished, LLMConfig, TextDelta

FIRST = "How many days of annual leave do full-time staff have?"
HISTORY = [ChatMessage("user", FIRST), ChatMessage("assistant", "They have 27 days [1].")]
FOLLOW_UP = "And part-time staff?"
COMPLETED = "How many days of annual leave do part-time staff have?"


class Writes:
    """An LLM that writes what it was made with, and keeps what it was asked."""

    config = LLMConfig("ollama", "m", "http://127.0.0.1:9")

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked = None

    async def stream(self, request):
        self.asked = request
        yield TextDelta(self.text)
        yield Finished()


def real(server, model: str):
    return registry.build(LLMConfig("ollama", model, server.url))


async def test_the_first_question_is_searched_for_as_it_is():
    llm = Writes("something else")
    assert await condense(llm=llm, question=FIRST, history=[], window=8192) == FIRST
    assert llm.asked is None


async def test_a_follow_up_is_rewritten_by_the_llm():
    llm = Writes('Rewritten question: "How many days of leave do part-time staff have?"\n')
    rewritten = await condense(llm=llm, question=FOLLOW_UP, history=HISTORY, window=8192)
    assert rewritten == "How many days of leave do part-time staff have?"
    prompt = llm.asked.messages[1].content
    assert FIRST in prompt
    assert FOLLOW_UP in prompt
    assert "[1]" not in prompt
    assert llm.asked.temperature == 0.0
    assert llm.asked.max_tokens <= 100


@pytest.mark.parametrize(
    "babble",
    [
        "",
        "   \n",
        "Sure!\nHere is the question:\nWhat?",
        "word " * 300,
        "Part-time staff have 13 days of leave.",
        "Part-time staff have the same leave [1].",
    ],
)
async def test_babble_means_the_fallback(babble):
    rewritten = await condense(llm=Writes(babble), question=FOLLOW_UP, history=HISTORY, window=8192)
    assert rewritten == COMPLETED


@pytest.mark.parametrize("provider", ["extractive", "builtin"])
async def test_the_extractive_and_the_built_in_model_are_not_asked(provider):
    llm = Writes("nonsense")
    llm.config = LLMConfig(provider)
    assert await condense(llm=llm, question=FOLLOW_UP, history=HISTORY, window=8192) == COMPLETED
    assert llm.asked is None


@pytest.mark.parametrize("mode", ["500", "404", "cut", "malformed", "silent", "hang", "drip", "huge"])
async def test_a_slow_or_failing_llm_means_the_fallback_in_time(llm_server, mode, monkeypatch):
    monkeypatch.setattr(calls, "RETRY_SECONDS", 0.01)
    began = time.monotonic()
    rewritten = await condense(
        llm=real(llm_server, mode), question=FOLLOW_UP, history=HISTORY, window=8192, seconds=0.4
    )
    assert rewritten == COMPLETED
    assert time.monotonic() - began < 1.5
    assert all(record.closed.wait(2) for record in llm_server.of(mode))
