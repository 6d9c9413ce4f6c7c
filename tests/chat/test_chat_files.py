"""Files of one chat: how many it may hold, that they go with it, and answers that did not wait for them."""

import time
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chat.engine.threads import in_thread
from chat.models import ChatSession, MessageTrace
from chat.services import session_create, session_delete
from documents.ingestion import storage
from documents.models import UNFINISHED, Document, MediaType, Status
from tests.chat.conftest import QUESTION
from tests.chat.test_socket import ask
from tests.documents.files import make_pdf
from tests.documents.tus import VERSION, metadata

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(member, collection):
    return session_create(user=member, collection=collection)


@pytest.fixture
def upload(client_for, member, session):
    """A function: content -> the answer of attaching it."""

    def send(content: bytes, name: str = "note.txt"):
        file = SimpleUploadedFile(name, content)
        given = {"file": file, "model_id": session.collection_id, "session_id": str(session.pk)}
        return client_for(member).post("/api/chat/upload", given, format="multipart")

    return send


def waiting(collection, name, uploader, session_id=None, **fields):
    """A document that is being read for the first time."""
    return Document.objects.create(
        collection=collection,
        session_id=session_id,
        name=name,
        media_type=MediaType("text/plain"),
        size=10,
        sha256=uuid.uuid4().hex * 2,
        status=Status.PROCESSING,
        uploaded_by=uploader,
        **fields,
    )


async def test_an_answer_says_what_was_not_ready_when_it_was_written(
    connect, llm, client_for, member, admin, collection
):
    session = await in_thread(lambda: session_create(user=member, collection=collection))
    other = await in_thread(lambda: session_create(user=member, collection=collection))
    for name, uploader, of in (
        ("shared.pdf", admin, None),
        ("mine.txt", member, session.pk),
        ("elsewhere.txt", member, other.pk),
    ):
        await in_thread(waiting, collection, name, uploader, of)
    socket = await connect(member)
    await ask(socket, collection, QUESTION, session_id=str(session.pk))
    end = (await socket.hear_until("message_saved"))[-2]
    wanted = {"count": 2, "names": ["mine.txt", "shared.pdf"]}
    assert (end["type"], end["finish_reason"], end["not_ready"]) == ("stream_end", "stop", wanted)
    assert end["sources"] != []  # no refusal
    trace = await in_thread(lambda: MessageTrace.objects.get(message_id=end["message_id"]).data)
    assert trace["not_ready"] == wanted
    path = f"/api/chat/sessions/{session.pk}/messages"
    stored = await in_thread(lambda: client_for(member).get(path).json()["results"])
    assert [message["not_ready"] for message in stored] == [None, wanted]


async def test_nothing_is_said_when_all_was_ready_and_a_refusal_counts_the_same(
    connect, llm, member, admin, collection
):
    socket = await connect(member)
    await ask(socket, collection, QUESTION)
    assert (await socket.hear_until("message_saved"))[-2]["not_ready"] is None
    for number in range(7):
        await in_thread(waiting, collection, f"{number}.pdf", admin)
    await ask(socket, collection, "Who painted the ceiling of the Sistine Chapel?")
    end = (await socket.hear_until("message_saved"))[-2]
    assert end["not_ready"] == {"count": 7, "names": [f"{number}.pdf" for number in range(5)]}
    assert "7 more documents are still being processed" in end["content"]


def test_a_chat_holds_so_many_files_and_no_more(upload, settings, session, member, admin, collection):
    settings.CHAT_MAX_FILES = 2
    assert upload(b"One.").status_code == upload(b"Two.").status_code == 202
    kept = set(storage.files_older_than(-60))
    refused = upload(b"Three.")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (409, "chat_files_full")
    assert error["message"] == "A chat may hold 2 files, no more."
    assert error["details"]["next_step"] == "Remove a file from it, or begin another chat."
    assert upload(b"One.").status_code == 202  # the same bytes are the same document
    assert set(storage.files_older_than(-60)) == kept  # the refused bytes are gone
    Document.objects.filter(session_id=session.pk).first().delete()
    assert upload(b"Three.").status_code == 202


def test_the_files_of_a_chat_have_so_many_megabytes_and_no_more(
    upload, settings, client_for, session, member, admin, collection
):
    settings.CHAT_MAX_FILES_MB = 1
    waiting(collection, "shared.pdf", admin)
    waiting(collection, "big.txt", member, session.pk)
    Document.objects.filter(name="big.txt").update(size=1024 * 1024 - 4)
    assert (
        upload(b"12345").json()["error"]["message"] == "The files of a chat may have 1 MB together, no more."
    )
    assert upload(b"1234").status_code == 202
    headers = {
        **VERSION,
        "Upload-Length": "5",
        "Upload-Metadata": metadata(
            filename="more.txt", model_id=str(collection.pk), session_id=str(session.pk)
        ),
    }
    begun = client_for(member).post("/api/uploads", headers=headers)  # told before a byte is sent
    assert (begun.status_code, begun.json()["error"]["code"]) == (409, "chat_files_full")


def test_the_files_go_with_the_chat_also_when_its_user_may_not_use_the_model_any_more(
    upload, session, member, collection
):
    upload(b"The parking code is 4711.")
    stored = storage.path_of(Document.objects.get().stored_name)
    assert stored.exists()
    collection.users.clear()
    session_delete(session=session)
    assert not Document.objects.exists()
    assert not stored.exists()


BEGUN_WITH = [(b"", 400, "file_empty"), (b"\x00\x01\x02\x03" * 99, 415, "file_type_unsupported")]


@pytest.mark.parametrize(("content", "status", "code"), BEGUN_WITH)
def test_a_refused_file_begins_no_chat(client_for, member, collection, content, status, code):
    body = {"file": SimpleUploadedFile("a.bin", content), "model_id": collection.pk}
    refused = client_for(member).post("/api/chat/upload", body, format="multipart")
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert not ChatSession.objects.exists()


def test_a_file_that_cannot_be_stored_begins_no_chat_and_one_that_can_begins_one(
    client_for, member, collection, monkeypatch
):
    def full(file):
        raise OSError(28, "No space left on device")

    body = {"file": SimpleUploadedFile("a.txt", b"text"), "model_id": collection.pk}
    client = client_for(member)
    with monkeypatch.context() as patched:
        patched.setattr(storage, "store", full)
        assert client.post("/api/chat/upload", body, format="multipart").status_code == 500
    assert not ChatSession.objects.exists()
    body["file"].seek(0)
    taken = client.post("/api/chat/upload", body, format="multipart")
    assert (taken.status_code, taken.json()["session_id"]) == (202, str(ChatSession.objects.get().pk))


def test_a_refused_file_leaves_the_chat_that_was_there(upload, session):
    assert upload(b"").status_code == 400
    assert ChatSession.objects.get() == session


PDF = make_pdf(["Nothing of interest.", "The parking code of the harbour office is 4711."])
CSV = b"place,parking code\nharbour office,4711\ntown hall,9203\n"
QUESTION_OF_FILE = "What is the parking code of the harbour office?"


@pytest.mark.parametrize(
    ("name", "content", "media_type", "place"),
    [("codes.pdf", PDF, "application/pdf", (2, None)), ("codes.csv", CSV, "text/csv", (None, [1, 2]))],
    ids=["pdf", "csv"],
)
def test_a_pdf_and_a_table_are_read_answer_with_their_place_and_are_the_chats_alone(
    celery_worker, upload, client_for, session, member, collection, name, content, media_type, place
):
    taken = upload(content, name).json()
    assert (taken["name"], taken["media_type"]) == (name, media_type)
    assert taken["status"] in ("queued", "processing")  # a worker may be quick
    mine = client_for(member)
    deadline = time.monotonic() + 60
    while (document := mine.get(f"/api/documents/{taken['id']}").json())["status"] in UNFINISHED:
        assert time.monotonic() < deadline, document
        time.sleep(0.1)
    assert document["status"] == "completed", document
    asked = {"model_id": collection.pk, "message": QUESTION_OF_FILE, "session_id": str(session.pk)}
    answer = mine.post("/api/chat/chat", asked, format="json").json()
    assert "4711" in answer["answer"]
    source = next(one for one in answer["sources"] if "4711" in one["chunk_content"])
    assert source["document_name"] == name
    assert (source["page"], source["rows"]) == place
    elsewhere = mine.post("/api/chat/chat", asked | {"session_id": None}, format="json").json()
    assert (elsewhere["sources"], "4711" in elsewhere["answer"]) == ([], False)
