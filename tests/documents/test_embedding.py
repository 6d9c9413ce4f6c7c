"""The embedding runtime: right vectors, small processes, one conversion."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from config.errors import ErrorCode, PermanentError
from documents.embedding import convert, weights
from documents.embedding.fake import FakeEmbedder
from documents.embedding.openvino import _padded
from documents.embedding.registry import get_embedder

SENTENCES = [
    "The company opened 12 stores in 2019.",
    "How many stores were opened?",
    "Größe, naïve café — 東京 and emoji 🙂",
    "word " * 600,
    "",
    "Revenue fell by 4 % to $3.2 billion, mostly owing to currency changes. " * 8,
]
HEAVY = ("torch", "transformers", "sentence_transformers", "pandas", "langchain_core")


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


def test_openvino_agrees_with_sentence_transformers():
    code = (
        "import json,sys; from sentence_transformers import SentenceTransformer\n"
        "from documents.embedding.weights import locate, DEFAULT_MODEL\n"
        "m = SentenceTransformer(str(locate(DEFAULT_MODEL).folder), device='cpu')\n"
        f"print(json.dumps(m.encode({SENTENCES!r}, normalize_embeddings=True).tolist()))"
    )
    reference = np.array(json.loads(run_python(code)))
    ours = get_embedder().embed(SENTENCES)
    assert ours.shape == (len(SENTENCES), 384)
    assert (ours * reference).sum(axis=1).min() >= 0.999
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)


def test_a_question_has_the_vector_that_it_has_as_a_passage():
    embedder = get_embedder()
    together = embedder.embed(SENTENCES)
    for sentence, vector in zip(SENTENCES, together, strict=True):
        assert float(embedder.embed_query(sentence) @ vector) > 0.999


def test_questions_of_all_lengths_have_few_widths_so_that_memory_stays_flat():
    widths = {_padded([[1] * length])["input_ids"].shape[1] for length in range(1, 257)}
    assert len(widths) <= 16
    assert max(widths) == 256


def test_tokens_are_counted_without_special_ones():
    assert get_embedder().count_tokens(["hello world", "", "embeddings"]) == [2, 0, 4]


def test_the_web_process_embeds_without_loading_torch_or_pandas():
    code = (
        "import sys, json, django; django.setup()\n"
        "from documents.embedding.registry import get_embedder\n"
        "import documents.api.views, documents.consumers, documents.services, documents.tasks\n"
        "v = get_embedder().embed_query('hello')\n"
        f"print(json.dumps([len(v), [m for m in {HEAVY!r} if m in sys.modules]]))"
    )
    get_embedder()  # the converted model is on disk now
    assert json.loads(run_python(code)) == [384, []]


def test_the_embedder_is_loaded_once_per_process():
    assert get_embedder() is get_embedder()


def test_weights_with_a_wrong_hash_are_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    wrong = weights.Weights("some/model", tmp_path, weights.DEFAULT_SHA256)
    with pytest.raises(PermanentError) as caught:
        convert.convert(wrong, tmp_path / "cache")
    assert caught.value.code == ErrorCode.EMBEDDING_FAILED
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_an_unknown_model_is_an_error_with_a_code():
    with pytest.raises(PermanentError) as caught:
        weights.locate("nobody/no-such-model-anywhere")
    assert caught.value.code == ErrorCode.EMBEDDING_FAILED


def test_a_converted_model_is_not_converted_again(settings):
    target = convert.folder_for(weights.locate(weights.DEFAULT_MODEL), settings.MODEL_CACHE_DIR)
    get_embedder()
    before = target.stat().st_mtime_ns
    assert convert.convert(weights.locate(weights.DEFAULT_MODEL), settings.MODEL_CACHE_DIR) == target
    assert target.stat().st_mtime_ns == before


def test_the_fake_gives_equal_texts_equal_unit_vectors():
    fake = FakeEmbedder("fake", 384)
    first, second = fake.embed(["a b c", "a b c"])
    assert np.array_equal(first, second)
    assert np.isclose(np.linalg.norm(first), 1)
    assert float(first @ fake.embed_query("x y z")) < 0.9
