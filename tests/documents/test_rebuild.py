"""Another embedding model for a whole collection: built beside what is served, swapped in at once."""

import hashlib
import json
import shutil
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from config.errors import ErrorCode, VerbatimError
from documents import lifecycle, services
from documents.embedding.registry import get_embedder
from documents.embedding.weights import WEIGHTS, locate
from documents.ingestion import storage, sweeper
from documents.ingestion.part import part_process
from documents.ingestion.split import document_split
from documents.models import Chunk, Document, DocumentPart, Rebuild, Status
from documents.rebuild import rebuild_abandon, rebuild_advance, rebuild_start, rebuild_state
from documents.retrieval.search import search

TEXTS = [b"The harbour opened in 1901.", b"Copper is mined in the north.", b"Winter lasts five months."]


def build(document_id: int) -> None:
    waiting = document_split(document_id=document_id)
    while waiting:
        waiting += part_process(part_id=waiting.pop(0))


def work(collection) -> None:
    """What the workers would do until the rebuild is at its end, or waits for somebody."""
    while begun := rebuild_advance(collection_id=collection.pk):
        for document_id in begun:
            build(document_id)
    collection.refresh_from_db()


@pytest.fixture(scope="session")
def other_model(tmp_path_factory) -> str:
    """The built-in model with its word vectors turned round: other vectors, the same shape."""
    folder = tmp_path_factory.mktemp("model") / "turned"
    shutil.copytree(locate("sentence-transformers/all-MiniLM-L6-v2").folder, folder)
    weights = load_file(folder / WEIGHTS)
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[name] = weights[name][:, ::-1].copy()
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    return str(folder)


@pytest.fixture
def models(settings, other_model) -> str:
    settings.EMBEDDING_MODELS = [settings.EMBEDDING_MODEL, other_model]
    return other_model


@pytest.fixture
def served(db, upload) -> list[Document]:
    documents = [upload(text, f"{number}.txt") for number, text in enumerate(TEXTS)]
    for document in documents:
        build(document.pk)
        document.refresh_from_db()
        assert document.status == Status.COMPLETED
    return documents


def test_all_documents_change_their_model_in_one_moment(served, models, admin, collection):
    before = collection.embedding_model
    assert rebuild_start(actor=admin, collection=collection, embedding_model=models) is not None
    for document_id in rebuild_advance(collection_id=collection.pk):
        build(document_id)
    state = rebuild_state(collection)
    assert (state["documents_done"], state["documents_total"]) == (2, 3)
    assert 0 < state["percent"] < 100
    found = search(user=admin, collection=collection, query="When did the harbour open?")
    assert found.passages[0].document_id == served[0].pk
    collection.refresh_from_db()
    assert collection.embedding_model == before
    assert set(Document.objects.values_list("embedding_model", "status")) == {(before, "completed")}
    work(collection)
    assert collection.embedding_model == models
    assert set(Document.objects.values_list("embedding_model", flat=True)) == {models}
    assert not Rebuild.objects.exists()
    lifecycle.leftovers_drop()
    assert Chunk.objects.count() == DocumentPart.objects.count() == 3
    for chunk in Chunk.objects.all():
        told = get_embedder(models).embed([f"{chunk.context}\n{chunk.content}"])[0]
        assert told @ np.asarray(chunk.embedding) > 0.999
    found = search(user=admin, collection=collection, query="When did the harbour open?")
    assert {passage.document_id for passage in found.passages} >= {served[0].pk}


def test_a_question_embedded_before_the_swap_is_embedded_again(
    served, models, admin, collection, monkeypatch
):
    from documents.retrieval import search as module

    rebuild_start(actor=admin, collection=collection, embedding_model=models)
    embedded, asked = module.questions.vector, []

    def meanwhile(model, text):
        vector = embedded(model, text)
        asked.append(model)
        if len(asked) == 1:
            work(collection)
        return vector

    monkeypatch.setattr(module.questions, "vector", meanwhile)
    found = search(user=admin, collection=collection, query="When did the harbour open?")
    assert [model == models for model in asked] == [False, True]
    assert found.trace["documents"] == 3


def test_abandoned_it_leaves_everything_as_it_was(served, models, admin, collection):
    before = list(Chunk.objects.order_by("pk").values_list("pk", flat=True))
    rebuild_start(actor=admin, collection=collection, embedding_model=models)
    build(rebuild_advance(collection_id=collection.pk)[0])
    rebuild_abandon(actor=admin, collection=collection)
    lifecycle.leftovers_drop()
    assert list(Chunk.objects.order_by("pk").values_list("pk", flat=True)) == before
    rows = Document.objects.values_list(
        "status", "standby_generation", "building_generation", "served_chunks"
    )
    assert set(rows) == {("completed", None, None, 1)}
    assert rebuild_state(collection)["running"] is False


def test_a_document_that_cannot_be_built_holds_the_swap_until_somebody_decides(
    served, models, admin, collection, client_for
):
    path = storage.path_of(served[1].stored_name)
    path.write_bytes(b"  ")
    rebuild_start(actor=admin, collection=collection, embedding_model=models)
    work(collection)
    state = client_for(admin).get(f"/api/models/{collection.pk}/rebuild").json()
    assert (state["running"], state["documents_done"]) == (True, 2)
    [failed] = state["documents_failed"]
    assert (failed["id"], failed["error"]["code"]) == (served[1].pk, "no_text")
    served[1].refresh_from_db()
    assert (served[1].status, served[1].chunk_count) == (Status.COMPLETED, 1)
    path.write_bytes(TEXTS[1])
    assert client_for(admin).post(f"/api/models/{collection.pk}/rebuild").status_code == 202
    work(collection)
    assert collection.embedding_model == models
    assert not Rebuild.objects.exists()


def test_what_is_uploaded_meanwhile_answers_first_and_is_taken_up_then(
    served, models, admin, collection, upload
):
    rebuild_start(actor=admin, collection=collection, embedding_model=models)
    for document_id in rebuild_advance(collection_id=collection.pk):
        build(document_id)
    late = upload(b"Signals are lit at night.", "late.txt")
    assert rebuild_advance(collection_id=collection.pk) == []  # uploads go first
    build(late.pk)
    late.refresh_from_db()
    assert late.embedding_model != models
    services.document_reprocess(actor=admin, document=served[0])  # what was on standby is stale now
    build(served[0].pk)
    work(collection)
    assert set(Document.objects.values_list("embedding_model", "served_chunks")) == {(models, 1)}


def test_the_present_model_again_applies_changed_cutting(served, admin, collection, upload):
    long = upload(" ".join(f"Word number {n} of many." for n in range(120)).encode(), "long.txt")
    build(long.pk)
    long.refresh_from_db()
    collection.chunk_size, collection.chunk_overlap = 40, 0
    collection.save()
    rebuild_start(actor=admin, collection=collection)
    work(collection)
    after = Document.objects.get(pk=long.pk)
    assert after.served_chunks > 2 * long.served_chunks
    assert (
        max(after.chunks.filter(generation=after.active_generation).values_list("token_count", flat=True))
        <= 40
    )


def test_models_of_another_dimension_or_off_the_list_and_missing_originals_are_refused(
    served, models, admin, collection, settings, tmp_path
):
    wide = tmp_path / "wide"
    shutil.copytree(models, wide)
    config = json.loads((wide / "config.json").read_text())
    (wide / "config.json").write_text(json.dumps(config | {"hidden_size": 768}))
    settings.EMBEDDING_MODELS = [*settings.EMBEDDING_MODELS, str(wide)]

    def refusal(model: str) -> ErrorCode:
        with pytest.raises(VerbatimError) as caught:
            rebuild_start(actor=admin, collection=collection, embedding_model=model)
        return caught.value.code

    assert refusal(str(wide)) == ErrorCode.EMBEDDING_DIMENSION
    assert refusal("nobody/knows-this") == ErrorCode.VALIDATION_ERROR
    Document.objects.filter(pk=served[2].pk).update(stored_name="")
    assert refusal(models) == ErrorCode.ORIGINALS_MISSING
    assert not Rebuild.objects.exists()


def test_the_sweeper_finds_a_rebuild_whose_message_was_lost(served, models, admin, collection):
    rebuild_start(actor=admin, collection=collection, embedding_model=models)
    assert sweeper.sweep().rebuilds == [collection.pk]
    rebuild_abandon(actor=admin, collection=collection)
    assert sweeper.sweep().rebuilds == []


def test_a_worker_does_it_all(celery_worker, upload, settle, admin, collection):
    documents = settle(*(upload(text, f"{hashlib.md5(text).hexdigest()}.txt") for text in TEXTS))  # noqa: S324
    rebuild_start(actor=admin, collection=collection)
    deadline = time.monotonic() + 120
    while Rebuild.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not Rebuild.objects.exists()
    assert {row.active_generation for row in settle(*documents)} == {2}
