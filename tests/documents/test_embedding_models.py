"""Other embedding models: loaded, converted and asked as their files and their names say."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from config.errors import ErrorCode, PermanentError
from documents.embedding import catalogue, convert, names
from documents.embedding.cache import embed_cached
from documents.embedding.openvino import load
from documents.embedding.registry import get_embedder
from documents.embedding.torch import TorchEmbedder
from documents.embedding.weights import locate
from documents.models import Chunk, EmbeddingCache
from documents.rebuild import rebuild_start
from documents.retrieval.search import search
from tests.documents.test_rebuild import build, work

ROOT = Path(__file__).resolve().parent.parent.parent
TEXTS = ["Wie hoch ist der Turm?", "Der Turm ist 333 Meter hoch.", "东京塔", "", "wort " * 300]
PROMPTS = "?query=query:+&document=passage:+"
LIMIT = 64  # tokens


def make_model(
    folder: Path, *, kind: str, pooling: str = "mean", dense: int = 0, prompts: dict | None = None
) -> Path:
    """A sentence-transformers model with random weights, 384 numbers, and a vocabulary of characters."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    torch.manual_seed(5)
    marks = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [
        *marks,
        "▁",
        *sorted({letter for text in TEXTS for letter in text if letter != " "} | set("querypassag:")),
    ]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(n)) for n, piece in enumerate(pieces)], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    sizes = {
        "vocab_size": len(pieces),
        "hidden_size": 96 if dense else 384,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "pad_token_id": 1,
        "max_position_embeddings": LIMIT + 2,
    }
    inner = (
        XLMRobertaModel(XLMRobertaConfig(**sizes))
        if kind == "xlm-roberta"
        else BertModel(BertConfig(**sizes))
    )
    raw = folder.parent / f"{folder.name}-raw"
    inner.save_pretrained(raw)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        cls_token="<s>", sep_token="</s>", model_max_length=LIMIT,
    ).save_pretrained(raw)  # fmt: skip
    width = inner.config.hidden_size
    modules = [Transformer(str(raw), max_seq_length=LIMIT), Pooling(width, pooling_mode=pooling)]
    if dense:
        modules.append(Dense(width, dense))
    SentenceTransformer(modules=[*modules, Normalize()], prompts=prompts, device="cpu").save(str(folder))
    shutil.rmtree(raw)
    return folder


@pytest.fixture(scope="session")
def multilingual(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "multilingual", kind="xlm-roberta")


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("converted")


def openvino(model_id: str, store: Path):
    convert.convert(locate(model_id), store)
    return load(locate(model_id), store, threads=1, streams=1, manage=ROOT / "manage.py")


def reference(folder: Path, texts: list[str]) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(texts, normalize_embeddings=True)


def agree(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((np.asarray(one) * np.asarray(other)).sum(axis=-1).min() > 0.999)


@pytest.mark.parametrize(
    ("kind", "pooling", "dense"),
    [("xlm-roberta", "mean", 0), ("bert", "cls", 0), ("xlm-roberta", "mean", 384), ("bert", "cls", 384)],
)
def test_converted_it_gives_the_vectors_of_sentence_transformers(tmp_path, store, kind, pooling, dense):
    folder = make_model(tmp_path / "m", kind=kind, pooling=pooling, dense=dense)
    assert catalogue.folder_dimension(folder) == 384
    embedder = openvino(str(folder), store)
    assert (embedder.dimension, embedder.max_tokens) == (384, LIMIT)
    assert agree(embedder.embed(TEXTS), reference(folder, TEXTS))
    assert np.allclose(np.linalg.norm(embedder.embed(TEXTS), axis=1), 1, atol=1e-5)
    assert embedder.count_tokens(["东京塔", ""]) == [4, 0]


def test_the_same_weights_with_another_pooling_are_another_model(tmp_path, multilingual, store):
    other = shutil.copytree(multilingual, tmp_path / "other")
    path = other / "1_Pooling" / "config.json"
    assert "mean" in path.read_text()
    path.write_text(path.read_text().replace("mean", "cls"))
    before, after = openvino(str(multilingual), store), openvino(str(other), store)
    assert agree(after.embed(TEXTS[:2]), reference(other, TEXTS[:2]))
    assert not agree(before.embed(TEXTS[:2]), after.embed(TEXTS[:2]))


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_questions_and_passages_carry_the_words_that_the_name_gives_them(multilingual, store, backend):
    model_id = f"{multilingual}{PROMPTS}"
    embedder = (
        openvino(model_id, store) if backend == "openvino" else TorchEmbedder(locate(model_id), threads=1)
    )
    short = [text for text in TEXTS if len(text) < 100]
    assert agree(embedder.embed(short), reference(multilingual, [f"passage: {text}" for text in short]))
    for text in short:
        assert agree(embedder.embed_query(text), reference(multilingual, [f"query: {text}"])[0])
    assert not agree(embedder.embed_query(TEXTS[0]), embedder.embed([TEXTS[0]])[0])
    assert embedder.model_id == model_id


def test_the_words_before_a_passage_leave_less_room_for_it(multilingual, store):
    plain, marked = openvino(str(multilingual), store), openvino(f"{multilingual}{PROMPTS}", store)
    assert marked.max_tokens == plain.max_tokens - plain.count_tokens(["passage: "])[0]


def test_what_the_name_leaves_open_is_as_the_models_files_say(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    assert names.prompts_of(str(folder), folder) == names.Prompts("", "")
    own = {"prompts": {"query": "Q: ", "passage": "P: ", "other": 3}}
    (folder / names.PROMPTS_FILE).write_text(json.dumps(own))
    assert names.prompts_of(str(folder), folder) == names.Prompts("Q: ", "P: ")
    assert names.prompts_of(f"{folder}?query=&document=D+", folder) == names.Prompts("", "D ")
    (folder / names.PROMPTS_FILE).write_text("{")
    assert names.prompts_of(str(folder), folder) == names.Prompts("", "")


def test_vectors_made_with_other_words_are_other_vectors_for_the_cache_too(db, multilingual, store):
    text = ["Der Turm"]
    plain, marked = openvino(str(multilingual), store), openvino(f"{multilingual}{PROMPTS}", store)
    for embedder in (plain, marked):
        vectors, fresh = embed_cached(embedder, text)
        assert fresh == [0]
        EmbeddingCache.objects.create(
            embedding_model=embedder.model_id, sha256=cache_key(text[0]), embedding=vectors[0].tolist()
        )
    first, second = embed_cached(plain, text), embed_cached(marked, text)
    assert (first[1], second[1]) == ([], [])
    assert not agree(first[0], second[0])


def cache_key(text: str) -> bytes:
    from documents.embedding.cache import digests

    return digests([text])[0]


def test_the_list_says_what_is_wrong_with_a_name(settings, multilingual):
    wrong = f"{multilingual}?passage=passage:+"
    settings.EMBEDDING_MODELS = [settings.EMBEDDING_MODEL, f"{multilingual}{PROMPTS}", wrong]
    _, right, bad = catalogue.available()
    assert (right.dimension, right.note) == (384, "")
    assert (bad.dimension, "no option" in bad.note) == (None, True)
    with pytest.raises(PermanentError) as caught:
        locate(wrong)
    assert caught.value.code == ErrorCode.EMBEDDING_FAILED
    catalogue.require_usable(f"{multilingual}{PROMPTS}")


@pytest.mark.parametrize("pooling", ["max", "lasttoken"])
def test_another_way_of_pooling_is_refused_and_nothing_is_kept(tmp_path, pooling):
    folder = make_model(tmp_path / "m", kind="bert", pooling=pooling)
    with pytest.raises(ValueError, match="pools by"):
        convert.convert(locate(str(folder)), tmp_path / "store")
    assert not [path for path in (tmp_path / "store").iterdir() if path.is_dir()]


def test_a_models_documents_are_rebuilt_and_searched_with_it(
    db, settings, multilingual, upload, admin, collection
):
    model_id = f"{multilingual}{PROMPTS}"
    settings.EMBEDDING_MODELS = [settings.EMBEDDING_MODEL, model_id]
    document = upload(" ".join(TEXTS[:3] * 9).encode(), "turm.txt")
    build(document.pk)
    rebuild_start(actor=admin, collection=collection, embedding_model=model_id)
    work(collection)
    assert collection.embedding_model == model_id
    embedder = get_embedder(model_id)
    chunks = list(Chunk.objects.filter(document=document, generation=2))
    assert len(chunks) > 1
    for chunk in chunks:
        assert chunk.token_count <= embedder.max_tokens - 2
        assert agree(embedder.embed([f"{chunk.context}\n{chunk.content}"])[0], np.asarray(chunk.embedding))
    found = search(user=admin, collection=collection, query="Turm 333", top_k=3)
    similarity = float(
        embedder.embed_query("Turm 333")
        @ np.asarray(Chunk.objects.get(pk=found.passages[0].chunk_id).embedding)
    )
    assert abs(found.passages[0].similarity_score - similarity) < 0.01
