"""Prompts fit by the model's own count; where nobody counts, a refusal is answered by a smaller one."""

from dataclasses import replace
from functools import partial

import pytest

from chat.engine import budget, measured
from chat.engine.threads import in_thread
from chat.engine.tokens import MESSAGE_OVERHEAD, estimate_message, estimate_tokens
from chat.llm import registry
from chat.llm.base import Finished, LLMConfig, TextDelta
from chat.models import MessageTrace
from collections_app.models import Collection
from config.embedded import llm as builtin
from config.errors import ErrorCode, PermanentError
from documents.retrieval.types import Passage
from tests.chat.conftest import ANSWER, QUESTION, add_document, stored

TOO_LONG = PermanentError(ErrorCode.LLM_PROMPT_TOO_LONG)
POLISH = "Pracownicy biblioteki mają dwadzieścia pięć dni corocznego urlopu wypoczynkowego. "
HINDI = "पुस्तकालय के कर्मचारियों को हर वर्ष पच्चीस दिन की छुट्टी मिलती है। "


def fitting(text: str = "The harbour opens at nine. " * 20, count: int = 30, **changes) -> measured.Fit:
    fields = {"llm_provider": "custom", "context_tokens": 4096, "max_tokens": 1000, "answer_mode": "strict"}
    passages = [Passage(n, n, f"{n}.txt", f"{n} {text}", 0.9, 1.0) for n in range(1, count + 1)]
    collection = Collection(**(fields | changes))
    return partial(budget.fit, collection=collection, question=QUESTION, passages=passages)


class Counts:
    """An LLM whose tokenizer makes so many tokens of one that is estimated, one factor after the other."""

    def __init__(self, *factors: float) -> None:
        self.factors = list(factors)
        self.counted: list[int] = []

    async def tokens(self, messages) -> int | None:
        if not self.factors:
            return None
        factor = self.factors.pop(0) if len(self.factors) > 1 else self.factors[0]
        self.counted.append(round(factor * sum(estimate_tokens(one.content) for one in messages)))
        return self.counted[-1]


@pytest.mark.parametrize("factor", [1.1, 1.3, 2.0])
async def test_a_prompt_that_the_model_counts_as_too_long_is_cut_further(factor):
    llm, fit = Counts(factor), fitting()
    prompt = await measured.fit(llm, fit)
    assert len(llm.counted) == 2
    assert prompt.prompt_tokens == llm.counted[-1] + 2 * MESSAGE_OVERHEAD
    assert prompt.prompt_tokens <= prompt.room == 3096
    assert prompt.prompt_tokens > 0.8 * prompt.room  # no more is cut than must be
    assert prompt.max_tokens == 1000
    assert len(prompt.passages) < len(fit().passages)
    assert prompt.trimmed["passages"] == 30 - len(prompt.passages)


async def test_it_is_counted_three_times_at_most():
    llm = Counts(1.1, 1.3, 1.6)
    prompt = await measured.fit(llm, fitting())
    assert len(llm.counted) == 3
    assert prompt.prompt_tokens + prompt.max_tokens <= prompt.window


async def test_one_that_fits_is_counted_once_and_stays():
    llm, fit = Counts(0.7), fitting()
    prompt = await measured.fit(llm, fit)
    assert len(llm.counted) == 1
    assert prompt.messages == fit().messages
    assert prompt.prompt_tokens < fit().prompt_tokens


async def test_a_short_prompt_is_not_counted():
    llm, fit = Counts(1.0), fitting(count=3)
    assert await measured.fit(llm, fit) == fit()
    assert llm.counted == []


async def test_without_a_tokenizer_the_estimate_stands():
    fit = fitting()
    assert await measured.fit(Counts(), fit) == fit()


async def test_what_cannot_be_cut_takes_from_the_room_for_the_answer_or_is_refused():
    fit = fitting(text="The harbour opens at nine. " * 350, count=1)
    prompt = await measured.fit(Counts(1.2), fit)
    assert 3096 < prompt.prompt_tokens < 4096
    assert prompt.max_tokens == 4096 - prompt.prompt_tokens < 1000
    with pytest.raises(PermanentError) as caught:
        await measured.fit(Counts(1.6), fit)
    assert caught.value.code == ErrorCode.MESSAGE_TOO_LONG


@pytest.mark.llm
@pytest.mark.parametrize(("text", "is_too_low"), [(HINDI * 8, True), (POLISH * 12, False)])
async def test_the_real_llama_cpp_server_takes_what_was_counted(builtin_llm, settings, text, is_too_low):
    fit = fitting(text, 20, llm_provider="builtin", max_tokens=64)
    llm = registry.build(LLMConfig("builtin", builtin.MODEL_NAME, builtin_llm))
    real = await llm.tokens(fit().messages)
    assert (real > fit().prompt_tokens) is is_too_low  # Hindi is no language that the estimate was made for
    prompt = await measured.fit(llm, fit)
    request = replace(prompt.request(fit.keywords["collection"], QUESTION), max_tokens=1)
    events = [event async for event in llm.stream(request)]
    assert isinstance(events[-1], Finished)
    assert abs(events[-1].usage["prompt_tokens"] - prompt.prompt_tokens) < 0.03 * prompt.prompt_tokens


LONG = [
    " ".join(
        f"In {year} the full-time staff of {town} had {year % 29} days of annual leave." for year in years
    )
    for town in ("Bergen", "Lisbon", "Utrecht", "Gdansk")
    for years in (range(1990, 2010), range(2010, 2026))
]


@pytest.fixture
def refusing(llm):
    """Refuses prompts above `llm.takes` estimated tokens."""
    plain = llm.stream
    llm.takes = 10_000

    async def stream(request):
        if sum(estimate_message(one.content) for one in request.messages) > llm.takes:
            llm.calls.append(request)
            raise TOO_LONG
        async for event in plain(request):
            yield event

    llm.stream = stream
    return llm


async def ask(connect, user, collection) -> list[dict]:
    client = await connect(user)
    await client.say(type="chat", model_id=collection.pk, message=QUESTION)
    return await client.hear_until("message_saved")


@pytest.mark.django_db(transaction=True)
async def test_a_refusal_as_too_long_is_answered_by_one_smaller_prompt(
    refusing, connect, member, admin, collection, passages
):
    await in_thread(add_document, collection, admin, "branches.txt", LONG)
    await ask(connect, member, collection)
    whole = sum(estimate_message(one.content) for one in refusing.calls.pop().messages)
    refusing.takes = int(0.8 * whole)
    frames = await ask(connect, member, collection)
    first, second = refusing.calls
    assert len(second.passages) < len(first.passages)
    end = frames[-2]
    assert end["content"] == "".join(ANSWER)
    assert end["trimmed"]["passages"] == len(first.passages) - len(second.passages)
    assert (await stored(end["message_id"])).status == "complete"
    trace = (await in_thread(MessageTrace.objects.get, message_id=end["message_id"])).data
    assert trace["prompt"]["tokens"] < refusing.takes


@pytest.mark.django_db(transaction=True)
async def test_it_is_tried_once_and_not_at_all_where_nothing_can_be_left_out(
    refusing, connect, member, admin, collection, passages
):
    refusing.takes = 10
    frames = await ask(connect, member, collection)
    assert next(one for one in frames if one["type"] == "error")["code"] == ErrorCode.LLM_PROMPT_TOO_LONG
    assert len(refusing.calls) == 1
    await in_thread(add_document, collection, admin, "branches.txt", LONG)
    refusing.calls.clear()
    frames = await ask(connect, member, collection)
    assert next(one for one in frames if one["type"] == "error")["code"] == ErrorCode.LLM_PROMPT_TOO_LONG
    assert len(refusing.calls) == 2


async def test_after_the_first_word_nothing_is_tried_again():
    class Breaks:
        async def stream(self, request):
            yield TextDelta("The")
            raise TOO_LONG

    fit = fitting(count=3)
    prompt = fit()
    request = partial(budget.FittedPrompt.request, collection=fit.keywords["collection"], question=QUESTION)
    with pytest.raises(PermanentError):
        assert [one async for one in measured.stream(Breaks(), prompt, request, fit)] == [TextDelta("The")]
