"""The chat over HTTP: asking, streaming, reading, judging, exporting; what strangers see; what is hidden."""

import asyncio
import json

import httpx
import pytest
from django.urls import reverse

from accounts import tokens
from accounts.models import User
from chat.engine.threads import in_thread
from chat.models import ChatSession, Message, MessageSource
from chat.services import AnswerResult, answer_finish, answer_sources_set, question_ask
from config.errors import ErrorCode, VerbatimError
from documents.models import Document
from documents.retrieval.types import Passage
from tests.chat.conftest import ANSWER, QUESTION, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def turn(passages, member, collection):
    """A finished turn of `member`: (session, question, answer)."""
    session, question, answer = question_ask(user=member, collection=collection, message=QUESTION)
    chunk = passages.chunks.first()
    found = Passage(
        chunk_id=chunk.pk,
        document_id=passages.pk,
        document_name=passages.name,
        content=chunk.content,
        similarity_score=0.87,
        score=1.0,
        page=5,
    )
    answer_sources_set(message_id=answer.pk, passages=[found], trace={"query": QUESTION})
    finished = answer_finish(
        message_id=answer.pk,
        result=AnswerResult(
            status="complete",
            content="".join(ANSWER),
            finish_reason="stop",
            cited=frozenset({1}),
            supported={1: True},
        ),
    )
    return session, question, finished


async def test_asking_without_streaming_gives_the_whole_answer(http, llm, collection):
    answer = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["answer"] == "".join(ANSWER)
    assert body["sources"][0]["chunk_content"].startswith("Full-time staff")
    assert body["sources"][0]["supported"] is True
    assert body["usage"]["prompt_tokens"] == 7
    again = await http.post(
        "/api/chat/chat/",
        json={"model_id": collection.pk, "message": QUESTION, "session_id": body["session_id"]},
    )
    assert again.json()["session_id"] == body["session_id"]
    listed = (await http.get(f"/api/chat/sessions/{body['session_id']}/messages")).json()
    assert listed["count"] == 4
    assert [message["role"] for message in listed["results"]] == ["user", "assistant"] * 2


async def test_an_llm_error_is_the_answers_status_and_the_partial_text_is_kept(http, llm, collection):
    llm.script = [ANSWER[0], VerbatimError(ErrorCode.LLM_TIMEOUT)]
    answer = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})
    assert answer.status_code == 504
    error = answer.json()["error"]
    assert error["code"] == "llm_timeout"
    assert error["details"]["answer"] == ANSWER[0]
    assert (await stored(error["details"]["message_id"])).content == ANSWER[0]


async def test_what_to_do_about_an_error_is_still_told_after_a_reload(http, llm, collection):
    llm.script = [VerbatimError(ErrorCode.LLM_MODEL_NOT_FOUND, "No such model.", next_step="Pull it.")]
    await in_thread(User.objects.filter(role="user").update, role="admin")  # who may see a model's settings
    answer = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})
    error = answer.json()["error"]
    assert (error["message"], error["details"]["next_step"]) == ("No such model.", "Pull it.")
    listed = await http.get(f"/api/chat/sessions/{error['details']['session_id']}/messages")
    told = listed.json()["results"][1]["error"]
    assert (told["message"], told["next_step"]) == ("No such model.", "Pull it.")


async def test_the_event_stream_speaks_the_sockets_frames(http, llm, collection):
    frames = []
    async with http.stream(
        "POST",
        "/api/chat/stream",
        json={"model_id": collection.pk, "message": QUESTION},
        headers={"Accept": "text/event-stream"},
    ) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                frames.append(json.loads(line[6:]))
    kinds = [frame["type"] for frame in frames if frame["type"] != "stream_chunk"]
    assert kinds == ["user_message", "sources", "stream_start", "stream_end", "message_saved"]
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    text = "".join(frame["content"] for frame in frames if frame["type"] == "stream_chunk")
    assert text == (await stored(frames[0]["message_id"])).content == "".join(ANSWER)


async def test_leaving_the_event_stream_does_not_lose_the_answer(http, llm, collection):
    gate = asyncio.Event()
    llm.script = [ANSWER[0], gate, *ANSWER[1:]]
    async with http.stream(
        "POST", "/api/chat/stream", json={"model_id": collection.pk, "message": QUESTION}
    ) as response:
        async for line in response.aiter_lines():
            if "stream_chunk" in line:
                message_id = json.loads(line[6:])["message_id"]
                break
    gate.set()
    async with asyncio.timeout(5):
        while (await stored(message_id)).status == "streaming":
            await asyncio.sleep(0.05)
    assert (await stored(message_id)).content == "".join(ANSWER)


@pytest.mark.parametrize("address", ["/api/chat/chat", "/api/chat/stream"])
async def test_refusals_come_as_json_with_their_status(http, llm, server, collection, stranger, address):
    for body, status, code in [
        ({"model_id": collection.pk, "message": ""}, 400, "message_empty"),
        ({"model_id": collection.pk, "message": "x" * 9000}, 400, "message_too_long"),
        ({"model_id": 999999, "message": "x"}, 404, "not_found"),
        ({"model_id": "x", "message": "x"}, 400, "validation_error"),
        ({"message": "x"}, 400, "validation_error"),
        ({"model_id": collection.pk, "message": "x", "session_id": "1"}, 400, "validation_error"),
    ]:
        answer = await http.post(address, json=body, headers={"Accept": "text/event-stream, */*"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), body
    answer = await http.post(address, content=b"{", headers={"Content-Type": "application/json"})
    assert answer.json()["error"]["code"] == "malformed_request"
    body = {"model_id": collection.pk, "message": QUESTION}
    async with httpx.AsyncClient(base_url=str(http.base_url), trust_env=False) as nobody:
        assert (await nobody.post(address, json=body)).status_code == 401
    access = (await in_thread(tokens.issue, stranger))["access"]
    answer = await http.post(address, json=body, headers={"Authorization": f"Bearer {access}"})
    assert answer.status_code == 404


async def test_the_session_cookie_needs_the_csrf_token_to_ask(http, llm, member, collection):
    from django.test import Client

    def sign_in() -> str:
        client = Client()
        client.force_login(member)
        return client.cookies["sessionid"].value

    cookies = {"sessionid": await in_thread(sign_in)}
    body = {"model_id": collection.pk, "message": QUESTION}
    for address in ("/api/chat/chat", "/api/chat/stream"):
        async with httpx.AsyncClient(
            base_url=str(http.base_url), trust_env=False, cookies=cookies
        ) as browser:
            answer = await browser.post(address, json=body)
            assert answer.status_code == 403, answer.text
            token = "a" * 32
            browser.cookies["csrftoken"] = token
            answer = await browser.post(address, json=body, headers={"X-CSRFToken": token})
            assert answer.status_code == 200, answer.text
    assert await in_thread(Message.objects.count) == 4


def test_sessions_are_listed_renamed_and_deleted_by_their_owner_alone(
    client_for, turn, member, stranger, admin, superadmin
):
    session, _, answer = turn
    mine = client_for(member)
    listed = mine.get("/api/chat/sessions").json()
    assert [row["id"] for row in listed["results"]] == [str(session.pk)]
    assert listed["results"][0]["title"] == QUESTION
    assert mine.get("/api/chat/sessions?search=hotel").json()["count"] == 0
    assert mine.get(f"/api/chat/sessions?model_id={session.collection_id}").json()["count"] == 1
    for person in (stranger, admin, superadmin):
        other = client_for(person)
        assert other.get("/api/chat/sessions").json()["count"] == 0
        assert other.get("/api/chat/history").json()["count"] == 0
        for method, path, body in [
            ("get", f"/api/chat/sessions/{session.pk}", None),
            ("patch", f"/api/chat/sessions/{session.pk}", {"title": "stolen"}),
            ("delete", f"/api/chat/sessions/{session.pk}", None),
            ("get", f"/api/chat/sessions/{session.pk}/messages", None),
            ("get", f"/api/chat/sessions/{session.pk}/export?format=json", None),
            ("post", f"/api/chat/messages/{answer.pk}/feedback", {"rating": "up"}),
            ("get", f"/api/chat/messages/{answer.pk}/trace", None),
        ]:
            reply = getattr(other, method)(path, body, format="json")
            assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found"), (person, path)
    renamed = mine.patch(f"/api/chat/sessions/{session.pk}/", {"title": " Leave "}, format="json")
    assert renamed.json()["title"] == "Leave"
    assert mine.patch(f"/api/chat/sessions/{session.pk}", {"title": ""}, format="json").status_code == 400
    assert mine.delete(f"/api/chat/sessions/{session.pk}").status_code == 204
    assert not ChatSession.objects.exists()


def test_messages_come_with_sources_html_error_and_feedback_in_few_queries(
    client_for, turn, member, django_assert_max_num_queries
):
    session, question, answer = turn
    mine = client_for(member)
    body = {"rating": "down", "comment": "too short"}
    assert mine.post(f"/api/chat/messages/{answer.pk}/feedback", body, format="json").json() == body
    assert (
        mine.post(f"/api/chat/messages/{answer.pk}/feedback", {"rating": "x"}, format="json").status_code
        == 400
    )
    with django_assert_max_num_queries(8):  # session, repair, count, messages + feedback, sources
        listed = mine.get(f"/api/chat/sessions/{session.pk}/messages").json()["results"]
    assert [row["id"] for row in listed] == [question.pk, answer.pk]
    assert listed[0]["html"] is None
    assert 'class="cite"' in listed[1]["html"]
    assert listed[1]["feedback"] == body
    assert listed[1]["error"] is None
    source = listed[1]["sources"][0]
    assert (source["page"], source["similarity_score"], source["supported"]) == (5, 0.87, True)
    assert (
        mine.post(f"/api/chat/messages/{question.pk}/feedback", {"rating": "up"}, format="json").status_code
        == 404
    )
    trace = mine.get(f"/api/chat/messages/{answer.pk}/trace").json()
    assert trace["trace"]["query"] == QUESTION
    history = mine.get(f"/api/chat/history?model_id={session.collection_id}&ordering=-id").json()
    assert [row["id"] for row in history["results"]] == [answer.pk, question.pk]


def test_a_source_of_a_deleted_document_says_so_and_keeps_its_passage(client_for, turn, member):
    session, _, answer = turn
    Document.objects.all().delete()
    for path in (f"/api/chat/sessions/{session.pk}/messages", "/api/chat/history"):
        source = client_for(member).get(path).json()["results"][1]["sources"][0]
        assert source["document_deleted"] is True
        assert source["chunk_content"] == MessageSource.objects.get().content != ""
        assert source["document_id"] is None


def test_who_loses_his_access_does_not_read_the_old_answers_any_more(client_for, turn, member, collection):
    session, _, answer = turn
    collection.users.clear()
    mine = client_for(member)
    assert mine.get("/api/chat/sessions").json()["count"] == 0
    assert mine.get(f"/api/chat/sessions/{session.pk}/messages").status_code == 404
    assert mine.get(f"/api/chat/messages/{answer.pk}/trace").status_code == 404


def test_a_file_of_one_chat_is_stored_for_that_chat_alone(client_for, turn, member, stranger, collection):
    from django.core.files.uploadedfile import SimpleUploadedFile

    session, _, _ = turn
    body = {
        "file": SimpleUploadedFile("note.txt", b"The parking code is 4711."),
        "model_id": collection.pk,
        "session_id": str(session.pk),
    }
    reply = client_for(stranger).post("/api/chat/upload", body, format="multipart")
    assert reply.status_code == 404
    body["file"].seek(0)
    reply = client_for(member).post("/api/chat/upload", body, format="multipart")
    assert reply.status_code == 202, reply.content
    assert reply.json()["session_id"] == str(session.pk)
    assert Document.objects.get(pk=reply.json()["id"]).session_id == session.pk
    assert client_for(member).delete(f"/api/chat/sessions/{session.pk}").status_code == 204
    assert not Document.objects.filter(session_id=session.pk).exists()


def test_an_empty_session_is_begun_with_a_model_that_one_may_use(client_for, collection, member, stranger):
    begun = client_for(member).post("/api/chat/sessions", {"model_id": collection.pk}, format="json")
    assert begun.status_code == 201
    session = ChatSession.objects.get(pk=begun.json()["id"])
    assert (session.user, session.collection) == (member, collection)
    refused = client_for(stranger).post("/api/chat/sessions", {"model_id": collection.pk}, format="json")
    assert refused.status_code == 404
    assert client_for(member).post("/api/chat/sessions", {}, format="json").status_code == 400


@pytest.mark.parametrize(
    "name",
    [
        "api-chat",
        "api-chat-stream",
        "api-chat-sessions",
        "api-chat-history",
        "api-chat-upload",
    ],
)
def test_nobody_gets_in_without_signing_in(client_for, db, name):
    client = client_for(None)
    for path in (reverse(name), reverse(name) + "/"):
        assert client.get(path).status_code == 401
        assert client.post(path, {}, format="json").status_code == 401


async def test_an_answer_that_no_passage_backs_says_so_everywhere(http, llm, collection):
    llm.script = ["The moon ", "is made of green cheese."]
    asked = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})
    assert asked.json()["uncited"] is True, asked.json()
    given = asked.json()["sources"]
    assert [(source["cited"], source["likely"]) for source in given] == [(False, False)] * len(given) != []
    session_id = asked.json()["session_id"]
    history = await http.get(f"/api/chat/sessions/{session_id}/messages")
    assert [message["uncited"] for message in history.json()["results"]] == [False, True]
    export = await http.get(f"/api/chat/sessions/{session_id}/export?format=md")
    assert "no passage backs this answer" in export.text


async def test_a_cited_answer_and_a_refusal_are_not_called_uncited(http, llm, collection):
    cited = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})
    assert cited.json()["uncited"] is False
    await in_thread(Document.objects.filter(collection=collection).delete)
    refused = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": QUESTION})
    assert refused.json()["sources"] == []
    assert refused.json()["uncited"] is False
