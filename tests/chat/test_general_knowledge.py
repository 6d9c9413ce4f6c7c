"""Which sentences of an assisting answer are told to come from no passage, and that every ending tells it."""

import asyncio
from types import SimpleNamespace

import pytest

from chat import selectors, services
from chat.engine.budget import FittedPrompt
from chat.engine.general import general_parts
from chat.engine.outcome import Draft
from chat.engine.threads import in_thread
from chat.models import Message, MessageSource, MessageStatus
from collections_app.models import AnswerMode, Collection
from config.errors import ErrorCode, PermanentError
from documents.retrieval.types import Passage
from tests.chat.conftest import ANSWER, QUESTION
from tests.chat.test_socket import ask

CITED = "The Berlin branch has seven open orders [1]."
PASSAGE = "The Berlin branch has seven open orders. They are handled by Ines Duarte."


def parts(text: str, *, mode: str = AnswerMode.ASSIST, is_whole: bool = True) -> list[str]:
    """The sentences that are told to be general knowledge."""
    passage = Passage(
        chunk_id=1,
        document_id=1,
        document_name="orders.txt",
        content=PASSAGE,
        similarity_score=0.6,
        score=0.03,
    )
    context = SimpleNamespace(collection=SimpleNamespace(answer_mode=mode))
    draft = Draft(context=context, prompt=FittedPrompt((), (passage,)), text=[text])
    return [text[one["start"] : one["end"]] for one in general_parts(draft, is_whole=is_whole)]


@pytest.mark.parametrize(
    "sentence",
    [
        "It is Paris.",
        "It is 42.",
        "However, Paris is.",
        "- Paris",
        "Das ist Paris.",
        "**Paris**",
        "See `orders[1]`.",
        "It is [Paris 1](https://e.example).",
    ],
)
def test_every_sentence_that_says_something_and_cites_nothing_is_general(sentence):
    assert parts(f"{CITED}\n\n{sentence}") == [sentence]
    assert parts(f"{CITED}\n\n{sentence}", mode=AnswerMode.STRICT) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Yes.",
        "However:",
        "In summary, yes.",
        "Kurz zusammengefasst:",
        "Here are the cities of France:",
        "Do you want to know more about Paris?",
        "## Cities of France",
        "Cities of France\n===",
        "**Cities of France**\n\nIt has orders [1].",
        "| city | country |\n|---|---|\n| Berlin | Germany [1] |",
        "I hope this helps!",
        "The documents do not say anything about Paris.",
        "They are handled by Ines Duarte.",
        "Ines.",
        "Is that Paris? [1]",
    ],
)
def test_what_says_nothing_or_is_held_by_a_passage_is_not(sentence):
    assert parts(f"{CITED}\n\n{sentence}") == []


def test_of_an_answer_that_was_cut_off_the_last_sentence_counts_once_it_says_something():
    assert parts(f"{CITED} It is Paris. Mount Ev", is_whole=False) == ["It is Paris."]
    assert parts(f"{CITED} Mount Everest is the tallest", is_whole=False) == ["Mount Everest is the tallest"]
    assert parts(f"{CITED} Mount Ev") == ["Mount Ev"]


@pytest.fixture
def assisting(collection):
    Collection.objects.filter(pk=collection.pk).update(answer_mode=AnswerMode.ASSIST)


async def told(member, frames) -> tuple[dict, dict]:
    """What is told at the end of an answer, and the same from what is stored."""
    end = next(frame for frame in frames if frame["type"] == "stream_end")
    message = await in_thread(selectors.answer_for, member, end["message_id"])
    return end, await in_thread(selectors.answer_facts, message)


EVEREST = "Mount Everest is the tallest mountain on Earth."


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ending", ["stopped", "failed"])
async def test_an_answer_that_ended_early_says_what_comes_from_no_document(
    connect, llm, member, collection, assisting, ending
):
    gate = asyncio.Event()
    last = gate if ending == "stopped" else PermanentError(ErrorCode.LLM_NO_ANSWER)
    for text, whole in ((EVEREST, True), ("".join(ANSWER) + " " + EVEREST, False)):
        llm.script = [text, last]
        socket = await connect(member)
        await ask(socket, collection)
        if ending == "stopped":
            begun = await socket.hear_until("stream_chunk")
            await asyncio.sleep(0.1)
            await socket.say(type="stop", message_id=begun[-1]["message_id"])
        for facts in await told(member, await socket.hear_until("message_saved")):
            assert facts["general_knowledge"] is whole
            (part,) = facts["general_parts"]
            assert text[part["start"] : part["end"]] == EVEREST


@pytest.mark.django_db(transaction=True)
async def test_a_few_words_that_were_stopped_claim_nothing_yet(connect, llm, member, collection, assisting):
    llm.script = ["Mount Ev", asyncio.Event()]
    socket = await connect(member)
    await ask(socket, collection)
    begun = await socket.hear_until("stream_chunk")
    await socket.say(type="stop", message_id=begun[-1]["message_id"])
    for facts in await told(member, await socket.hear_until("message_saved")):
        assert (facts["general_knowledge"], facts["uncited"], facts["general_parts"]) == (False, False, [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("text", "is_general"), [(EVEREST, True), ("".join(ANSWER), False)])
async def test_an_answer_whose_process_died_says_it_where_it_cites_nothing(
    connect, llm, member, collection, assisting, text, is_general
):
    socket = await connect(member)
    await ask(socket, collection, QUESTION)
    end = (await socket.hear_until("message_saved"))[-2]
    answer = Message.objects.filter(pk=end["message_id"])

    def lose() -> dict:
        answer.update(status=MessageStatus.STREAMING, content=text)
        MessageSource.objects.update(cited=False, likely=False, supported=None)
        services.answers_interrupt(message_ids=[end["message_id"]])
        return selectors.answer_facts(selectors.answer_for(member, end["message_id"]))

    assert (await in_thread(lose))["general_knowledge"] is is_general
