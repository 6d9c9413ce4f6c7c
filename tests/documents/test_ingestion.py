"""From upload to completed chunks, through the real worker."""

import csv as csvlib
import re

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from config.errors import ErrorCode, VerbatimError
from documents import services
from documents.embedding.cache import embed_cached
from documents.embedding.registry import get_embedder
from documents.ingestion import storage
from documents.models import Chunk, DocumentPart, EmbeddingCache, Status
from documents.parsing import pdf
from tests.documents.files import encrypted, make_pdf

TEXT = "\n\n".join(f"Paragraph {n}. The branch in town {n} opened in {1900 + n}." for n in range(200))


def test_a_text_becomes_embedded_chunks_with_exact_offsets(celery_worker, upload, settle):
    [document] = settle(upload(TEXT.encode(), "branches.txt"))
    assert (document.status, document.error_code) == (Status.COMPLETED, "")
    chunks = list(document.chunks.order_by("part_index", "index"))
    assert len(chunks) == document.chunk_count > 5
    assert document.parts_done == document.parts_total == 1
    for chunk in chunks:
        assert TEXT[chunk.char_start : chunk.char_end] == chunk.content
        assert chunk.token_count <= 240
        assert chunk.context == "branches"
        assert chunk.content.split("\n")[0] in TEXT.split("\n")[chunk.line_from - 1]
        assert chunk.content.split("\n")[-1] in TEXT.split("\n")[chunk.line_to - 1]
    assert Chunk.objects.filter(embedding__isnull=False).count() == len(chunks)


@pytest.mark.corpora
def test_a_real_report_and_a_real_table_keep_pages_and_rows(celery_worker, upload, settle, corpora):
    report = corpora / "pdfqa" / "company-reports" / "pdfs" / "AMCOR_2023Q4_EARNINGS.pdf"
    table = corpora / "csv" / "co__UNSD-ar.csv"
    documents = settle(upload(report.read_bytes(), report.name), upload(table.read_bytes(), table.name))
    assert [document.status for document in documents] == [Status.COMPLETED] * 2
    import pypdfium2

    with pypdfium2.PdfDocument(report) as opened:
        assert documents[0].page_count == len(opened) == 14
        pages = {number: pdf.page_text(opened, number) for number in range(1, 15)}
    for chunk in documents[0].chunks.all():
        assert pages[chunk.page_from][chunk.char_start : chunk.char_end] == chunk.content
    assert set(documents[0].chunks.values_list("page_from", flat=True)) == set(pages)

    with table.open(newline="") as file:
        rows = list(csvlib.DictReader(file))
    assert documents[1].row_count == len(rows) == 249
    seen: list[int] = []
    for chunk in documents[1].chunks.exclude(row_from=None).order_by("part_index", "index"):
        lines = chunk.content.split("\n")
        assert len(lines) == chunk.row_to - chunk.row_from + 1
        for number, line in enumerate(lines, start=chunk.row_from):
            cells = {name: " ".join(value.split()) for name, value in rows[number - 1].items()}
            assert line == "; ".join(f"{name}: {value}" for name, value in cells.items() if value)
            seen.append(number)
    assert seen == list(range(1, 250))


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (encrypted(make_pdf(["x"]), user="word"), "a.pdf", "pdf_encrypted"),
        (make_pdf(["Some text."])[:200], "a.pdf", "pdf_corrupt"),
        (make_pdf(["", ""]), "scan.pdf", "no_text"),
        (make_pdf([]), "none.pdf", "pdf_no_pages"),
        (b" \n \n", "blank.txt", "no_text"),
        (b"a,b,c\n", "head.csv", "csv_empty"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_code_sentence_and_next_step(
    celery_worker, upload, settle, content, name, code
):
    [document] = settle(upload(content, name))
    assert (document.status, document.error_code) == (Status.FAILED, code)
    assert document.error_message
    assert document.error_next_step
    assert not document.chunks.exists()
    assert not document.parts.exists()


def test_warnings_are_gathered_into_sentences(celery_worker, upload, settle):
    pages = ["" if n in (3, 7, 15) else f"Words on page {n}." for n in range(1, 18)]
    [document] = settle(upload(make_pdf(pages), "part-scan.pdf"))
    assert document.status == Status.COMPLETED
    assert document.parts_total > 1
    [warning] = document.warnings
    assert warning["code"] == "pages_without_text"
    assert "Pages 3, 7, 15 hold no text" in warning["message"]


def test_bad_input_is_refused_at_the_door_and_leaves_nothing(upload, db, settings, collection):
    settings.MAX_FILE_SIZE_MB = 1
    for content, name, code in (
        (b"", "a.txt", ErrorCode.FILE_EMPTY),
        (b"MZ\x90\x00" + b"\x00" * 99, "report.pdf", ErrorCode.FILE_TYPE_UNSUPPORTED),
        (b"x" * (1024**2 + 1), "big.txt", ErrorCode.FILE_TOO_LARGE),
    ):
        with pytest.raises(VerbatimError) as caught:
            upload(content, name)
        assert caught.value.code == code
    assert not collection.documents.exists()
    assert not [
        path for path in settings.MEDIA_ROOT.glob("*/*") if path.stat().st_size in (0, 103, 1024**2 + 1)
    ]


def test_client_names_are_only_displayed(upload, db):
    document = upload(b"text", "../../etc/pass\u202ewd\x00.txt")
    assert document.name == "passwd.txt"
    assert re.fullmatch(r"[0-9a-f]{32}", document.stored_name)
    assert storage.path_of(document.stored_name).stat().st_mode & 0o777 == 0o600


def test_identical_bytes_are_one_document(celery_worker, upload, settle, settings):
    first = upload(TEXT.encode(), "a.txt")
    second = upload(TEXT.encode(), "b.txt")
    assert second.pk == first.pk
    [document] = settle(first)
    assert upload(TEXT.encode(), "c.txt").status == Status.COMPLETED
    assert storage.path_of(document.stored_name).exists()


def test_a_failed_document_is_tried_again_when_its_bytes_come_again(celery_worker, upload, settle):
    [document] = settle(upload(make_pdf([""]), "scan.pdf"))
    assert document.status == Status.FAILED
    again = upload(make_pdf([""]), "scan.pdf")
    assert again.pk == document.pk
    [again] = settle(again)
    assert (again.status, again.version) == (Status.FAILED, 2), "the worker tried a second time"


def test_reprocessing_swaps_generations_and_embeds_nothing_twice(celery_worker, upload, settle, admin):
    [document] = settle(upload(TEXT.encode(), "a.txt"))
    known = EmbeddingCache.objects.count()
    before = list(document.chunks.values_list("content", flat=True))
    services.document_reprocess(actor=admin, document=document)
    [again] = settle(document)
    assert (again.status, again.active_generation, again.version) == (Status.COMPLETED, 2, 2)
    assert set(again.chunks.values_list("generation", flat=True)) == {2}
    assert list(again.chunks.values_list("content", flat=True)) == before
    assert set(again.parts.values_list("generation", flat=True)) == {2}
    assert EmbeddingCache.objects.count() == known


def test_the_vectors_of_new_texts_are_remembered_under_the_texts_that_were_embedded(
    celery_worker, upload, settle
):
    text = "# Größe\n\nDas Maß „ß“ 長さ 😀 steht im \\ Anhang.\n\n# Ort\n\nDer Kai liegt im Osten.\n"
    [document] = settle(upload(text.encode(), "größe.md"))
    chunks = list(document.chunks.all())
    texts = [f"{chunk.context}\n{chunk.content}" for chunk in chunks]
    vectors, fresh = embed_cached(get_embedder(), texts)
    assert len(chunks) == 2
    assert fresh == []
    stored = np.array([chunk.embedding for chunk in chunks])
    assert np.array_equal(vectors, stored.astype(np.float32))
    assert np.einsum("ij,ij->i", stored, get_embedder().embed(texts)).min() > 0.999


def test_a_failed_rebuild_leaves_the_old_chunks_in_place(celery_worker, upload, settle, admin):
    [document] = settle(upload(TEXT.encode(), "a.txt"))
    storage.path_of(document.stored_name).write_bytes(b" ")
    services.document_reprocess(actor=admin, document=document)
    [again] = settle(document)
    assert (again.status, again.error_code, again.active_generation) == (Status.FAILED, "no_text", 1)
    assert again.chunks.count() == again.chunk_count == document.chunk_count


def test_two_reprocesses_at_once_build_once(upload, settle, celery_worker, admin):
    [document] = settle(upload(TEXT.encode(), "a.txt"))
    services.document_reprocess(actor=admin, document=document)
    with pytest.raises(VerbatimError) as caught:
        services.document_reprocess(actor=admin, document=document)
    assert caught.value.code == ErrorCode.DOCUMENT_BUSY
    [again] = settle(document)
    assert again.chunks.count() == again.chunk_count == document.chunk_count


def test_without_kept_originals_reprocessing_says_why_it_cannot(upload, db, settings, admin):
    from documents.ingestion.part import part_process
    from documents.ingestion.split import document_split

    settings.KEEP_ORIGINAL_FILES = False
    document = upload(b"A few words to keep.", "a.txt")
    path = storage.path_of(document.stored_name)
    [part] = document_split(document_id=document.pk)
    assert path.exists()
    assert part_process(part_id=part) == []
    document.refresh_from_db()
    assert (document.status, document.stored_name) == (Status.COMPLETED, "")
    with pytest.raises(VerbatimError) as caught:
        services.document_reprocess(actor=admin, document=document)
    assert caught.value.code == ErrorCode.ORIGINAL_NOT_KEPT


def test_small_documents_do_not_wait_behind_a_big_one(celery_worker, upload, settle):
    big = upload(("Some sentence of a long book. " * 30_000).encode(), "big.txt")
    small = upload(b"A short note about lighthouses.", "small.txt")
    [small] = settle(small, seconds=30)
    big.refresh_from_db()
    assert small.status == Status.COMPLETED
    assert big.status == Status.PROCESSING
    assert big.parts.filter(queued_at=None).exists()
    [big] = settle(big)
    assert big.status == Status.COMPLETED
    assert big.parts_done == big.parts_total == DocumentPart.objects.filter(document=big).count() > 8


def test_a_file_from_code_is_streamed_and_hashed_too(db, admin, collection):
    document = services.document_upload(
        actor=admin, collection=collection, file=SimpleUploadedFile("n.txt", b"words " * 100_000)
    )
    assert document.size == 600_000
    assert len(document.sha256) == 64
