"""What asking cost is written down, however an answer ends, and stays when everything else is deleted."""

import asyncio

import pytest

from accounts import services as people
from chat import services
from chat.engine import runs
from chat.engine.threads import in_thread
from chat.evaluation import answering
from chat.llm.base import ChatMessage, Finished, LLMConfig, LLMRequest, ReasoningDelta, TextDelta
from chat.models import ChatSession, Message, MessageStatus, MessageTrace, UsageEntry
from chat.tasks import forget_usage
from chat.usage.meter import Meter, Spent
from chat.usage.services import KEEP
from collections_app.services import collection_delete
from config.errors import ErrorCode, VerbatimError
from documents.retrieval.search import search
from tests.chat.conftest import ANSWER, QUESTION
from tests.chat.usage.conftest import limit, spend


async def entry(message_id: int) -> UsageEntry:
    return await in_thread(UsageEntry.objects.get, message_id=message_id)


async def entry_settled(message_id: int) -> UsageEntry:
    async with asyncio.timeout(10):
        while not (found := await entry(message_id)).prompt_tokens:
            await asyncio.sleep(0.05)
    return found


async def written_down(socket, **frame) -> UsageEntry:
    await socket.say(type="chat", message=QUESTION, **frame)
    frames = await socket.hear_until("message_saved")
    return await entry(frames[-1]["message_id"])


async def test_an_answer_is_entered_with_the_tokens_that_the_provider_named(connect, llm, member, collection):
    found = await written_down(await connect(member), model_id=collection.pk)
    assert (found.user_id, found.collection_id, found.collection_name) == (
        member.pk,
        collection.pk,
        "Handbook",
    )
    assert (found.prompt_tokens, found.completion_tokens, found.estimated) == (7, 4, False)
    assert (found.kind, found.llm_provider) == ("chat", "extractive")


async def test_condensing_a_follow_up_counts_too(connect, llm, member, collection):
    llm.config = LLMConfig("ollama", "tiny")
    reader = await connect(member)
    first = await written_down(reader, model_id=collection.pk)
    session = (await in_thread(Message.objects.get, pk=first.message_id)).session_id
    second = await written_down(reader, model_id=collection.pk, session_id=str(session))
    assert len(llm.calls) == 3  # the answer, the follow-up rewritten, the second answer
    assert (second.prompt_tokens, second.completion_tokens) == (14, 8)


async def test_a_stopped_answer_costs_its_prompt_and_what_had_arrived(connect, llm, member, collection):
    llm.config = LLMConfig("ollama", "tiny")
    llm.script = [*ANSWER, asyncio.Event()]
    reader = await connect(member)
    await reader.say(type="chat", model_id=collection.pk, message=QUESTION)
    message_id = (await reader.hear_until("stream_chunk"))[-1]["message_id"]
    await reader.say(type="stop", message_id=message_id)
    await reader.hear_until("message_saved")
    found = await entry(message_id)
    assert found.estimated
    assert found.prompt_tokens > 100  # the instructions and three passages
    assert 0 < found.completion_tokens < 40


async def test_a_provider_that_refuses_costs_nothing_but_is_entered(connect, llm, member, collection):
    llm.config = LLMConfig("ollama", "tiny")
    llm.script = [VerbatimError(ErrorCode.LLM_KEY_REFUSED)]
    found = await written_down(await connect(member), model_id=collection.pk)
    assert (found.prompt_tokens, found.completion_tokens) == (0, 0)


async def test_an_answer_that_breaks_off_costs_what_had_arrived(connect, llm, member, collection):
    llm.config = LLMConfig("ollama", "tiny")
    llm.script = [*ANSWER, VerbatimError(ErrorCode.LLM_TIMEOUT)]
    found = await written_down(await connect(member), model_id=collection.pk)
    assert found.estimated
    assert found.prompt_tokens > 100


async def test_deleting_the_chat_while_it_answers_does_not_hide_what_it_cost(
    connect, llm, member, collection
):
    llm.config = LLMConfig("ollama", "tiny")
    llm.script = [*ANSWER, asyncio.Event()]
    reader = await connect(member)
    await reader.say(type="chat", model_id=collection.pk, message=QUESTION)
    frame = (await reader.hear_until("stream_chunk"))[-1]
    session = await in_thread(ChatSession.objects.get, pk=frame["session_id"])
    await in_thread(services.session_delete, session=session)
    found = await entry_settled(frame["message_id"])
    assert found.prompt_tokens > 100
    assert not await in_thread(Message.objects.filter(pk=found.message_id).exists)


async def test_deleting_chat_and_model_leaves_the_ledger_as_it_is(
    connect, llm, member, admin, superadmin, collection
):
    found = await written_down(await connect(member), model_id=collection.pk)
    await in_thread(
        services.session_delete,
        session=await in_thread(ChatSession.objects.select_related("user").get, messages=found.message_id),
    )
    await in_thread(collection_delete, actor=superadmin, collection=collection)
    kept = await entry(found.message_id)
    assert (kept.collection_id, kept.collection_name, kept.prompt_tokens) == (None, "Handbook", 7)


async def test_answering_again_is_entered_again(connect, llm, member, collection):
    reader = await connect(member)
    first = await written_down(reader, model_id=collection.pk)
    await reader.say(type="regenerate", message_id=first.message_id)
    await reader.hear_until("message_saved")
    assert await in_thread(UsageEntry.objects.filter(user=member).count) == 2


async def test_a_question_that_is_refused_is_not_entered(passages, llm, member, collection):
    with pytest.raises(VerbatimError):
        await runs.ask(user=member, model_id=collection.pk, message="  ")
    assert not await in_thread(UsageEntry.objects.exists)


@pytest.fixture
def open_answer(collection, member) -> Message:
    collection.llm_provider = "ollama"
    _, _, answer = services.question_ask(user=member, collection=collection, message=QUESTION)
    return answer


def test_an_answer_whose_process_died_is_estimated_from_what_was_stored(open_answer):
    MessageTrace.objects.create(message=open_answer, data={"prompt": {"tokens": 900}})
    services.answers_progress(contents={open_answer.pk: "Full-time staff have 25 days"})
    assert services.answers_interrupt(message_ids=[open_answer.pk]) == 1
    found = UsageEntry.objects.get()
    assert (found.prompt_tokens, found.estimated) == (900, True)
    assert 5 <= found.completion_tokens <= 20


def test_an_answer_that_went_on_costs_only_what_was_added(open_answer):
    text = "Full-time staff have 25 days of leave. "
    trace = {"prompt": {"tokens": 900}, "continued": {"from": 1, "chars": len(text)}}
    MessageTrace.objects.create(message=open_answer, data=trace)
    services.answers_progress(contents={open_answer.pk: text + "Yes"})
    services.answers_interrupt(message_ids=[open_answer.pk])
    assert 0 < UsageEntry.objects.get().completion_tokens <= 2


def test_what_was_taken_for_dead_is_corrected_by_its_real_end(open_answer):
    services.answers_interrupt(message_ids=[open_answer.pk])
    services.answer_finish(
        message_id=open_answer.pk,
        result=services.AnswerResult(MessageStatus.COMPLETE, "Yes.", "stop", spent=Spent(31, 2)),
    )
    found = UsageEntry.objects.get()
    assert (found.prompt_tokens, found.completion_tokens, found.estimated) == (31, 2, False)


def test_an_evaluation_is_entered_as_such_and_is_never_refused(passages, llm, admin, collection, monkeypatch):
    limit(admin, messages_per_minute=1, tokens_per_day=1)
    found = search(user=admin, collection=collection, query=QUESTION)
    for _ in range(2):
        answering.answer(user=admin, collection=collection, question=QUESTION, result=found)
    kinds = UsageEntry.objects.values_list("kind", "prompt_tokens", "message_id")
    assert list(kinds) == [("evaluation", 7, None)] * 2


def test_entries_of_more_than_a_year_ago_are_forgotten(member):
    kept = spend(member, ago=KEEP * 0.99)
    spend(member, ago=KEEP * 1.01)
    assert forget_usage() == 1
    assert UsageEntry.objects.get() == kept


def test_a_deleted_user_takes_his_entries_along(member, stranger, superadmin):
    spend(member)
    other = spend(stranger)
    people.user_delete(actor=superadmin, user=member)
    assert UsageEntry.objects.get() == other


def test_nothing_that_was_said_is_in_the_ledger():
    assert {field.name for field in UsageEntry._meta.get_fields()} == {
        *("id", "user", "kind", "collection", "collection_name", "message_id", "llm_provider"),
        *("llm_model_name", "asked_at", "prompt_tokens", "completion_tokens", "estimated"),
    }


# --- the meter ---------------------------------------------------------------------------------------

REQUEST = LLMRequest(messages=(ChatMessage("user", "How many days of leave are there?"),))


class Told:
    """An LLM that says this, after its reasoning."""

    def __init__(self, provider: str, usage: dict) -> None:
        self.config = LLMConfig(provider, "tiny")
        self.usage = usage

    async def stream(self, request):
        yield ReasoningDelta("The handbook names twenty-five of them. " * 20)
        yield TextDelta("25")
        yield Finished("stop", self.usage)


async def metered(provider: str, usage: dict) -> Spent:
    meter = Meter()
    said = [event async for event in meter.on(Told(provider, usage)).stream(REQUEST)]
    assert len(said) == 3
    return meter.spent()


async def test_the_meter_believes_the_provider():
    assert await metered("openai", {"prompt_tokens": 9, "completion_tokens": 3}) == Spent(9, 3)


async def test_the_meter_estimates_what_is_not_told_with_the_reasoning():
    spent = await metered("openai", {"prompt_tokens": 9})
    assert (spent.prompt_tokens, spent.estimated) == (9, True)
    assert spent.completion_tokens > 150
    assert (await metered("openai", {})).prompt_tokens >= 8


async def test_quotes_without_an_llm_cost_no_tokens():
    assert await metered("extractive", {}) == Spent()
