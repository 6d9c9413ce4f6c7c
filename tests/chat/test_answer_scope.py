"""What answers may be made from: their chat's files, documents as they are now, general knowledge if told."""

import json

import pytest

from chat import services
from chat.engine.threads import in_thread
from chat.models import Message, MessageTrace
from collections_app.models import AnswerMode, Collection
from documents.models import Document
from documents.retrieval.search import search
from tests.chat.conftest import ANSWER, QUESTION, add_document
from tests.chat.test_socket import ask

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "The holiday house in Aarhus is rented to staff for 90 euros a night, see the caretaker Bo."
ABOUT_IT = "What does the holiday house in Aarhus cost a night?"


async def sources_of(socket, collection, question: str, **more) -> list[str]:
    """The passages that an answer was given, as they go to the reader before its first word."""
    await ask(socket, collection, question, **more)
    frames = await socket.hear_until("message_saved")
    (found,) = [frame for frame in frames if frame["type"] == "sources"]
    return [source["chunk_content"] for source in found["sources"]]


async def test_the_files_of_a_chat_are_searched_with_the_collection_in_that_chat_and_nowhere_else(
    connect, llm, member, stranger, admin, collection, client_for
):
    await in_thread(collection.users.add, stranger)  # he may use the model
    session = await in_thread(lambda: services.session_create(user=member, collection=collection))
    await in_thread(lambda: add_document(collection, member, "note.txt", [SECRET], session_id=session.pk))
    mine, theirs = await connect(member), await connect(stranger)
    own = str(session.pk)
    assert SECRET in await sources_of(mine, collection, ABOUT_IT, session_id=own)
    assert any(
        "annual leave" in text for text in await sources_of(mine, collection, QUESTION, session_id=own)
    )
    assert SECRET not in await sources_of(mine, collection, ABOUT_IT)  # in a chat of its own
    assert SECRET not in await sources_of(theirs, collection, ABOUT_IT)
    await theirs.say(type="chat", model_id=collection.pk, message=ABOUT_IT, session_id=own)
    assert (await theirs.hear_until("error"))[-1]["code"] == "not_found"
    for person in (member, stranger, admin):
        answer = await in_thread(
            lambda who: client_for(who).post(
                f"/api/models/{collection.pk}/search", {"query": ABOUT_IT, "top_k": 50}, format="json"
            ),
            person,
        )
        assert SECRET not in answer.content.decode()
        assert "note.txt" not in answer.content.decode()
    asked = Message.objects.filter(session=session, role="user", content=ABOUT_IT)
    first = await in_thread(lambda: asked.get().children.get().pk)
    await mine.say(type="regenerate", message_id=first)
    frames = await mine.hear_until("message_saved")
    assert SECRET in [source["chunk_content"] for source in frames[0]["sources"]]


async def test_regenerating_searches_again_in_the_documents_as_they_are_now(
    connect, llm, member, admin, collection
):
    socket = await connect(member)
    await ask(socket, collection)
    before = await socket.hear_until("message_saved")
    newer = "From now on full-time staff have 30 days of annual leave in each calendar year."
    await in_thread(Document.objects.all().delete)
    await in_thread(add_document, collection, admin, "newer.txt", [newer])
    await socket.say(type="regenerate", message_id=before[0]["message_id"])
    after = await socket.hear_until("message_saved")
    assert [source["chunk_content"] for source in after[0]["sources"]] == [newer]
    await in_thread(Document.objects.all().delete)
    await socket.say(type="regenerate", message_id=after[0]["message_id"])
    refused = await socket.hear_until("message_saved")
    assert refused[0]["sources"] == []
    assert "nothing to answer from" in refused[-2]["content"]


async def test_a_regenerated_follow_up_is_completed_from_the_same_history(connect, llm, member, collection):
    socket = await connect(member)
    await ask(socket, collection)
    session = (await socket.hear_until("message_saved"))[0]["session_id"]
    await ask(socket, collection, "And part-time staff?", session_id=session)
    first = await socket.hear_until("message_saved")
    await socket.say(type="regenerate", message_id=first[0]["message_id"])
    again = await socket.hear_until("message_saved")
    searched = {frame["searched_for"] for frame in [*first, *again] if frame["type"] == "sources"}
    assert searched == {QUESTION.replace("full-time", "part-time")}
    assert llm.calls[-1].question in searched  # a model that reads no history is asked the whole question


@pytest.fixture
def assisting(collection):
    Collection.objects.filter(pk=collection.pk).update(answer_mode=AnswerMode.ASSIST)


async def said(connect, llm, member, collection, text: str, question: str = QUESTION) -> tuple[dict, dict]:
    """What is told at the end of an answer with this text, and the same from what is stored."""
    llm.script = [text]
    socket = await connect(member)
    await ask(socket, collection, question)
    frames = await socket.hear_until("message_saved")
    from chat import selectors

    message = await in_thread(lambda: selectors.answer_for(member, frames[-1]["message_id"]))
    return frames[-2], await in_thread(selectors.answer_facts, message)


async def test_an_llm_that_refuses_is_shown_as_refusing(connect, llm, member, collection):
    """Its sentence, the nearest documents behind it, and no source that it might rest on."""
    for told in await said(connect, llm, member, collection, "The documents do not say how many days."):
        assert (told["uncited"], told["general_parts"], told["sentences"]) == (False, [], [])
    answer = await in_thread(Message.objects.get, role="assistant")
    assert answer.content.startswith("The documents do not say how many days.\n\nThe nearest documents are:")
    assert "`handbook.txt`" in answer.content
    trace = await in_thread(MessageTrace.objects.get, message=answer)
    assert trace.data["refused"] is True
    assert not await in_thread(lambda: answer.sources.filter(likely=True).exists())


async def test_an_assisting_answer_without_the_documents_says_so(connect, llm, member, collection, assisting):
    text = "Mount Everest is the tallest mountain on Earth."
    for told in await said(connect, llm, member, collection, text, "zxqv blorp quux frobnicate"):
        assert told["general_knowledge"] is True
        assert told["general_parts"] == [{"start": 0, "end": len(text)}]


async def test_of_an_assisting_answer_the_sentences_from_no_passage_are_told(
    connect, llm, member, collection, assisting
):
    known = "Most employers in Europe grant fewer days than that to apprentices."
    text = "".join(ANSWER) + " " + known
    for told in await said(connect, llm, member, collection, text):
        assert told["general_knowledge"] is False
        assert [text[part["start"] : part["end"]] for part in told["general_parts"]] == [known]


async def test_a_strict_answer_has_no_general_knowledge_only_what_is_not_backed(
    connect, llm, member, collection
):
    for told in await said(connect, llm, member, collection, "The moon is made of green cheese."):
        assert (told["general_knowledge"], told["general_parts"], told["uncited"]) == (False, [], True)


async def test_the_mode_that_counts_is_the_one_in_which_the_answer_was_written(
    connect, llm, member, collection, assisting
):
    text = "Mount Everest is the tallest mountain on Earth."
    told, _ = await said(connect, llm, member, collection, text)
    await in_thread(lambda: Collection.objects.update(answer_mode=AnswerMode.STRICT))
    from chat import selectors

    message = await in_thread(lambda: selectors.answer_for(member, told["message_id"]))
    assert (await in_thread(selectors.answer_facts, message))["general_knowledge"] is True
    trace = await in_thread(lambda: MessageTrace.objects.get(message=message).data)
    assert trace["answer_mode"] == "assist"


def test_the_preview_finds_what_the_chat_finds(passages, client_for, member, collection):
    answer = client_for(member).post(
        f"/api/models/{collection.pk}/search", {"query": QUESTION}, format="json"
    )
    found = search(user=member, collection=collection, query=QUESTION)
    shown = answer.json()
    assert [one["chunk_id"] for one in shown["results"]] == [one.chunk_id for one in found.passages]
    assert shown["trace"]["candidates"] == json.loads(json.dumps(found.trace["candidates"]))
    assert {"threshold", "top_k", "documents", "chunks", "ms"} <= set(shown["trace"])
