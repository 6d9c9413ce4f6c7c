"""A model that thinks before it speaks: its reader is told so, and what it thinks is no answer."""

import asyncio

import pytest

from chat import services
from chat.engine import answer as engine
from chat.engine import rounds
from chat.engine.threads import in_thread
from chat.llm.base import Finished, ReasoningDelta, TextWasReasoning
from chat.models import MessageTrace
from config.errors import ErrorCode, TransientError
from tests.chat.conftest import ANSWER, QUESTION, stored

pytestmark = pytest.mark.django_db(transaction=True)

THOUGHTS = [ReasoningDelta("The secret "), ReasoningDelta("plan [1].")]
USAGE = {"prompt_tokens": 40, "completion_tokens": 90, "reasoning_tokens": 80}


async def heard(connect, user, collection) -> list[dict]:
    client = await connect(user)
    await client.say(type="chat", model_id=collection.pk, message=QUESTION)
    return await client.hear_until("message_saved")


async def trace_of(message_id: int) -> dict:
    return (await in_thread(MessageTrace.objects.get, message_id=message_id)).data


async def test_thinking_is_told_and_kept_apart(llm, connect, member, collection, passages, monkeypatch):
    monkeypatch.setattr(engine, "THINKING_SECONDS", 0)
    llm.script = [*THOUGHTS, *ANSWER, Finished("stop", USAGE)]
    frames = await heard(connect, member, collection)
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    told = [frame for frame in frames if frame["type"] == "state"]
    assert [one["state"] for one in told] == ["thinking", "thinking"]
    assert all(isinstance(one["seconds"], int) for one in told)
    kinds = [frame["type"] for frame in frames]
    assert kinds.index("stream_start") < kinds.index("state") < kinds.index("stream_chunk")
    end = frames[-2]
    assert end["content"] == "".join(ANSWER)
    assert [source["marker"] for source in end["sources"]] == [1]
    assert end["usage"] == USAGE
    saved = await stored(end["message_id"])
    assert saved.usage == USAGE
    trace = await trace_of(saved.pk)
    assert trace["reasoning_chars"] == len("The secret plan [1].")
    assert "secret" not in str(frames) + str(trace) + saved.content


async def test_text_that_turns_out_to_be_reasoning_is_no_part_of_the_answer(
    llm, connect, member, collection, passages, monkeypatch
):
    monkeypatch.setattr(rounds, "SAVE_SECONDS", 0.02)
    kept: list[str] = []
    keep = services.answers_progress

    def progress(*, contents: dict[int, str]) -> None:
        kept.extend(contents.values())
        keep(contents=contents)

    monkeypatch.setattr(services, "answers_progress", progress)
    llm.delay = 0.1
    script = ["The secret ", "plan `[1].", TextWasReasoning(), ReasoningDelta(" Done."), *ANSWER]
    llm.script = [*script, Finished("stop", USAGE)]
    frames = await heard(connect, member, collection)
    end = frames[-2]
    assert end["content"] == "".join(ANSWER)
    assert "secret" not in end["html"]
    assert [source["marker"] for source in end["sources"]] == [1]
    saved = await stored(end["message_id"])
    assert saved.content == "".join(ANSWER)
    trace = await trace_of(saved.pk)
    assert trace["reasoning_chars"] == len("The secret plan `[1]. Done.")
    assert kept[0].startswith("The secret")
    assert kept[-1].startswith("Full-time")


@pytest.fixture
async def saved_once(monkeypatch) -> asyncio.Event:
    """Set as soon as text of a running answer was stored; none is stored from then on until its end."""
    monkeypatch.setattr(rounds, "SAVE_SECONDS", 0.02)
    keep, loop, saved = services.answers_progress, asyncio.get_running_loop(), asyncio.Event()

    def progress(*, contents: dict[int, str]) -> None:
        keep(contents=contents)
        monkeypatch.setattr(rounds, "SAVE_SECONDS", 3600)
        loop.call_soon_threadsafe(saved.set)

    monkeypatch.setattr(services, "answers_progress", progress)
    return saved


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("end", "failed", ErrorCode.LLM_NO_ANSWER),
        ("stop", "stopped", ""),
        ("error", "failed", ErrorCode.LLM_SERVER_ERROR),
    ],
)
async def test_stored_reasoning_that_was_taken_back_is_no_answer_and_cannot_be_continued(
    llm, connect, member, collection, passages, saved_once, ending, status, code
):
    await in_thread(
        type(collection).objects.filter(pk=collection.pk).update, llm_provider="ollama", llm_model_name="m"
    )
    last = {
        "end": Finished("stop", USAGE),
        "stop": asyncio.Event(),
        "error": TransientError(ErrorCode.LLM_SERVER_ERROR),
    }
    llm.script = ["The secret plan.", saved_once, TextWasReasoning(), last[ending]]
    client = await connect(member)
    await client.say(type="chat", model_id=collection.pk, message=QUESTION)
    frames = await client.hear_until("state")
    assert (frames[-1]["state"], frames[-1]["reset"]) == ("thinking", True)
    message_id = frames[-1]["message_id"]
    if ending == "stop":
        assert (await stored(message_id)).content == "The secret plan."
        await client.say(type="stop", message_id=message_id)
    end = (await client.hear_until("message_saved"))[-2]
    assert (end["content"], end["html"], end["can_continue"]) == ("", "", False)
    saved = await stored(message_id)
    assert (saved.content, saved.status, saved.error_code) == ("", status, code)


async def test_new_text_of_as_many_pieces_as_were_taken_back_is_stored(
    llm, connect, member, collection, passages, monkeypatch
):
    monkeypatch.setattr(rounds, "SAVE_SECONDS", 0.02)
    keep, loop = services.answers_progress, asyncio.get_running_loop()
    saved = {"The secret plan.": asyncio.Event(), "The answer.": asyncio.Event()}

    def progress(*, contents: dict[int, str]) -> None:
        keep(contents=contents)
        for content in contents.values():
            loop.call_soon_threadsafe(saved[content].set)

    monkeypatch.setattr(services, "answers_progress", progress)
    first, second = saved
    llm.script = [first, saved[first], TextWasReasoning(), second, saved[second], Finished()]
    frames = await heard(connect, member, collection)
    assert frames[-2]["content"] == second


async def test_readers_begin_again_where_text_was_reasoning_also_who_comes_later(
    llm, connect, member, collection, passages
):
    script = ["The secret ", "plan `[1].", TextWasReasoning(), ReasoningDelta(" Done."), *ANSWER]
    llm.script = [*script, Finished("stop", USAGE)]
    frames = await heard(connect, member, collection)
    later = await connect(member)
    await later.say(type="resume", session_id=frames[-1]["session_id"], after_seq=0)
    for told in (frames, await later.hear_until("message_saved")):
        shown, before = "", ""
        for frame in told:
            if frame["type"] == "stream_chunk":
                shown += frame["content"]
            elif frame.get("reset"):
                shown, before = "", shown
        assert before.startswith("The secret")
        assert shown == "".join(ANSWER)


async def test_a_model_that_thinks_for_a_while_is_reported_now_and_then_only(
    llm, connect, member, collection, passages
):
    llm.script = [ReasoningDelta("hm ")] * 50 + [*ANSWER, Finished()]
    frames = await heard(connect, member, collection)
    assert len([frame for frame in frames if frame["type"] == "state"]) == 1


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ([*THOUGHTS, Finished("length", USAGE)], "all the tokens of its answer for thinking"),
        ([Finished("stop", USAGE)], "without a word"),
        (["  \n", Finished("length", USAGE)], "without a word"),
    ],
)
async def test_a_model_that_says_nothing_has_not_answered(
    llm, connect, member, collection, passages, script, words
):
    llm.script = script
    frames = await heard(connect, member, collection)
    refused = next(frame for frame in frames if frame["type"] == "error")
    assert refused["code"] == ErrorCode.LLM_NO_ANSWER
    assert words in refused["message"]
    assert refused["retryable"] is True
    assert refused["details"]["next_step"]
    end = frames[-2]
    assert (end["finish_reason"], end["usage"]) == ("error", USAGE)
    assert (await stored(end["message_id"])).status == "failed"


async def test_what_did_not_fit_the_models_own_window_is_told(
    llm, connect, client_for, member, collection, passages
):
    async def window() -> int:
        return 1024

    llm.window = window
    await in_thread(type(collection).objects.filter(pk=collection.pk).update, max_tokens=600)
    whole = await heard(connect, member, collection)
    assert whole[-2]["trimmed"] == {}
    session = whole[-2]["session_id"]
    client = await connect(member)
    long = f"{QUESTION} " + "And please be thorough about it. " * 12
    for _ in range(2):
        await client.say(type="chat", model_id=collection.pk, message=long, session_id=session)
        frames = await client.hear_until("message_saved")
    end = frames[-2]
    assert llm.calls[-1].context_tokens == 1024
    assert end["trimmed"].get("history", 0) > 0
    assert 0 not in end["trimmed"].values()
    listed = await in_thread(
        lambda: client_for(member).get(f"/api/chat/sessions/{session}/messages").json()["results"]
    )
    assert listed[-1]["trimmed"] == end["trimmed"]
    trace = await trace_of(end["message_id"])
    assert trace["prompt"]["window"] == 1024
    assert trace["prompt"]["trimmed"]["history"] == end["trimmed"]["history"]
