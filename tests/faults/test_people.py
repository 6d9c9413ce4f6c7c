"""People do two things at once, or change their minds while the workers are at it."""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.faults.test_workers import in_the_middle
from tests.faults.truth import assert_as_undisturbed, assert_completed, assert_ended, book, chunks, settle

QUIET_SECONDS = 4  # longer than any part lasts: a worker that would still write has done so


def forget_vectors(stack) -> None:
    """So that embedding takes its time again."""
    stack.rows("TRUNCATE documents_embeddingcache")


def test_two_reprocesses_at_once_are_one(stack, record):
    content = book(3000)
    document = stack.upload(content)
    settle(stack, document)
    before = chunks(stack, document)
    forget_vectors(stack)
    path = f"/api/documents/{document}/reprocess"
    started = time.monotonic()
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: stack.client.post(path), range(6)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [202, 409, 409, 409, 409, 409]
    assert {a.json()["error"]["code"] for a in answers if a.status_code == 409} == {"document_busy"}
    in_the_middle(stack, document)
    assert chunks(stack, document) == before  # the old ones are served meanwhile
    settle(stack, document)
    seconds = time.monotonic() - started
    count = assert_completed(stack, document)
    assert [c["content"] for c in chunks(stack, document)] == [c["content"] for c in before]
    assert stack.document(document)["version"] == 2
    record(
        "Six reprocesses at once", "one 202, five 409 document_busy; completed as version 2", seconds, count
    )


def test_a_document_deleted_while_it_is_processed_is_gone(stack, record):
    document = stack.upload(book(3000))
    in_the_middle(stack, document)
    started = time.monotonic()
    assert stack.client.delete(f"/api/documents/{document}").status_code == 204
    assert stack.client.get(f"/api/documents/{document}").status_code == 404
    seconds = time.monotonic() - started
    time.sleep(QUIET_SECONDS)
    for name in ("chunk", "documentpart"):
        query = f"SELECT count(*) FROM documents_{name} WHERE document_id = %s"
        assert stack.value(query, document) == 0
    other = stack.upload(book(100))
    settle(stack, other)
    assert_completed(stack, other)
    record(
        "Document deleted while it is processed", "gone at once; the worker goes on with others", seconds, 0
    )


def test_a_collection_deleted_while_its_documents_are_processed_is_gone(stack, record):
    collection = stack.collection()
    documents = [stack.upload(book(2000), f"book {n}.txt", collection) for n in range(3)]
    in_the_middle(stack, documents[0])
    started = time.monotonic()
    answer = stack.client.delete(f"/api/models/{collection}")
    assert answer.status_code == 204, answer.text
    seconds = time.monotonic() - started
    time.sleep(QUIET_SECONDS)
    for name in ("document", "chunk"):
        query = f"SELECT count(*) FROM documents_{name} WHERE collection_id = %s"
        assert stack.value(query, collection) == 0
    query = "SELECT count(*) FROM documents_documentpart WHERE document_id = ANY(%s)"
    assert stack.value(query, documents) == 0
    stack.clean()
    happened = "rows gone at once, files with the next hourly cleaning (run by hand here)"
    record("Model deleted while three of its documents are processed", happened, seconds, 0)


def test_the_same_file_uploaded_many_times_at_once_is_one_document(stack, record):
    content, collection = book(1500), stack.collection()
    names = ["book.txt", "the same under another name.txt"] * 4
    started = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda name: stack.send(content, name, collection), names))
    assert {answer.status_code for answer in answers} <= {200, 201}
    ids = {answer.json()["id"] for answer in answers}
    assert len(ids) == 1
    [document] = ids
    settle(stack, document)
    seconds = time.monotonic() - started
    count = assert_completed(stack, document)
    assert stack.value("SELECT count(*) FROM documents_document WHERE collection_id = %s", collection) == 1
    record(
        "The same bytes uploaded 8 times at once, under two names", "one document, completed", seconds, count
    )


def test_cancelling_leaves_nothing_and_the_document_can_begin_again(stack, record):
    content = book(3000)
    document = stack.upload(content)
    in_the_middle(stack, document)
    started = time.monotonic()
    assert stack.client.post(f"/api/documents/{document}/cancel").status_code == 200
    assert_ended(stack, document, "cancelled", "cancelled")
    seconds = time.monotonic() - started
    time.sleep(QUIET_SECONDS)
    assert_ended(stack, document, "cancelled", "cancelled")
    record("Document cancelled while it is processed", "cancelled, nothing left", seconds, 0)
    assert stack.client.post(f"/api/documents/{document}/reprocess").status_code == 202
    settle(stack, document)
    assert_as_undisturbed(stack, document, content)


def test_cancelling_a_reprocess_keeps_what_is_served(stack, record):
    document = stack.upload(book(3000))
    settle(stack, document)
    before = chunks(stack, document)
    forget_vectors(stack)
    assert stack.client.post(f"/api/documents/{document}/reprocess").status_code == 202
    in_the_middle(stack, document)
    started = time.monotonic()
    assert stack.client.post(f"/api/documents/{document}/cancel").status_code == 200
    seconds = time.monotonic() - started
    time.sleep(QUIET_SECONDS)
    assert chunks(stack, document) == before
    record(
        "Reprocess cancelled in the middle", "the version before is served, untouched", seconds, len(before)
    )
