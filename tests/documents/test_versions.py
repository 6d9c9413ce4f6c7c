"""A newer file in an older one's place: the old version answers until the new one is complete."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from config.errors import ErrorCode, VerbatimError
from documents import services
from documents.ingestion import storage
from documents.ingestion.part import part_process
from documents.ingestion.split import document_split
from documents.models import Chunk, Document, DocumentPart, Status

OLD, NEW = b"The harbour opened in 1901.", b"The harbour opened in 1902, the records say now."


def build(document: Document) -> Document:
    """Do everything that the workers would."""
    waiting = document_split(document_id=document.pk)
    while waiting:
        waiting += part_process(part_id=waiting.pop(0))
    document.refresh_from_db()
    return document


def replace(admin, document: Document, content: bytes, name: str = "a.txt") -> Document:
    return services.document_replace(actor=admin, document=document, file=SimpleUploadedFile(name, content))


def words(document: Document) -> list[str]:
    """What readers find."""
    rows = Chunk.objects.filter(document=document, generation=document.active_generation)
    return list(rows.values_list("content", flat=True))


@pytest.fixture
def old(db, upload) -> Document:
    return build(upload(OLD, "a.txt"))


def test_the_old_version_serves_until_the_new_one_takes_its_place(
    old, admin, client_for, django_capture_on_commit_callbacks
):
    first_file = storage.path_of(old.stored_name)
    document = replace(admin, old, NEW, "b.txt")
    body = client_for(admin).get(f"/api/documents/{old.pk}").json()
    assert (body["name"], body["status"], body["serving"]) == ("a.txt", "queued", True)
    assert body["replacing"] == {"name": "b.txt", "size": len(NEW)}
    assert (words(document), body["version"], body["sha256"]) == ([OLD.decode()], 1, old.sha256)
    with django_capture_on_commit_callbacks(execute=True):
        document = build(document)
    assert (document.pk, document.status, document.version) == (old.pk, Status.COMPLETED, 2)
    assert (document.name, document.size, document.next_source) == ("b.txt", len(NEW), None)
    assert words(document) == [NEW.decode()]
    assert Chunk.objects.count() == document.chunk_count == document.served_chunks == 1
    assert not first_file.exists()
    assert storage.path_of(document.stored_name).read_bytes() == NEW


@pytest.mark.parametrize("end", ["fails", "is cancelled"])
def test_a_version_that_does_not_come_about_leaves_the_old_one(
    old, admin, end, django_capture_on_commit_callbacks
):
    document = replace(admin, old, NEW)
    newer_file = storage.path_of(document.next_source["stored_name"])
    with django_capture_on_commit_callbacks(execute=True):
        if end == "fails":
            newer_file.write_bytes(b" \n ")
            build(document)
        else:
            services.document_cancel(actor=admin, document=document)
    document.refresh_from_db()
    assert document.status == (Status.FAILED if end == "fails" else Status.CANCELLED)
    assert "earlier version still answers" in document.error_message
    assert (words(document), document.name, document.next_source) == ([OLD.decode()], "a.txt", None)
    assert document.chunk_count == 1
    assert not newer_file.exists()
    services.document_reprocess(actor=admin, document=document)
    assert build(document).status == Status.COMPLETED
    assert words(document) == [OLD.decode()]


def test_a_second_replacement_waits_for_the_first(old, admin):
    replace(admin, old, NEW)
    files = set(storage.files_older_than(-1))
    with pytest.raises(VerbatimError) as caught:
        replace(admin, old, b"Still other words.")
    assert caught.value.code == ErrorCode.DOCUMENT_BUSY
    assert set(storage.files_older_than(-1)) == files


def test_bytes_are_one_documents_also_while_they_wait_to_be(old, admin, upload):
    other = build(upload(NEW, "other.txt"))
    with pytest.raises(VerbatimError) as caught:
        replace(admin, old, NEW)
    assert (caught.value.code, caught.value.details["document_id"]) == (
        ErrorCode.DOCUMENT_BYTES_TAKEN,
        other.pk,
    )
    third = b"Bytes on their way."
    replace(admin, old, third)
    assert upload(third, "again.txt").pk == old.pk
    assert Document.objects.count() == 2


def test_the_same_name_is_kept_replaced_or_refused_as_asked(old, upload):
    assert upload(OLD, "a.txt", same_name="refuse").pk == old.pk  # the same bytes are the same document
    with pytest.raises(VerbatimError) as caught:
        upload(NEW, "a.txt", same_name="refuse")
    assert (caught.value.code, caught.value.details["document_id"]) == (
        ErrorCode.DOCUMENT_NAME_TAKEN,
        old.pk,
    )
    assert upload(b"Third words.", "a.txt").pk != old.pk
    newest = Document.objects.latest("pk")
    build(newest)
    assert upload(NEW, "a.txt", same_name="replace").pk == newest.pk
    assert Document.objects.count() == 2


def test_deleting_while_a_version_is_built_removes_both_files(old, admin, django_capture_on_commit_callbacks):
    document = replace(admin, old, NEW)
    files = [storage.path_of(name) for name in (old.stored_name, document.next_source["stored_name"])]
    assert all(path.exists() for path in files)
    document_split(document_id=document.pk)
    with django_capture_on_commit_callbacks(execute=True):
        services.document_delete(actor=admin, document=document)
    assert not Document.objects.exists()
    assert not Chunk.objects.exists()
    assert not DocumentPart.objects.exists()
    assert not any(path.exists() for path in files)


def test_the_api_replaces_for_managers_and_answers_409_for_a_taken_name(old, admin, client_for, collection):
    client = client_for(admin)
    answer = client.post(
        f"/api/documents/{old.pk}/replace", {"file": SimpleUploadedFile("a.txt", NEW)}, format="multipart"
    )
    assert (answer.status_code, answer.json()["replacing"]["size"]) == (202, len(NEW))
    body = {"file": SimpleUploadedFile("a.txt", b"More words."), "same_name": "refuse"}
    answer = client.post(f"/api/models/{collection.pk}/documents", body, format="multipart")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "document_name_taken")
    assert answer.json()["error"]["details"]["document_id"] == old.pk
