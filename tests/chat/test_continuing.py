"""An answer that ended early goes on: the same passages, one text, checked as a whole."""

import asyncio

import pytest

from chat import branching, selectors, services, tree
from chat.engine.threads import in_thread
from chat.engine.tokens import estimate_message
from chat.llm.base import Finished, LLMConfig, ReasoningDelta, TextWasReasoning
from chat.models import ChatSession, Message, MessageStatus, MessageTrace, UsageEntry
from collections_app.models import Collection, Provider
from config.errors import ErrorCode, VerbatimError
from tests.chat.conftest import ANSWER, QUESTION, stored
from tests.conftest import make_user

pytestmark = pytest.mark.django_db(transaction=True)

CUT = ["Full-time staff", " have 25 da"]
REST = ["days of annual", " leave [1]."]
WHOLE = "Full-time staff have 25 days of annual leave [1]."


@pytest.fixture
async def llm(llm, collection):
    """Ends by its length limit as long as its script is CUT; the model is asked as one with an LLM."""
    fields = {"llm_provider": Provider.OLLAMA, "llm_model_name": "scripted"}
    await in_thread(Collection.objects.filter(pk=collection.pk).update, **fields)
    llm.config = LLMConfig("ollama", "scripted")
    plain = llm.stream

    async def stream(request):
        async for event in plain(request):
            is_end = isinstance(event, Finished) and llm.script == CUT
            yield Finished("length", event.usage) if is_end else event

    llm.stream = stream
    llm.script = list(CUT)
    return llm


async def cut(socket, collection, **fields) -> dict:
    """Ask for an answer that is cut; its last frames by type."""
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION, **fields)
    return {frame["type"]: frame for frame in await socket.hear_until("message_saved")}


async def test_reasoning_that_came_as_text_is_no_part_of_what_goes_on(connect, llm, member, collection):
    socket = await connect(member)
    old = await cut(socket, collection)
    llm.script = ["The secret ", "plan `x", TextWasReasoning(), ReasoningDelta(""), *REST]
    await socket.say(type="continue", message_id=old["stream_end"]["message_id"])
    frames = await socket.hear_until("message_saved")
    end = frames[-2]
    assert end["content"] == WHOLE
    assert (await stored(end["message_id"])).content == WHOLE
    again = next(at for at, frame in enumerate(frames) if frame.get("reset"))
    pieces = [frame["content"] for frame in frames[again:] if frame["type"] == "stream_chunk"]
    assert "".join(pieces) == WHOLE


async def test_an_answer_that_was_too_long_goes_on_from_the_same_passages(connect, llm, member, collection):
    socket = await connect(member)
    old = await cut(socket, collection)
    assert old["stream_end"]["finish_reason"] == "length"
    assert old["stream_end"]["can_continue"] is True
    llm.script = list(REST)
    await socket.say(type="continue", message_id=old["stream_end"]["message_id"])
    frames = await socket.hear_until("message_saved")
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert [frame["type"] for frame in frames[:3]] == ["sources", "stream_start", "stream_chunk"]
    pieces = "".join(frame["content"] for frame in frames if frame["type"] == "stream_chunk")
    end = frames[-2]
    assert pieces == end["content"] == WHOLE
    assert end["finish_reason"] == "stop"
    assert end["can_continue"] is False
    assert [source["marker"] for source in end["sources"]] == [1]
    assert end["sources"][0]["supported"] is True

    def passages(frame):
        return [(one["marker"], one["chunk_id"], one["chunk_content"]) for one in frame["sources"]]

    assert passages(frames[0]) == passages(old["sources"])
    message = await stored(end["message_id"])
    trace = message.trace.data
    assert message.content == WHOLE
    assert trace["continued"] == {"from": old["stream_end"]["message_id"], "chars": len("".join(CUT))}
    assert trace["query"] == QUESTION
    assert [one["start"] for one in trace["sentences"]] == [0]


async def test_the_llm_reads_its_answer_so_far_and_is_asked_to_go_on(connect, llm, member, collection):
    socket = await connect(member)
    old = await cut(socket, collection)
    llm.script = list(REST)
    await socket.say(type="continue", message_id=old["stream_end"]["message_id"])
    await socket.hear_until("message_saved")
    first, second = llm.calls[-2:]
    assert second.messages[: len(first.messages)] == first.messages
    said, request = second.messages[len(first.messages) :]
    assert (said.role, said.content) == ("assistant", "Full-time staff have 25")
    assert request.role == "user"
    assert "cut off" in request.content


async def test_it_takes_the_place_of_the_one_that_was_cut(connect, llm, member, collection):
    socket = await connect(member)
    old = await cut(socket, collection)
    llm.script = list(REST)
    await socket.say(type="continue", message_id=old["stream_end"]["message_id"])
    new = (await socket.hear_until("message_saved"))[-1]

    def versions():
        rows = tree.with_versions(Message.objects.filter(pk=new["message_id"]))
        return tree.siblings(rows.get())

    assert await in_thread(versions) == {"index": 0, "ids": [new["message_id"]]}
    assert (await stored(new["message_id"])).session.head_id == new["message_id"]
    assert (await stored(old["stream_end"]["message_id"])).content == "".join(CUT)


async def test_one_that_the_talk_went_on_below_stays_beside_the_new_one(connect, llm, member, collection):
    socket = await connect(member)
    old = await cut(socket, collection)
    await cut(socket, collection, session_id=old["stream_end"]["session_id"])
    llm.script = list(REST)
    await socket.say(type="continue", message_id=old["stream_end"]["message_id"])
    new = (await socket.hear_until("message_saved"))[-1]["message_id"]
    rows = await in_thread(lambda: tree.with_versions(Message.objects.filter(pk=new)).get())
    assert tree.siblings(rows) == {"index": 1, "ids": [old["stream_end"]["message_id"], new]}
    assert (await stored(new)).session.head_id == new


async def test_a_stopped_answer_goes_on_and_can_be_stopped_again(connect, llm, member, collection):
    socket = await connect(member)
    llm.script = [*CUT, asyncio.Event()]
    await socket.say(type="chat", model_id=collection.pk, message=QUESTION)
    first = (await socket.hear_until("stream_chunk"))[0]["message_id"]
    await socket.say(type="stop", message_id=first)
    assert (await socket.hear_until("message_saved"))[-2]["can_continue"] is True
    llm.script = ["days of", asyncio.Event()]
    await socket.say(type="continue", message_id=first)
    second = (await socket.hear_until("stream_start"))[0]["message_id"]
    while not (await socket.hear())["content"].endswith("of"):
        pass
    await socket.say(type="stop", message_id=second)
    end = (await socket.hear_until("message_saved"))[-2]
    assert end["finish_reason"] == "stopped"
    assert end["content"] == "Full-time staff have 25 days of"
    llm.script = ["of annual", " leave [1]."]
    await socket.say(type="continue", message_id=second)
    assert (await socket.hear_until("message_saved"))[-2]["content"] == WHOLE


async def test_an_llm_that_fails_costs_nothing_of_what_was_written(connect, llm, member, collection):
    socket = await connect(member)
    old = await cut(socket, collection)
    llm.script = [VerbatimError(ErrorCode.LLM_UNREACHABLE)]
    await socket.say(type="continue", message_id=old["stream_end"]["message_id"])
    frames = await socket.hear_until("message_saved")
    assert [frame["type"] for frame in frames[-3:]] == ["error", "stream_end", "message_saved"]
    assert frames[-2]["content"] == "".join(CUT)
    assert frames[-2]["can_continue"] is True
    llm.script = list(REST)
    await socket.say(type="continue", message_id=frames[-2]["message_id"])
    assert (await socket.hear_until("message_saved"))[-2]["content"] == WHOLE


async def test_a_deleted_document_does_not_keep_an_answer_from_going_on(
    connect, llm, member, collection, passages
):
    socket = await connect(member)
    old = await cut(socket, collection)
    await in_thread(passages.delete)
    llm.script = list(REST)
    await socket.say(type="continue", message_id=old["stream_end"]["message_id"])
    end = (await socket.hear_until("message_saved"))[-2]
    assert end["content"] == WHOLE
    assert end["sources"][0]["document_deleted"] is True
    assert end["sources"][0]["supported"] is True


async def test_what_came_to_its_end_was_quoted_or_is_being_written_is_not_continued(
    connect, llm, member, collection
):
    socket = await connect(member)
    llm.script = list(ANSWER)
    whole = await cut(socket, collection)
    await socket.say(type="continue", message_id=whole["stream_end"]["message_id"])
    assert (await socket.hear_until("error"))[-1]["code"] == "cannot_continue"
    llm.script = list(CUT)
    half = await cut(socket, collection, session_id=whole["stream_end"]["session_id"])
    answer = half["stream_end"]["message_id"]
    await in_thread(Collection.objects.filter(pk=collection.pk).update, llm_provider=Provider.EXTRACTIVE)
    await socket.say(type="continue", message_id=answer)
    assert (await socket.hear_until("error"))[-1]["code"] == "cannot_continue"
    await in_thread(Message.objects.filter(pk=answer).update, status=MessageStatus.STREAMING)
    message = await in_thread(Message.objects.select_related("session").get, pk=answer)
    with pytest.raises(VerbatimError) as caught:
        await in_thread(branching.answer_continue, answer=message)
    assert caught.value.code == ErrorCode.SESSION_BUSY


async def test_nobody_continues_another_persons_answer(connect, llm, member, stranger, admin, collection):
    mine = await connect(member)
    answer = (await cut(mine, collection))["stream_end"]["message_id"]
    colleague = await in_thread(make_user, "mo@example.com")
    await in_thread(collection.users.add, colleague)
    for person in (stranger, admin, colleague):
        socket = await connect(person)
        await socket.say(type="continue", message_id=answer)
        assert (await socket.hear())["code"] == "not_found"
    assert await in_thread(Message.objects.count) == 2


async def test_two_tabs_that_continue_at_once_are_told_apart(connect, llm, member, collection):
    one, two = await connect(member), await connect(member)
    answer = (await cut(one, collection))["stream_end"]["message_id"]
    gate = asyncio.Event()
    llm.script = [gate, *REST]
    await one.say(type="continue", message_id=answer)
    await one.hear_until("stream_start")
    await two.say(type="continue", message_id=answer)
    assert (await two.hear_until("error"))[-1]["code"] == "session_busy"
    gate.set()
    assert (await one.hear_until("message_saved"))[-2]["content"] == WHOLE


async def test_continuing_over_http(http, llm, collection):
    made = (await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})).json()
    assert (made["finish_reason"], made["can_continue"]) == ("length", True)
    llm.script = list(REST)
    done = await http.post(f"/api/chat/messages/{made['message_id']}/continue")
    assert done.status_code == 200, done.text
    assert done.json()["answer"] == WHOLE
    shown = (await http.get(f"/api/chat/sessions/{made['session_id']}/messages")).json()["results"]
    assert [one["content"] for one in shown] == [QUESTION, WHOLE]
    assert shown[1]["continues"] == made["message_id"]
    again = await http.post(f"/api/chat/messages/{done.json()['message_id']}/continue")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "cannot_continue")


async def test_a_long_answer_is_shown_to_the_llm_from_its_end(connect, llm, member, collection):
    await in_thread(Collection.objects.filter(pk=collection.pk).update, context_tokens=2048, max_tokens=256)
    socket = await connect(member)
    old = await cut(socket, collection)
    text = " ".join(f"word{n}" for n in range(4000))
    message_id = old["stream_end"]["message_id"]
    await in_thread(Message.objects.filter(pk=message_id).update, content=text)
    llm.script = ["and the end."]
    await socket.say(type="continue", message_id=message_id)
    end = (await socket.hear_until("message_saved"))[-2]
    assert end["content"] == text.removesuffix("word3999") + "and the end."
    said = llm.calls[-1].messages[-2].content
    assert said.startswith("… word")
    assert said.endswith("word3998")
    assert llm.calls[-1].messages[-3].content.endswith(f"Question: {QUESTION}")
    left_out = text.index(said.removeprefix("… "))
    assert left_out > 1000
    assert end["trimmed"] == {"answer": left_out}
    prompt = (await stored(end["message_id"])).trace.data["prompt"]
    assert prompt["tokens"] == asked_tokens(llm)
    assert (prompt["window"], prompt["trimmed"]["answer"]) == (2048, left_out)


def asked_tokens(llm) -> int:
    """Our estimate of the last prompt."""
    return sum(estimate_message(message.content) for message in llm.calls[-1].messages)


async def test_what_it_is_asked_is_recorded_before_it_writes_and_billed_if_its_process_dies(
    connect, llm, member, collection
):
    socket = await connect(member)
    old = (await cut(socket, collection))["stream_end"]["message_id"]
    told = {"prompt": {"tokens": 7, "window": 9, "trimmed": {"history": 3}}, "reasoning_chars": 12}
    data = (await stored(old)).trace.data | told
    await in_thread(MessageTrace.objects.filter(message_id=old).update, data=data)
    gate = asyncio.Event()
    llm.script = [gate, *REST]
    await socket.say(type="continue", message_id=old)
    new = (await socket.hear_until("stream_start"))[0]["message_id"]
    async with asyncio.timeout(10):
        while len(llm.calls) < 2:
            await asyncio.sleep(0.02)
    assert await in_thread(services.answers_interrupt, message_ids=[new]) == 1
    entry = await in_thread(UsageEntry.objects.get, message_id=new)
    assert (entry.prompt_tokens, entry.estimated) == (asked_tokens(llm), True)
    gate.set()
    end = (await socket.hear_until("message_saved"))[-2]
    assert (end["content"], end["trimmed"]) == (WHOLE, {})
    trace = (await stored(new)).trace.data
    assert trace["prompt"]["tokens"] == asked_tokens(llm)
    assert trace["prompt"]["window"] == collection.context_tokens
    assert trace["query"] == QUESTION
    assert "reasoning_chars" not in trace


def test_one_that_dies_before_its_llm_is_asked_costs_no_prompt(member, collection):
    Collection.objects.filter(pk=collection.pk).update(llm_provider=Provider.CUSTOM)
    collection.refresh_from_db()
    _, _, answer = services.question_ask(user=member, collection=collection, message=QUESTION)
    result = services.AnswerResult(
        status="stopped",
        content="There are 25 da",
        finish_reason="stopped",
        trace={"prompt": {"tokens": 900}},
    )
    old = services.answer_finish(message_id=answer.pk, result=result)
    _, _, new = branching.answer_continue(answer=old)
    services.answers_interrupt(message_ids=[new.pk])
    assert UsageEntry.objects.get(message_id=new.pk).prompt_tokens == 0


def test_what_we_say_ourselves_below_stays_below(member, collection):
    Collection.objects.filter(pk=collection.pk).update(llm_provider=Provider.CUSTOM)
    collection.refresh_from_db()
    _, _, answer = services.question_ask(user=member, collection=collection, message=QUESTION)
    written, ours = "There are 25 da", "\n\nRead from 3 of 10 rows."
    result = services.AnswerResult(
        status="complete", content=written + ours, finish_reason="length", trace={"ours_from": len(written)}
    )
    old = services.answer_finish(message_id=answer.pk, result=result)
    from chat.selectors import answer_context

    _, _, new = branching.answer_continue(answer=old)
    assert new.content == written  # what remains if this one's process dies
    continued = answer_context(new).continued
    assert (continued.written, continued.ending) == (written, ours)
    assert ChatSession.objects.get().head_id == new.pk


def test_an_interrupted_answer_without_a_word_of_an_llm_has_nothing_to_go_on_from(member, collection):
    Collection.objects.filter(pk=collection.pk).update(llm_provider=Provider.CUSTOM)
    collection.refresh_from_db()
    _, _, answer = services.question_ask(user=member, collection=collection, message=QUESTION)
    result = services.AnswerResult(
        status="interrupted", content="Sum of days: 25.", finish_reason="error", trace={"ours_from": 0}
    )
    old = services.answer_finish(message_id=answer.pk, result=result)
    assert not selectors.can_continue(old)
    assert not selectors.can_continue(Message.objects.get(pk=old.pk))
    with pytest.raises(VerbatimError) as caught:
        branching.answer_continue(answer=old)
    assert caught.value.code == ErrorCode.CANNOT_CONTINUE
