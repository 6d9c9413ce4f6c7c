"""Chats as files: everything that was known of an answer, in names that any file system takes."""

import io
import json
import zipfile
from itertools import pairwise
from urllib.parse import unquote

import pytest

from chat.export import file_name
from chat.models import ChatSession, Message, MessageStatus
from chat.services import AnswerResult, answer_finish, answer_sources_set, feedback_set, question_ask
from chat.text import inert
from config.errors import ErrorCode, VerbatimError
from documents.retrieval.types import Passage
from tests.conftest import make_user

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "Full-time staff have 25 days [1]. They may carry over nine [2]. Many firms do so."
SENTENCES = [
    {
        "start": start,
        "end": end,
        "markers": [marker],
        "supported": marker == 1,
        "unsupported_markers": [] if marker == 1 else [marker],
        "missing": missing,
        "why": why,
    }
    for start, end, marker, missing, why in ((0, 33, 1, [], ""), (34, 63, 2, ["nine"], "number"))
]


def body(response) -> bytes:
    assert response.status_code == 200
    return b"".join(response)


def passage(name, content, **place) -> Passage:
    return Passage(
        chunk_id=0,
        document_id=0,
        document_name=name,
        content=content,
        similarity_score=0.8,
        score=1.0,
        **place,
    )


@pytest.fixture
def told(member, collection) -> ChatSession:
    """A chat with a good answer, a stopped one and a failed one."""
    session, _, answer = question_ask(
        user=member, collection=collection, message="How many *days*?\nAnd why?"
    )
    found = [
        passage("hand[book].pdf", "Staff have 25 days.\n![x](https://evil.example/p)", page=5, page_to=6),
        passage("carry.csv", "item=leave", rows=(3, 4)),
    ]
    not_ready = {"count": 2, "names": ["new.txt"]}
    answer_sources_set(message_id=answer.pk, passages=found, trace={"query": "q", "not_ready": not_ready})
    result = AnswerResult(
        status=MessageStatus.COMPLETE,
        content=TEXT,
        finish_reason="stop",
        cited=frozenset({1, 2}),
        supported={1: True, 2: False},
        usage={"prompt_tokens": 9},
        trace={"sentences": SENTENCES, "general_parts": [{"start": 64, "end": 81}]},
    )
    answer_finish(message_id=answer.pk, result=result)
    Message.objects.filter(pk=answer.pk).update(llm_provider="ollama", llm_model_name="llama3.2")
    feedback_set(answer=answer, rating="down", comment="nine is wrong")
    stopped = question_ask(user=member, collection=collection, message="More?", session=session)[2]
    answer_finish(message_id=stopped.pk, result=AnswerResult(MessageStatus.STOPPED, "Half an", "stopped"))
    failed = question_ask(user=member, collection=collection, message="Again?", session=session)[2]
    error = VerbatimError(ErrorCode.LLM_TIMEOUT)
    answer_finish(message_id=failed.pk, result=AnswerResult(MessageStatus.FAILED, "", "error", error=error))
    return session


def test_markdown_holds_what_was_known_of_each_answer(client_for, told, member, collection):
    response = client_for(member).get(f"/api/chat/sessions/{told.pk}/export")
    text = body(response).decode()
    assert response["Content-Type"].startswith("text/markdown")
    for piece in (
        "# How many days? And why?",
        "Model: Handbook",
        "> How many *days*?\n> And why?",
        "by ollama llama3.2",
        TEXT,
        "*(Not supported by its passage: “They may carry over nine \\[2\\].”)*",
        "*(General knowledge, from no passage: “Many firms do so.”)*",
        "*(Still being read then, so not in this answer: new.txt and 1 more)*",
        "\\[1\\] hand\\[book\\].pdf, pages 5-6 (supported; deleted since)",
        "> Staff have 25 days.\n> \\![x](https://evil.example/p)",
        "\\[2\\] carry.csv, rows 3-4 (not supported by its passage; deleted since)",
        "Half an\n\n*(Stopped by its reader)*",
        "(no text)\n\n*(Failed)*",
        "*(The language model took too long. Try again, or choose a smaller model.)*",
        f"## Question, {told.created_at:%Y-%m-%d %H:%M} UTC",
    ):
        assert piece in text, text


def test_json_holds_the_same_for_programs(client_for, told, member):
    exported = json.loads(body(client_for(member).get(f"/api/chat/sessions/{told.pk}/export?format=json")))
    assert exported["session_id"] == str(told.pk)
    question, answer, *_, failed = exported["messages"]
    assert question["content"] == "How many *days*?\nAnd why?"
    assert (answer["llm_provider"], answer["llm_model_name"]) == ("ollama", "llama3.2")
    assert answer["sources"][0]["chunk_content"].startswith("Staff have 25 days.")
    assert [source["supported"] for source in answer["sources"]] == [True, False]
    assert answer["sentences"] == SENTENCES
    assert answer["general_parts"] == [{"start": 64, "end": 81}]
    assert answer["not_ready"] == {"count": 2, "names": ["new.txt"]}
    assert answer["feedback"] == {"rating": "down", "comment": "nine is wrong"}
    assert answer["completed_at"].endswith("Z")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "llm_timeout")


def test_all_chats_of_mine_come_as_one_zip(client_for, told, member, stranger, collection):
    olga = make_user("olga@example.com")
    collection.users.add(olga)
    question_ask(user=olga, collection=collection, message="Olga's canary")
    others = ChatSession.objects.bulk_create(
        ChatSession(user=member, collection=collection, title="Same") for _ in range(120)
    )
    sessions = [told, *others]
    response = client_for(member).get("/api/chat/export")
    assert response["Content-Type"] == "application/zip"
    content = body(response)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert sorted(names) == sorted(file_name(one, form) for one in sessions for form in ("md", "json"))
        assert TEXT in archive.read(file_name(told, "md")).decode()
        assert json.loads(archive.read(file_name(told, "json")))["title"] == told.title
        assert not any(b"canary" in archive.read(name) for name in names)
    only = body(client_for(member).get("/api/chat/export?format=md"))
    assert len(zipfile.ZipFile(io.BytesIO(only)).namelist()) == 121
    assert zipfile.ZipFile(io.BytesIO(body(client_for(stranger).get("/api/chat/export")))).namelist() == []
    assert client_for(member).get("/api/chat/export?format=exe").status_code == 400
    collection.users.remove(member)
    assert zipfile.ZipFile(io.BytesIO(body(client_for(member).get("/api/chat/export")))).namelist() == []


def test_a_long_chat_is_read_a_page_at_a_time(client_for, member, collection):
    session = ChatSession.objects.create(user=member, collection=collection, title="Long")
    made = Message.objects.bulk_create(
        Message(session=session, role="user", content=f"Question {number}") for number in range(350)
    )
    for above, message in pairwise(made):
        message.parent = above
    Message.objects.bulk_update(made, ["parent"])
    ChatSession.objects.update(head=made[-1])
    exported = json.loads(body(client_for(member).get(f"/api/chat/sessions/{session.pk}/export?format=json")))
    assert [one["content"] for one in exported["messages"]] == [f"Question {n}" for n in range(350)]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Annual leave?", "-annual-leave-"),
        ("Über Größe & Maß", "-über-größe-maß-"),
        ("年次有給休暇は何日?", "-年次有給休暇は何日-"),
        ("../../etc/passwd", "-etc-passwd-"),
        ('a"b\\c:d*e?f<g>h|i\u202e.exe', "-a-b-c-d-e-f-g-h-i-exe-"),
        ("", "-"),
    ],
)
def test_file_names_are_readable_and_safe(client_for, member, collection, title, words):
    session = ChatSession.objects.create(user=member, collection=collection, title=title)
    name = f"{session.created_at:%Y-%m-%d}{words}{session.pk.hex[:8]}.md"
    assert file_name(session, "md") == name
    response = client_for(member).get(f"/api/chat/sessions/{session.pk}/export")
    assert name in unquote(response["Content-Disposition"])
    assert response["Content-Disposition"].startswith("attachment; ")


def test_exported_markdown_fetches_nothing_and_keeps_code():
    assert (
        inert("![a](http://x) <img src=y> a < b <https://z>")
        == "\\![a](http://x) \\<img src=y> a < b \\<https://z>"
    )
    code = "```html\n<img src=x>\n```"
    assert inert(f"{code}\n<b>") == f"{code}\n\\<b>"
    assert inert("- ```\n  <b>\n  ```\n<b>") == "- ```\n  <b>\n  ```\n\\<b>"
