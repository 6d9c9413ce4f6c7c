"""The contract's Documents table: shapes, rights, both spellings, bad input."""

import io
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from collections_app.models import Collection
from documents.ingestion import storage
from documents.ingestion.part import part_process
from documents.ingestion.split import document_split
from documents.models import Chunk, Document, Status
from documents.services import document_upload
from tests.documents.files import make_pdf

LIST_PATHS = ["/api/models/{id}/documents", "/api/documents/models/{id}/documents"]
DETAIL_PATHS = ["/api/documents/{id}", "/api/documents/documents/{id}"]
FIELDS = {
    "id", "name", "model_id", "status", "stage", "progress", "error", "warnings", "media_type", "size",
    "sha256", "page_count", "row_count", "version", "uploaded_by", "created_at", "completed_at",
}  # fmt: skip


def process(document: Document) -> Document:
    """The whole pipeline in this process."""
    waiting = document_split(document_id=document.pk)
    while waiting:
        waiting += part_process(part_id=waiting.pop(0))
    document.refresh_from_db()
    return document


@pytest.fixture
def ready(upload, db) -> Document:
    """A completed PDF of three pages."""
    pages = ["First page about apples.", "Second page about the harbour.", "Third page about copper."]
    return process(upload(make_pdf(pages), "Fruit report.pdf"))


@pytest.fixture
def private(db, member, collection) -> Document:
    """A file of one of the member's chats."""
    return process(
        document_upload(
            actor=member,
            collection=collection,
            file=SimpleUploadedFile("mine.txt", b"My own words."),
            session_id=uuid.uuid4(),
        )
    )


@pytest.mark.parametrize("path", LIST_PATHS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_upload_answers_201_with_a_queued_document(client_for, admin, collection, path, slash):
    answer = client_for(admin).post(
        path.format(id=collection.pk) + slash,
        {"file": SimpleUploadedFile("notes.txt", b"Some words.")},
        format="multipart",
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert set(body) >= FIELDS
    assert (body["status"], body["model_id"], body["media_type"]) == ("queued", collection.pk, "text/plain")
    assert body["progress"] == {
        "parts_done": 0,
        "parts_total": 0,
        "chunks": 0,
        "percent": 0,
        "rate": None,
        "seconds_left": None,
    }
    assert (body["error"], body["warnings"], body["version"]) == (None, [], 1)
    assert body["created_at"].endswith("Z")


def test_the_same_bytes_again_answer_with_the_same_document(client_for, admin, collection):
    path = LIST_PATHS[0].format(id=collection.pk)
    ids = {
        client_for(admin)
        .post(path, {"file": SimpleUploadedFile(name, b"same")}, format="multipart")
        .json()["id"]
        for name in ("a.txt", "b.txt")
    }
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("content", "name", "status", "code"),
    [
        (b"", "a.txt", 400, "file_empty"),
        (b"MZ\x90\x00" + b"\x00" * 99, "report.pdf", 415, "file_type_unsupported"),
        (b"<html></html>", "page.txt", 415, "file_type_unsupported"),
        (b"x" * (1024**2 + 1), "big.txt", 413, "file_too_large"),
    ],
)
def test_bad_uploads_get_the_contracts_error(
    client_for, admin, collection, settings, content, name, status, code
):
    settings.MAX_FILE_SIZE_MB = 1
    answer = client_for(admin).post(
        LIST_PATHS[0].format(id=collection.pk),
        {"file": SimpleUploadedFile(name, content)},
        format="multipart",
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["details"]["next_step"]
    assert not Document.objects.exists()
    assert not list(settings.DATA_DIR.glob("tmp/*upload*"))


def test_a_form_without_file_or_not_multipart_is_refused(client_for, admin, collection):
    path = LIST_PATHS[0].format(id=collection.pk)
    answer = client_for(admin).post(path, {"other": "x"}, format="multipart")
    assert (answer.status_code, set(answer.json()["error"]["details"])) == (400, {"file", "next_step"})
    answer = client_for(admin).post(path, {"file": "x"}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", LIST_PATHS)
def test_only_managers_upload(client_for, member, stranger, superadmin, collection, path):
    def send(user):
        file = SimpleUploadedFile("a.txt", b"words of " + str(user).encode())
        return (
            client_for(user)
            .post(path.format(id=collection.pk), {"file": file}, format="multipart")
            .status_code
        )

    assert [send(member), send(stranger), send(superadmin), send(None)] == [403, 404, 201, 401]


@pytest.mark.parametrize("path", LIST_PATHS)
def test_lists_show_to_members_what_strangers_cannot_see(
    client_for, admin, member, stranger, collection, ready, private, path
):
    path = path.format(id=collection.pk)
    for user in (admin, member):
        body = client_for(user).get(path).json()
        assert [row["id"] for row in body["results"]] == [ready.pk]
    assert client_for(stranger).get(path).status_code == 404


def test_lists_filter_search_and_order_by_what_is_allowed(client_for, admin, collection, upload, ready):
    other = upload(b"waiting words", "zebra.txt")
    client, path = client_for(admin), LIST_PATHS[0].format(id=collection.pk)

    def names(query):
        return [row["name"] for row in client.get(f"{path}?{query}").json()["results"]]

    assert names("status=queued") == [other.name]
    assert names("status=completed") == [ready.name]
    assert names("search=fruit") == [ready.name]
    assert names("ordering=name") == [ready.name, other.name]
    assert names("ordering=-name") == [other.name, ready.name]
    assert names("ordering=stored_name") == [other.name, ready.name]
    assert client.get(f"{path}?status=odd").status_code == 400
    Document.objects.filter(pk=ready.pk).update(warnings=[{"code": "rows_rejected", "message": "3 rows."}])
    assert names("has_warnings=true") == [ready.name]
    assert names("has_warnings=false") == [other.name]
    body = client.get(f"{path}?page_size=1").json()
    assert (body["count"], len(body["results"]), bool(body["next"])) == (2, 1, True)


def test_a_list_needs_the_same_few_queries_for_many_documents(
    client_for, admin, collection, upload, django_assert_max_num_queries
):
    for n in range(12):
        upload(f"words {n}".encode(), f"{n}.txt")
    client = client_for(admin)
    with django_assert_max_num_queries(3):  # the collection, the count, the page
        client.get(LIST_PATHS[0].format(id=collection.pk))


@pytest.mark.parametrize("path", DETAIL_PATHS)
def test_a_completed_document_tells_its_numbers(client_for, member, ready, path):
    body = client_for(member).get(path.format(id=ready.pk)).json()
    assert (body["status"], body["stage"], body["page_count"]) == ("completed", "finished", 3)
    assert body["progress"] == {
        "parts_done": 1,
        "parts_total": 1,
        "chunks": 3,
        "percent": 100,
        "rate": None,
        "seconds_left": None,
    }
    assert body["uploaded_by"]["full_name"] == "Ada Admin"
    assert "stored_name" not in body


def test_a_table_with_thousands_of_columns_does_not_fill_the_answers(client_for, member, collection, upload):
    document = upload(b"a,b\n1,2\n", "wide.csv")
    names = [f"column {n}" for n in range(4000)]
    Document.objects.filter(pk=document.pk).update(reading={"encoding": "utf-8", "columns": names})
    [listed] = client_for(member).get(f"/api/models/{collection.pk}/documents").json()["results"]
    assert listed["reading"] == {"encoding": "utf-8", "columns": names[:50], "column_count": 4000}


def test_a_failed_document_says_why_and_what_next(client_for, member, upload):
    document = process(upload(make_pdf([""]), "scan.pdf"))
    error = client_for(member).get(DETAIL_PATHS[0].format(id=document.pk)).json()["error"]
    assert set(error) == {"code", "message", "next_step"}
    assert error["code"] == "no_text"


READS = ["", "/chunks", "/file", "/pages/1.png"]
WRITES = [("delete", ""), ("post", "/reprocess"), ("post", "/cancel")]


@pytest.mark.parametrize("prefix", DETAIL_PATHS)
@pytest.mark.parametrize("tail", READS)
def test_who_may_use_the_model_may_see_its_sources(
    client_for, admin, member, stranger, superadmin, ready, prefix, tail
):
    path = prefix.format(id=ready.pk) + tail
    statuses = [
        client_for(user).get(path).status_code for user in (admin, member, superadmin, stranger, None)
    ]
    assert statuses == [200, 200, 200, 404, 401]


@pytest.mark.parametrize("prefix", DETAIL_PATHS)
@pytest.mark.parametrize(("method", "tail"), WRITES)
def test_members_change_nothing_and_strangers_see_nothing(
    client_for, member, stranger, ready, prefix, method, tail
):
    path = prefix.format(id=ready.pk) + tail
    statuses = [getattr(client_for(user), method)(path).status_code for user in (member, stranger, None)]
    assert statuses == [403, 404, 401]
    assert Document.objects.filter(pk=ready.pk, status=Status.COMPLETED).exists()


def test_a_chats_file_is_its_users_alone(client_for, admin, superadmin, member, stranger, private):
    for tail in ("", "/chunks", "/file"):
        path = DETAIL_PATHS[0].format(id=private.pk) + tail
        statuses = [client_for(user).get(path).status_code for user in (member, admin, superadmin, stranger)]
        assert statuses == [200, 404, 404, 404]
    assert client_for(member).delete(DETAIL_PATHS[0].format(id=private.pk)).status_code == 204


@pytest.mark.parametrize("tail", [*READS, "/reprocess"])
def test_unknown_ids_are_404(client_for, admin, tail):
    client = client_for(admin)
    method = client.post if tail == "/reprocess" else client.get
    assert method(f"/api/documents/999999{tail}").status_code == 404


@pytest.mark.parametrize("prefix", DETAIL_PATHS)
def test_a_delete_takes_chunks_parts_and_file(
    client_for, admin, ready, prefix, django_capture_on_commit_callbacks
):
    path = storage.path_of(ready.stored_name)
    with django_capture_on_commit_callbacks(execute=True):
        assert client_for(admin).delete(prefix.format(id=ready.pk)).status_code == 204
    assert not Document.objects.exists()
    assert not Chunk.objects.exists()
    assert not path.exists()


def test_reprocess_and_cancel_answer_with_the_document_and_refuse_by_state(client_for, admin, ready):
    client, path = client_for(admin), DETAIL_PATHS[0].format(id=ready.pk)
    assert client.post(f"{path}/cancel").json()["error"]["code"] == "conflict"
    answer = client.post(f"{path}/reprocess")
    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (202, "queued", 2)
    assert client.post(f"{path}/reprocess").json()["error"]["code"] == "document_busy"
    answer = client.post(f"{path}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert client.get(f"{path}/chunks").json()["count"] == 3  # the old ones are still served
    storage.path_of(ready.stored_name).unlink()
    assert client.post(f"{path}/reprocess").json()["error"]["code"] == "original_not_kept"


def test_chunks_are_pages_of_passages_in_order(client_for, member, ready):
    body = client_for(member).get(DETAIL_PATHS[0].format(id=ready.pk) + "/chunks?page_size=2").json()
    assert (body["count"], len(body["results"])) == (3, 2)
    first = body["results"][0]
    assert (first["page"], first["content"], first["rows"]) == (1, "First page about apples.", None)
    assert "embedding" not in first


def body_of(answer) -> bytes:
    return b"".join(answer)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
def test_the_original_is_a_download_with_nothing_allowed(client_for, member, ready, upload):
    path = DETAIL_PATHS[0].format(id=ready.pk) + "/file"
    answer = client_for(member).get(path)
    assert answer["Content-Disposition"] == 'attachment; filename="Fruit report.pdf"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    content = body_of(answer)
    assert content.startswith(b"%PDF-")
    assert len(content) == int(answer["Content-Length"]) == ready.size
    assert client_for(member).get(f"{path}?inline=1")["Content-Disposition"].startswith("inline")
    text = upload(b"<b>text</b>", 'a"b\r\n.txt')
    answer = client_for(member).get(DETAIL_PATHS[0].format(id=text.pk) + "/file?inline=1")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Type"] == "text/plain"


def test_a_page_is_an_image_with_the_passage_marked(client_for, member, ready, admin):
    chunk = ready.chunks.get(page_from=2)
    path = DETAIL_PATHS[0].format(id=ready.pk) + "/pages/2.png"
    plain = client_for(member).get(path)
    marked = client_for(member).get(f"{path}?highlight={chunk.pk}", headers={"accept": "image/png"})
    assert marked["Content-Type"] == "image/png"
    image = Image.open(io.BytesIO(marked.content)).convert("RGB")
    assert image.width == 1200
    colours = {colour for _, colour in image.getcolors(1 << 20)}
    assert (255, 214, 64) in colours
    before = Image.open(io.BytesIO(plain.content)).convert("RGB")
    assert (255, 214, 64) not in {colour for _, colour in before.getcolors(1 << 20)}
    again = client_for(member).get(f"{path}?highlight={chunk.pk}", headers={"if-none-match": marked["ETag"]})
    assert again.status_code == 304


def test_pages_and_highlights_that_do_not_exist_are_refused(client_for, member, ready, upload):
    client, prefix = client_for(member), DETAIL_PATHS[0].format(id=ready.pk)
    assert client.get(f"{prefix}/pages/4.png").status_code == 404
    assert client.get(f"{prefix}/pages/0.png").status_code == 404
    assert client.get(f"{prefix}/pages/1.png?highlight=999999").status_code == 404
    assert client.get(f"{prefix}/pages/1.png?highlight=x").status_code == 400
    text = process(upload(b"words", "a.txt"))
    assert client.get(DETAIL_PATHS[0].format(id=text.pk) + "/pages/1.png").status_code == 404
    foreign = text.chunks.get()
    assert client.get(f"{prefix}/pages/1.png?highlight={foreign.pk}").status_code == 404


def test_another_models_document_is_not_reachable_through_ones_own(client_for, member, admin, ready):
    other = Collection.objects.create(name="Secret", embedding_model="m", embedding_dimension=384)
    hidden = document_upload(actor=admin, collection=other, file=SimpleUploadedFile("s.txt", b"secret"))
    assert client_for(member).get(DETAIL_PATHS[0].format(id=hidden.pk)).status_code == 404
    assert client_for(member).get(LIST_PATHS[0].format(id=other.pk)).status_code == 404
