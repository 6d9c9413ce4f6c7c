"""A question in other words, an answer anew: over the socket and over HTTP, by its owner and by others."""

import asyncio
import json

import pytest

from chat import services
from chat.engine.threads import in_thread
from chat.models import ChatSession, Message
from tests.chat.conftest import ANSWER, QUESTION, stored
from tests.conftest import make_user

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "How much may a hotel cost per night?"


async def asked(socket, collection, message: str = QUESTION, **fields) -> tuple[dict, int, str]:
    """Ask and wait: the question, the answer's id, the session's."""
    await socket.say(type="chat", model_id=collection.pk, message=message, **fields)
    first = (await socket.hear_until("message_saved"))[0]
    return first["message"], first["message_id"], first["session_id"]


async def head(session_id: str) -> int:
    return (await in_thread(ChatSession.objects.get, pk=session_id)).head_id


async def test_an_edited_question_is_answered_beside_the_old_one_with_what_stands_above_it(
    connect, llm, member, collection
):
    socket = await connect(member)
    _, first_answer, session_id = await asked(socket, collection)
    question, _, _ = await asked(socket, collection, "What about the moon?", session_id=session_id)
    await asked(socket, collection, "And the sun?", session_id=session_id)
    await socket.say(type="edit", message_id=question["id"], message=OTHER, client_id="e-1")
    frames = await socket.hear_until("message_saved")
    assert frames[0]["type"] == "user_message"
    assert frames[0]["client_id"] == "e-1"
    assert frames[0]["message"]["content"] == OTHER
    assert frames[0]["message"]["parent"] == question["parent"] == first_answer
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert await head(session_id) == frames[0]["message_id"]
    prompt = str(llm.calls[-1].messages)
    assert QUESTION in prompt
    assert "moon" not in prompt
    assert "sun" not in prompt
    trace = (await stored(frames[0]["message_id"])).trace.data
    assert trace["query"] == OTHER
    assert "moon" not in trace["rewritten"]
    assert (await stored(question["id"])).content == "What about the moon?"


async def test_an_old_answer_is_regenerated_from_a_new_search_without_what_followed(
    connect, llm, member, collection
):
    socket = await connect(member)
    _, old, session_id = await asked(socket, collection)
    await asked(socket, collection, "And what about the moon?", session_id=session_id)
    await socket.say(type="regenerate", message_id=old)
    frames = await socket.hear_until("message_saved")
    assert frames[0]["type"] == "sources"
    assert frames[0]["sources"]
    assert "moon" not in str(llm.calls[-1].messages)
    assert await head(session_id) == frames[0]["message_id"]
    assert (await stored(frames[0]["message_id"])).trace.data["query"] == QUESTION


async def test_editing_while_an_answer_of_that_chat_streams_is_refused_and_changes_nothing(
    connect, llm, member, collection
):
    socket = await connect(member)
    question, _, session_id = await asked(socket, collection)
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    await socket.say(type="chat", model_id=collection.pk, message=OTHER, session_id=session_id)
    streaming = (await socket.hear_until("stream_chunk"))[0]["message_id"]
    await socket.say(type="edit", message_id=question["id"], message="other", client_id="e-1")
    refused = (await socket.hear_until("error"))[-1]
    assert refused["code"] == "session_busy"
    assert refused["client_id"] == "e-1"
    gate.set()
    await socket.hear_until("message_saved")
    assert await in_thread(Message.objects.count) == 4
    assert await head(session_id) == streaming


async def test_two_tabs_that_edit_at_once_are_told_apart(connect, llm, member, collection):
    one, two = await connect(member), await connect(member)
    question, _, session_id = await asked(one, collection)
    gate = asyncio.Event()
    llm.script = [gate, *ANSWER]
    while (await two.hear())["type"] != "session_changed":
        pass
    for number, socket in enumerate((one, two)):
        await socket.say(
            type="edit", message_id=question["id"], message=f"words {number}", client_id=f"e{number}"
        )

    async def own_frame(socket, number):
        while True:
            frame = await socket.hear()
            if frame["type"] == "error" or (
                frame["type"] == "user_message" and frame["client_id"] == f"e{number}"
            ):
                return frame

    frames = await asyncio.gather(own_frame(one, 0), own_frame(two, 1))
    assert sorted(frame["type"] for frame in frames) == ["error", "user_message"]
    (refused,) = [frame for frame in frames if frame["type"] == "error"]
    assert refused["code"] == "session_busy"
    gate.set()
    (won,) = [frame for frame in frames if frame["type"] == "user_message"]
    await (one if frames[0] is won else two).hear_until("message_saved")
    assert await head(session_id) == won["message_id"]
    assert await in_thread(Message.objects.count) == 4


async def test_an_edit_that_is_sent_twice_is_asked_once(connect, llm, member, collection):
    socket = await connect(member)
    question, _, session_id = await asked(socket, collection)
    edit = {"type": "edit", "message_id": question["id"], "message": OTHER, "client_id": "e-1"}
    await socket.say(**edit)
    first = await socket.hear_until("message_saved")
    again = await connect(member)
    await again.say(**edit)
    replayed = await again.hear_until("message_saved")
    assert [one for one in replayed if one["type"] != "session_changed"] == first  # the hint may come late
    assert await in_thread(Message.objects.count) == 4
    await again.say(**edit | {"message": "something else"})
    assert (await again.hear_until("error"))[-1]["code"] == "client_id_reused"


@pytest.mark.parametrize("message", ["", "  \n"])
async def test_an_edit_to_nothing_is_refused(connect, llm, member, collection, message):
    socket = await connect(member)
    question, _, _ = await asked(socket, collection)
    await socket.say(type="edit", message_id=question["id"], message=message)
    assert (await socket.hear())["code"] == "message_empty"


async def test_only_ones_own_questions_are_edited_and_no_answers(
    connect, llm, member, stranger, admin, collection
):
    mine = await connect(member)
    question, answer, _ = await asked(mine, collection)
    colleague = await in_thread(make_user, "mo@example.com")
    await in_thread(collection.users.add, colleague)
    for person in (stranger, admin, colleague):
        socket = await connect(person)
        await socket.say(type="edit", message_id=question["id"], message="mine now")
        assert (await socket.hear())["code"] == "not_found"
        await socket.say(type="regenerate", message_id=answer)
        assert (await socket.hear())["code"] == "not_found"
    await mine.say(type="edit", message_id=answer, message="an answer")
    assert (await mine.hear_until("error"))[-1]["code"] == "not_found"
    assert await in_thread(Message.objects.count) == 2


# --- over HTTP -----------------------------------------------------------------------------------------


async def test_editing_and_regenerating_over_http(http, llm, collection):
    made = (await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})).json()
    edited = await http.post(f"/api/chat/messages/{made['parent']}/edit", json={"message": OTHER})
    assert edited.status_code == 200, edited.text
    assert edited.json()["session_id"] == made["session_id"]
    assert edited.json()["answer"] == "".join(ANSWER)
    again = await http.post(f"/api/chat/messages/{edited.json()['message_id']}/regenerate")
    assert again.json()["parent"] == edited.json()["parent"]
    assert again.json()["message_id"] != edited.json()["message_id"]
    path = f"/api/chat/sessions/{made['session_id']}/messages"
    shown = (await http.get(path)).json()["results"]
    assert [one["id"] for one in shown] == [again.json()["parent"], again.json()["message_id"]]
    empty = await http.post(f"/api/chat/messages/{made['parent']}/edit", json={"message": " "})
    assert (empty.status_code, empty.json()["error"]["code"]) == (400, "message_empty")
    missing = await http.post(f"/api/chat/messages/{made['parent']}/edit", json={})
    assert (missing.status_code, missing.json()["error"]["code"]) == (400, "validation_error")
    wrong = await http.post(f"/api/chat/messages/{made['message_id']}/edit", json={"message": OTHER})
    assert wrong.status_code == 404


async def test_editing_as_an_event_stream_speaks_the_sockets_frames(http, llm, collection):
    made = (await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})).json()
    body = {"message": OTHER, "stream": True, "client_id": "e-1"}
    async with http.stream("POST", f"/api/chat/messages/{made['parent']}/edit", json=body) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = [line async for line in answer.aiter_lines() if line.startswith("data: ")]
    frames = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert frames[0]["type"] == "user_message"
    assert frames[0]["client_id"] == "e-1"
    assert frames[-1]["type"] == "message_saved"
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))


async def test_a_busy_chat_is_a_conflict_over_http(http, llm, member, collection):
    session, question, answer = await in_thread(
        services.question_ask, user=member, collection=collection, message=QUESTION
    )
    for path, body in (
        (f"messages/{question.pk}/edit", {"message": OTHER}),
        (f"messages/{answer.pk}/regenerate", {}),
    ):
        refused = await http.post(f"/api/chat/{path}", json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "session_busy"), path
    chosen = await http.patch(f"/api/chat/sessions/{session.pk}", json={"head": question.pk})
    assert (chosen.status_code, chosen.json()["error"]["code"]) == (409, "session_busy")
