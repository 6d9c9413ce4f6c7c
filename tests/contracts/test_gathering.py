"""While many answers are written, text is let gather between two reads: nothing else may change by that."""

import asyncio
from dataclasses import replace

import pytest

from chat.engine import rounds
from chat.llm.base import LLMRequest
from tests.contracts.faults import SLOW_TOKENS
from tests.contracts.listening import ADAPTERS, adapter, listen, request_for
from tests.contracts.test_llm_adapters import upstream_closed

PAUSE = 0.1
WHOLE = ("ok", "crlf", "split", "gzip", "late-close", "no-done", "reasoning", "think", "surrogate", "slowly")
BROKEN = ("cut", "silent", "end-early", "error-mid", "malformed", "declined-mid", "garbage", "error-first")


@pytest.fixture(params=ADAPTERS)
def provider(request) -> str:
    return request.param


def gathering(seconds: float = PAUSE) -> LLMRequest:
    return replace(request_for(), pause=lambda: seconds)


@pytest.mark.parametrize("mode", WHOLE + BROKEN)
async def test_what_is_heard_is_the_same(llm_server, provider, mode):
    at_once = await listen(adapter(llm_server, provider, mode))
    gathered = await listen(adapter(llm_server, provider, mode), gathering())
    assert (gathered.text, gathered.reasoning, gathered.ends) == (
        at_once.text,
        at_once.reasoning,
        at_once.ends,
    )
    assert (gathered.error and gathered.error.code) == (at_once.error and at_once.error.code)
    assert at_once.text or at_once.error


async def test_tokens_in_chunks_of_their_own_are_read_together(llm_server, provider):
    """With a pause for each, the answer would come at a sixth of the speed at which it is written."""
    pauses: list[float] = []

    def pause() -> float:
        pauses.append(PAUSE)
        return PAUSE

    heard = await listen(adapter(llm_server, provider, "slowly"), replace(request_for(), pause=pause))
    assert heard.text.endswith("".join(f" {number}" for number in range(SLOW_TOKENS)))
    assert 1 < len(pauses) < SLOW_TOKENS / 2


async def test_leaving_during_a_pause_closes_the_upstream_request(llm_server, provider):
    task = asyncio.create_task(listen(adapter(llm_server, provider, "slowly"), gathering(60)))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await upstream_closed(llm_server, "slowly")


class Answer:
    """One of many that are written."""

    def __init__(self, message_id: int) -> None:
        self.message_id = message_id


async def test_there_is_no_pause_until_frames_are_slowed_down(monkeypatch):
    monkeypatch.setattr(rounds.Rounds, "_ensure", lambda *_: None)
    running = rounds.Rounds()
    assert running.reading_pause() == 0.0
    for number in range(80):
        running.join(Answer(number))
    assert running.reading_pause() == 0.0
    for number in range(80, 120):
        running.join(Answer(number))
    assert running.reading_pause() == pytest.approx(0.06)
    for number in range(120, 1000):
        running.join(Answer(number))
    assert running.reading_pause() == rounds.MAX_FRAME_SECONDS
