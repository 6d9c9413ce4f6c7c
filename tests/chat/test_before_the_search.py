"""Between a question and the search for it: what is made ready meanwhile, and what may happen meanwhile."""

import asyncio
import threading
from collections import OrderedDict

import pytest
from django.conf import settings
from django.db import OperationalError

from chat import branching, services
from chat.engine import rounds, runs, threads
from chat.engine.answer import Generation
from chat.engine.threads import in_thread
from chat.given import Given
from chat.models import ChatSession, Message, MessageSource
from collections_app import services as models
from collections_app.models import Collection, Provider
from documents.retrieval import questions
from tests.chat.conftest import ANSWER, QUESTION, stored
from tests.chat.test_socket import ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def begun(monkeypatch):
    """The questions whose vectors were begun before the search."""
    texts: list[str] = []
    begin = questions.begin
    monkeypatch.setattr(questions, "_begun", OrderedDict())
    monkeypatch.setattr(questions, "begin", lambda model, text: (texts.append(text), begin(model, text)))
    return texts


async def test_the_first_question_of_a_chat_is_embedded_while_it_is_stored(
    connect, llm, member, collection, begun
):
    socket = await connect(member)
    await ask(socket, collection, f"  {QUESTION}\x00 ")
    first = await socket.hear_until("message_saved")
    assert begun == [QUESTION]
    assert not questions._begun  # the search has used it
    assert first[-2]["content"] == "".join(ANSWER)
    await ask(socket, collection, "And in a leap year?", session_id=first[0]["session_id"])
    await socket.hear_until("message_saved")
    assert begun == [QUESTION]  # this one may have been searched for in other words


async def test_a_question_that_is_refused_as_too_long_is_not_embedded(
    connect, llm, member, collection, begun
):
    socket = await connect(member)
    await ask(socket, collection, "x" * (settings.MAX_MESSAGE_CHARS + 1))
    assert (await socket.hear_until("error"))[-1]["code"] == "message_too_long"
    assert begun == []


async def test_access_that_is_lost_before_the_search_ends_the_answer(llm, member, admin, collection):
    _, _, answer = await in_thread(
        lambda: services.question_ask(user=member, collection=collection, message=QUESTION)
    )
    await in_thread(models.access_set, actor=admin, collection=collection, user_ids=[])
    async with asyncio.timeout(10):
        await Generation(answer, question=None).run()
    await in_thread(answer.refresh_from_db)
    assert (answer.status, answer.error_code, answer.content) == ("failed", "access_revoked", "")
    assert not llm.calls


async def test_a_model_that_is_deleted_before_the_search_leaves_nothing_running(
    llm, member, admin, collection
):
    _, _, answer = await in_thread(
        lambda: services.question_ask(user=member, collection=collection, message=QUESTION)
    )
    await in_thread(collection.delete)
    async with asyncio.timeout(20):
        await Generation(answer, question=None).run()
    assert not runs._running
    assert not llm.calls


@pytest.fixture
def slowly(monkeypatch):
    """Questions are stored only when this is set."""
    gate = threading.Event()
    store = services.question_ask

    def stored(**fields):
        assert gate.wait(10)
        return store(**fields)

    monkeypatch.setattr(services, "question_ask", stored)
    yield gate
    gate.set()


@pytest.mark.parametrize(
    ("given", "status", "content"),
    [(None, "complete", "".join(ANSWER)), (Given(), "stopped", "")],
    ids=["a reader", "a program"],
)
async def test_who_leaves_while_the_question_is_stored_finds_it_answered_if_he_can_come_back(
    llm, member, collection, passages, slowly, given, status, content
):
    gate = asyncio.Event()
    llm.script = [gate, *ANSWER]
    asking = asyncio.create_task(runs.ask(user=member, model_id=collection.pk, message=QUESTION, given=given))
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    slowly.set()
    if given is None:
        gate.set()
    async with asyncio.timeout(10):
        while not (answers := [row async for row in Message.objects.filter(role="assistant")]) or (
            answers[0].status == "streaming"
        ):
            await asyncio.sleep(0.05)
    assert [(one.status, one.content) for one in answers] == [(status, content)]


@pytest.fixture
def binding(monkeypatch):
    """How passages are stored: `before` is called first; text is kept often."""
    store = services.answer_sources_set
    steps = {"before": lambda: None}

    def stored(**fields):
        steps["before"]()
        return store(**fields)

    monkeypatch.setattr(services, "answer_sources_set", stored)
    monkeypatch.setattr(rounds, "SAVE_SECONDS", 0.02)
    return steps


async def test_words_do_not_wait_for_the_passages_to_be_stored_but_are_not_stored_before_them(
    connect, llm, member, collection, passages, binding
):
    bound, end = threading.Event(), asyncio.Event()
    binding["before"] = lambda: bound.wait(10)
    llm.script = [*ANSWER, end]
    socket = await connect(member)
    await ask(socket, collection)
    message_id = (await socket.hear_until("stream_chunk"))[-1]["message_id"]
    await asyncio.sleep(0.3)
    assert (await stored(message_id)).content == ""
    bound.set()
    async with asyncio.timeout(5):
        while (await stored(message_id)).content != "".join(ANSWER):
            await asyncio.sleep(0.02)
    assert await in_thread(MessageSource.objects.filter(message_id=message_id).exists)
    end.set()
    assert (await socket.hear_until("message_saved"))[-2]["content"] == "".join(ANSWER)


async def test_an_answer_whose_passages_can_be_stored_only_later_loses_nothing(
    connect, llm, member, collection, passages, binding, monkeypatch
):
    tries = []

    def fail_first() -> None:
        tries.append(1)
        if len(tries) < threads.ATTEMPTS:
            raise OperationalError("the database restarts")

    monkeypatch.setattr(threads, "AGAIN_SECONDS", 0.05)
    binding["before"] = fail_first
    llm.script = [*ANSWER]
    socket = await connect(member)
    await ask(socket, collection)
    frames = await socket.hear_until("message_saved")
    answer = await stored(frames[0]["message_id"])
    assert (answer.status, answer.content) == ("complete", "".join(ANSWER))
    assert frames[-2]["sources"]


@pytest.mark.parametrize("step", ["answer_sources_set", "answer_finish"])
async def test_what_was_stored_though_nobody_was_told_is_stored_once(
    connect, llm, member, collection, passages, monkeypatch, step
):
    store, tries = getattr(services, step), []

    def lost_reply(**fields):
        tries.append(store(**fields))
        if len(tries) == 1:
            raise OperationalError("the connection broke")
        return tries[-1]

    monkeypatch.setattr(threads, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(services, step, lost_reply)
    llm.script = [*ANSWER]
    socket = await connect(member)
    await ask(socket, collection)
    frames = await socket.hear_until("message_saved")
    answer = await stored(frames[0]["message_id"])
    assert len(tries) == 2
    assert (answer.status, answer.content) == ("complete", "".join(ANSWER))
    assert frames[-2]["content"] == answer.content
    markers = MessageSource.objects.filter(message_id=answer.pk).values_list("marker", flat=True)
    assert [one["marker"] for one in frames[-2]["sources"]] == await in_thread(lambda: sorted(markers))


async def test_an_answer_that_is_stopped_while_its_passages_cannot_be_stored_says_why_they_are_missing(
    connect, llm, member, collection, passages, binding, monkeypatch
):
    def fail() -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(threads, "AGAIN_SECONDS", 0.05)
    binding["before"] = fail
    llm.script = [*ANSWER, asyncio.Event()]
    socket = await connect(member)
    await ask(socket, collection)
    message_id = (await socket.hear_until("stream_chunk"))[-1]["message_id"]
    await socket.say(type="stop", message_id=message_id)
    frames = await socket.hear_until("message_saved")
    assert next(one["code"] for one in frames if one["type"] == "error") == "service_unavailable"
    answer = await stored(message_id)
    assert (answer.status, answer.content) == ("failed", "".join(ANSWER).replace(" [1]", ""))


async def test_an_answer_whose_passages_cannot_be_stored_keeps_its_words_without_their_numbers(
    connect, llm, member, collection, passages, binding, monkeypatch
):
    def fail() -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(threads, "AGAIN_SECONDS", 0.05)
    binding["before"] = fail
    by_llm = {"llm_provider": Provider.OLLAMA, "llm_model_name": "m"}
    await in_thread(Collection.objects.filter(pk=collection.pk).update, **by_llm)
    llm.script = [*ANSWER, asyncio.Event()]
    socket = await connect(member)
    await ask(socket, collection)
    frames = await socket.hear_until("message_saved")
    assert next(one["code"] for one in frames if one["type"] == "error") == "service_unavailable"
    answer = await stored(frames[0]["message_id"])
    assert (answer.status, answer.error_code) == ("failed", "service_unavailable")
    assert "[1]" in "".join(ANSWER)
    assert answer.content == frames[-2]["content"] == "".join(ANSWER).replace(" [1]", "")
    assert (frames[-2]["sources"], frames[-2]["general_parts"]) == ([], [])
    assert frames[-2]["can_continue"] is False
    assert llm.closed == 1


async def test_a_chat_that_is_deleted_before_its_passages_are_stored_costs_no_more_words(
    connect, llm, member, collection, passages, binding
):
    binding["before"] = lambda: services.session_delete(session=ChatSession.objects.get())
    llm.script = [*ANSWER, asyncio.Event()]
    socket = await connect(member)
    await ask(socket, collection)
    frames = await socket.hear_until("stream_end")
    assert next(one["code"] for one in frames if one["type"] == "error") == "not_found"
    assert llm.closed == 1


async def test_who_lost_his_access_cannot_go_on_with_an_older_answer(llm, member, admin, collection):
    await in_thread(Collection.objects.filter(pk=collection.pk).update, llm_provider=Provider.CUSTOM)
    await in_thread(collection.refresh_from_db)
    _, _, first = await in_thread(
        lambda: services.question_ask(user=member, collection=collection, message=QUESTION)
    )
    result = services.AnswerResult(status="stopped", content="Full-time staff", finish_reason="stopped")
    await in_thread(lambda: services.answer_finish(message_id=first.pk, result=result))
    _, _, answer = await in_thread(lambda: branching.answer_continue(answer=first))
    await in_thread(models.access_set, actor=admin, collection=collection, user_ids=[])
    async with asyncio.timeout(10):
        await Generation(answer, question=None).run()
    assert (await stored(answer.pk)).error_code == "access_revoked"
    assert not llm.calls
