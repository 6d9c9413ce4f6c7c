"""From upload to completed chunks, through the real worker."""

from documents.models import Chunk, Status

TEXT = "\n\n".join(f"Paragraph {n}. The branch in town {n} opened in {1900 + n}." for n in range(200))


def test_a_text_becomes_embedded_chunks_with_exact_offsets(celery_worker, upload, settle):
    document = upload(TEXT.encode(), "branches.txt")
    assert document.status == Status.QUEUED
    [document] = settle(document)
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
