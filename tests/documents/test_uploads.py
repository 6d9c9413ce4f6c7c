"""Resumable uploads: the protocol, who may, and the limits."""

import base64
import errno
import os
import uuid
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import tokens
from chat.models import ChatSession
from collections_app.models import Collection
from documents.ingestion import storage
from documents.models import Document, Upload
from documents.uploads import drafts, services
from tests.conftest import PASSWORD
from tests.documents.test_api import process
from tests.documents.tus import PIECE, VERSION, WORDS, announce, error, metadata, send, stored, whole


@pytest.fixture(autouse=True)
def _no_drafts_of_other_tests():
    for path in drafts.folder().glob("*"):
        path.unlink()


@pytest.fixture
def client(client_for, admin):
    return client_for(admin)


@pytest.fixture
def begun(client, collection) -> str:
    """The path of an upload of WORDS of which nothing has arrived."""
    return announce(client, len(WORDS), model_id=collection.pk)["Location"]


# --- the protocol -----------------------------------------------------------------------------------


def test_options_tell_what_the_server_can_do(client, settings):
    answer = client.options("/api/uploads")
    assert answer.status_code == 204
    assert (answer["Tus-Resumable"], answer["Tus-Version"]) == ("1.0.0", "1.0.0")
    assert set(answer["Tus-Extension"].split(",")) == {"creation", "termination", "expiration"}
    assert int(answer["Tus-Max-Size"]) == settings.MAX_FILE_SIZE_MB * 1024**2


def test_a_file_goes_up_in_pieces_and_becomes_a_document(client, collection, admin):
    answer = announce(client, len(WORDS), filename="notes.txt", model_id=collection.pk)
    assert (answer.status_code, answer["Tus-Resumable"]) == (201, "1.0.0")
    path = answer["Location"]
    assert path.startswith("/api/uploads/")
    expires = parsedate_to_datetime(answer["Upload-Expires"])
    assert timedelta(hours=23) < expires - timezone.now() <= timedelta(hours=24)

    answer = send(client, path, 0, WORDS[:500])
    assert (answer.status_code, answer["Upload-Offset"], answer.content) == (204, "500", b"")
    assert answer["Upload-Expires"]
    answer = client.head(path, headers=VERSION)
    assert (answer.status_code, answer["Upload-Offset"]) == (200, "500")
    assert (answer["Upload-Length"], answer["Cache-Control"]) == (str(len(WORDS)), "no-store")
    assert f"filename {base64.b64encode(b'notes.txt').decode()}" in answer["Upload-Metadata"].split(",")
    assert not Document.objects.exists()

    answer = send(client, path, 500, WORDS[500:])
    assert (answer.status_code, answer["Upload-Offset"]) == (200, str(len(WORDS)))
    document = answer.json()["document"]
    assert (document["name"], document["status"], document["size"]) == ("notes.txt", "queued", len(WORDS))
    assert document["uploaded_by"]["id"] == admin.pk
    assert stored(document["id"]) == WORDS
    assert not Upload.objects.exists()
    assert not list(drafts.folder().glob("*"))
    assert error(send(client, path, 0, WORDS)) == (404, "not_found")


@pytest.mark.parametrize("headers", [{}, {"Tus-Resumable": "0.2.2"}])
def test_another_version_of_the_protocol_is_412_and_changes_nothing(client, begun, headers):
    for answer in (
        client.post("/api/uploads", headers=headers),
        client.patch(begun, WORDS, content_type=PIECE, headers=headers | {"Upload-Offset": "0"}),
        client.delete(begun, headers=headers),
    ):
        assert error(answer) == (412, "upload_protocol")
        assert answer["Tus-Version"] == "1.0.0"
    assert client.head(begun, headers=headers).status_code == 412
    assert Upload.objects.get().received == 0


def test_a_piece_at_the_wrong_place_is_409_and_names_the_right_one(client, begun):
    assert send(client, begun, 0, WORDS[:300]).status_code == 204
    for offset in (0, 299, 301):
        answer = send(client, begun, offset, WORDS[offset:])
        assert error(answer) == (409, "upload_offset")
        assert answer.json()["error"]["details"]["received"] == 300
    assert send(client, begun, 300, WORDS[300:]).status_code == 200


@pytest.mark.parametrize("offset", ["", "-1", "x", "1.5", "9" * 30])
def test_an_offset_that_is_no_number_is_refused(client, begun, offset):
    answer = client.patch(begun, b"x", content_type=PIECE, headers=VERSION | {"Upload-Offset": offset})
    assert error(answer) == (400, "validation_error")
    assert "Upload-Offset" in answer.json()["error"]["details"]


def test_a_piece_of_another_content_type_is_415(client, begun):
    assert error(send(client, begun, 0, b"{}", content_type="application/json")) == (
        415,
        "unsupported_media_type",
    )


def test_an_empty_piece_changes_nothing(client, begun):
    answer = send(client, begun, 0, b"")
    assert (answer.status_code, answer["Upload-Offset"]) == (204, "0")


def test_more_bytes_than_announced_are_refused_and_the_upload_goes_on(client, begun):
    assert error(send(client, begun, 0, WORDS + b"x")) == (400, "malformed_request")
    assert client.head(begun, headers=VERSION)["Upload-Offset"] == "0"
    assert send(client, begun, 0, WORDS).status_code == 200


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Upload-Length": ""}, "Upload-Length"),
        ({"Upload-Length": "-5"}, "Upload-Length"),
        ({"Upload-Length": "many"}, "Upload-Length"),
        ({"Upload-Metadata": ""}, "model_id"),
        ({"Upload-Metadata": metadata(model_id=1)}, "filename"),
        ({"Upload-Metadata": metadata(model_id="x", filename="a.txt")}, "model_id"),
        ({"Upload-Metadata": metadata(model_id=1, filename="a.txt", same_name="odd")}, "same_name"),
        ({"Upload-Metadata": metadata(model_id=1, filename="a.txt", session_id="7")}, "session_id"),
        ({"Upload-Metadata": "filename %%%"}, "Upload-Metadata"),
        ({"Upload-Metadata": "filename /w=="}, "Upload-Metadata"),  # not UTF-8
    ],
)
def test_an_announcement_that_cannot_be_read_says_what_is_wrong(client, collection, headers, field):
    answer = announce(client, 5, model_id=collection.pk, headers=headers)
    assert error(answer) == (400, "validation_error")
    assert field in answer.json()["error"]["details"]
    assert not Upload.objects.exists()


def test_a_name_is_for_display_only(client, collection):
    answer = announce(client, 5, model_id=collection.pk, filename="../../etc\\pass\x00wd\n.txt")
    assert Upload.objects.get().name == "etc/passwd .txt"
    send(client, answer["Location"], 0, b"words")
    assert Document.objects.get().name == "etc/passwd .txt"


def test_an_upload_can_be_given_up(client, begun):
    send(client, begun, 0, WORDS[:100])
    draft = drafts.path_of(uuid.UUID(begun.rsplit("/", 1)[1]))
    assert draft.stat().st_size == 100
    assert client.delete(begun, headers=VERSION).status_code == 204
    assert client.head(begun, headers=VERSION).status_code == 404
    assert not draft.exists()


def test_ones_own_unfinished_uploads_are_listed(client, collection, begun):
    other = Collection.objects.create(name="Other", embedding_model="m", embedding_dimension=384)
    announce(client, 9, model_id=other.pk, filename="b.txt")
    send(client, begun, 0, WORDS[:100])
    assert [row["name"] for row in client.get("/api/uploads").json()] == ["notes.txt", "b.txt"]
    [row] = client.get(f"/api/uploads?model_id={collection.pk}").json()
    assert set(row) == {
        "id", "name", "size", "received", "model_id", "session_id", "created_at", "expires_at",
    }  # fmt: skip
    assert (row["id"], row["received"], row["size"]) == (begun.rsplit("/", 1)[1], 100, len(WORDS))
    assert client.get("/api/uploads?model_id=x").status_code == 400


def test_identical_bytes_answer_with_the_document_that_is_there(client, collection, upload):
    there = upload(WORDS, "first.txt")
    files = sorted(storage.files_older_than(-60))
    answer = whole(client, WORDS, model_id=collection.pk, filename="second.txt")
    assert answer.json()["document"]["id"] == there.pk
    assert sorted(storage.files_older_than(-60)) == files


# --- who may ----------------------------------------------------------------------------------------


def test_only_managers_begin_an_upload_to_a_model(client_for, collection, member, stranger, superadmin):
    def begin(user):
        return announce(client_for(user), 5, model_id=collection.pk).status_code

    assert [begin(member), begin(stranger), begin(superadmin), begin(None)] == [403, 404, 201, 401]
    assert announce(client_for(superadmin), 5, model_id=99999).status_code == 404


@pytest.mark.parametrize("who", ["admin", "member", "stranger", None])
def test_an_upload_is_its_owners_alone(client_for, superadmin, collection, request, who):
    path = announce(client_for(superadmin), len(WORDS), model_id=collection.pk)["Location"]
    client = client_for(request.getfixturevalue(who) if who else None)
    expected = 404 if who else 401
    assert client.head(path, headers=VERSION).status_code == expected
    assert send(client, path, 0, WORDS).status_code == expected
    assert client.delete(path, headers=VERSION).status_code == expected
    if who:
        assert client.get("/api/uploads").json() == []
    assert Upload.objects.get().received == 0


def test_who_loses_his_right_in_the_middle_sends_no_more(client, admin, collection, begun):
    send(client, begun, 0, WORDS[:100])
    admin.role = "user"
    admin.save(update_fields=["role"])
    assert send(client, begun, 100, WORDS[100:]).status_code == 404
    collection.users.add(admin)
    assert error(send(client, begun, 100, WORDS[100:])) == (403, "permission_denied")
    assert Upload.objects.get().received == 100
    assert client.delete(begun, headers=VERSION).status_code == 204


def test_a_deactivated_person_sends_no_more(admin, collection):
    access = tokens.issue(admin)["access"]
    client = Client(headers={"Authorization": f"Bearer {access}"})
    path = announce(client, len(WORDS), model_id=collection.pk)["Location"]
    assert send(client, path, 0, WORDS[:100]).status_code == 204
    admin.is_active = False
    admin.save(update_fields=["is_active"])
    assert send(client, path, 100, WORDS[100:]).status_code == 401


def test_a_cookie_needs_the_csrf_token_for_each_step(admin, collection):
    client = Client(enforce_csrf_checks=True)
    client.login(username=admin.email, password=PASSWORD)
    assert announce(client, len(WORDS), model_id=collection.pk).status_code == 403
    client.get("/")
    token = {"X-CSRFToken": client.cookies["csrftoken"].value}
    path = announce(client, len(WORDS), model_id=collection.pk, headers=token)["Location"]
    assert send(client, path, 0, WORDS).status_code == 403
    assert client.delete(path, headers=VERSION).status_code == 403
    assert send(client, path, 0, WORDS, **token).status_code == 200


def test_a_member_uploads_to_his_own_chat_alone(client_for, member, admin, collection):
    mine = ChatSession.objects.create(user=member, collection=collection)
    foreign = ChatSession.objects.create(user=admin, collection=collection)
    other = Collection.objects.create(name="Other", embedding_model="m", embedding_dimension=384)
    other.users.add(member)
    client = client_for(member)
    for session, model in ((foreign.pk, collection.pk), (uuid.uuid4(), collection.pk), (mine.pk, other.pk)):
        assert announce(client, 5, model_id=model, session_id=session).status_code == 404
    document = whole(client, WORDS, model_id=collection.pk, session_id=mine.pk).json()["document"]
    assert document["session_id"] == str(mine.pk)
    assert client_for(admin).get(f"/api/documents/{document['id']}").status_code == 404

    path = announce(client, 5, model_id=collection.pk, session_id=mine.pk)["Location"]
    mine.delete()
    assert send(client, path, 0, b"words").status_code == 404


def test_a_newer_version_is_for_a_document_of_that_model(client, collection, upload):
    other = Collection.objects.create(name="Other", embedding_model="m", embedding_dimension=384)
    document = upload(b"old words", "a.txt")
    assert announce(client, 5, model_id=other.pk, document_id=document.pk).status_code == 404
    assert announce(client, 5, model_id=collection.pk, document_id=99999).status_code == 404
    path = announce(client, 5, model_id=collection.pk, document_id=document.pk)["Location"]
    assert Upload.objects.get().replaces == document
    client.delete(path, headers=VERSION)


def test_a_newer_version_takes_its_documents_place_when_it_is_ready(client, collection, upload):
    document = process(upload(b"old words", "a.txt"))
    answer = whole(client, WORDS, model_id=collection.pk, document_id=document.pk, filename="b.txt")
    assert answer.json()["document"]["id"] == document.pk
    assert stored(document.pk) == b"old words"  # it is served until then
    assert process(document).size == len(WORDS)
    assert stored(document.pk) == WORDS


def test_a_taken_name_is_treated_as_was_announced(client, collection, upload):
    document = process(upload(b"old words", "a.txt"))
    answer = whole(client, WORDS, model_id=collection.pk, filename="a.txt", same_name="refuse")
    assert error(answer) == (409, "document_name_taken")
    assert not Upload.objects.exists()
    answer = whole(client, WORDS, model_id=collection.pk, filename="a.txt", same_name="replace")
    assert answer.json()["document"]["id"] == document.pk
    answer = whole(client, b"x" + WORDS, model_id=collection.pk, filename="a.txt", same_name="keep")
    assert answer.json()["document"]["id"] != document.pk


# --- limits -----------------------------------------------------------------------------------------


def test_what_is_too_large_or_empty_is_refused_before_the_first_byte(client, collection, settings):
    settings.MAX_FILE_SIZE_MB = 1
    assert error(announce(client, 1024**2 + 1, model_id=collection.pk)) == (413, "file_too_large")
    assert error(announce(client, 0, model_id=collection.pk)) == (400, "file_empty")
    assert announce(client, 1024**2, model_id=collection.pk).status_code == 201


def test_unfinished_uploads_are_few_per_person(client, client_for, superadmin, collection, monkeypatch):
    monkeypatch.setattr(services, "MAX_UNFINISHED", 2)
    paths = [announce(client, 9, model_id=collection.pk)["Location"] for _ in range(2)]
    assert error(announce(client, 9, model_id=collection.pk)) == (409, "uploads_unfinished")
    assert announce(client_for(superadmin), 9, model_id=collection.pk).status_code == 201
    client.delete(paths[0], headers=VERSION)
    assert announce(client, 9, model_id=collection.pk).status_code == 201


def test_announced_bytes_are_bounded_per_person(client, collection, settings):
    settings.MAX_FILE_SIZE_MB = 1
    sizes = [1024**2] * services.MAX_ANNOUNCED_FILES
    assert {announce(client, size, model_id=collection.pk).status_code for size in sizes} == {201}
    assert error(announce(client, 1, model_id=collection.pk)) == (409, "uploads_unfinished")


def test_announcements_are_throttled_and_pieces_are_not(client, collection, settings):
    cache.clear()
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"upload": "2/hour"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    path = announce(client, len(WORDS), model_id=collection.pk)["Location"]
    assert announce(client, 9, model_id=collection.pk).status_code == 201
    assert error(announce(client, 9, model_id=collection.pk)) == (429, "throttled")
    for offset in range(0, 1000, 50):
        assert send(client, path, offset, WORDS[offset : offset + 50]).status_code == 204


def test_a_foreign_file_is_refused_at_its_first_piece(client, collection):
    path = announce(client, 900 * 1024**2 // 4, model_id=collection.pk, filename="report.pdf")["Location"]
    answer = send(client, path, 0, b"MZ\x90\x00" + b"\x00" * 200_000)
    assert error(answer) == (415, "file_type_unsupported")
    assert not Upload.objects.exists()
    assert not list(drafts.folder().glob("*"))


def test_a_foreign_file_in_tiny_pieces_is_refused_once_enough_is_there(client, collection):
    content = b"MZ\x90\x00" + b"\x00" * 70_000
    path = announce(client, 1024**2, model_id=collection.pk, filename="report.pdf")["Location"]
    assert send(client, path, 0, content[:1000]).status_code == 204
    assert send(client, path, 1000, content[1000:]).status_code == 415


def test_a_zip_for_a_chat_is_refused_with_what_to_do(client_for, member, collection):
    session = ChatSession.objects.create(user=member, collection=collection)
    answer = whole(
        client_for(member), b"PK\x03\x04" + b"\x00" * 99, model_id=collection.pk, filename="a.zip",
        session_id=session.pk,
    )  # fmt: skip
    assert error(answer) == (415, "file_type_unsupported")
    assert "unpack" in answer.json()["error"]["details"]["next_step"]


def test_a_full_disk_keeps_what_has_arrived(client, begun, monkeypatch):
    send(client, begun, 0, WORDS[:300])
    real, calls = os.pwrite, []

    def full(*args):
        calls.append(1)
        if len(calls) == 1:
            return real(args[0], args[1][:10], args[2])  # a little still fits
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert error(send(client, begun, 300, WORDS[300:])) == (507, "storage_full")
    monkeypatch.setattr(os, "pwrite", real)
    assert drafts.path_of(Upload.objects.get().pk).stat().st_size == 300
    assert client.head(begun, headers=VERSION)["Upload-Offset"] == "300"
    answer = send(client, begun, 300, WORDS[300:])
    assert stored(answer.json()["document"]["id"]) == WORDS


def test_a_disk_that_is_nearly_full_refuses_announcements_and_pieces(client, collection, begun, monkeypatch):
    monkeypatch.setattr(storage, "RESERVE_BYTES", 1 << 60)
    assert error(announce(client, 5, model_id=collection.pk)) == (507, "storage_full")
    assert error(send(client, begun, 0, WORDS)) == (507, "storage_full")
    monkeypatch.undo()
    assert send(client, begun, 0, WORDS).status_code == 200
