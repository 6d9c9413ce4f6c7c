"""A question's vector may be begun before it is asked for."""

import threading
from collections import OrderedDict

import numpy as np
import pytest

from config.errors import ErrorCode, VerbatimError
from documents.retrieval import questions


class Embedder:
    """Embeds each text as its length; what begins with "wait" only once it may."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.threads: set[int] = set()
        self.may = threading.Event()
        self.fails = True

    def embed_query(self, text: str) -> np.ndarray:
        self.texts.append(text)
        self.threads.add(threading.get_ident())
        if text.startswith("wait"):
            assert self.may.wait(10)
        if text == "broken" and self.fails:
            raise VerbatimError(ErrorCode.EMBEDDING_FAILED)
        return np.array([float(len(text))])


@pytest.fixture
def embedder(monkeypatch):
    embedder = Embedder()
    monkeypatch.setattr(questions, "get_embedder", lambda model: embedder)
    monkeypatch.setattr(questions, "_begun", OrderedDict())
    yield embedder
    embedder.may.set()
    for model, text in list(questions._begun):
        questions.vector(model, text)


def test_what_was_begun_is_used_once_and_by_its_model_alone(embedder):
    questions.begin("m", "abc")
    questions.begin("m", "abc")
    questions._begun["m", "abc"].result(10)
    assert questions.vector("m", "abc") == [3.0]
    assert embedder.texts == ["abc"]
    assert embedder.threads != {threading.get_ident()}
    assert questions.vector("m", "abc") == [3.0]
    assert questions.vector("other", "abc") == [3.0]
    assert embedder.texts == ["abc"] * 3
    assert not questions._begun


def test_who_comes_before_its_turn_does_not_wait_for_the_others(embedder):
    questions.begin("m", "wait for it")
    questions.begin("m", "second")
    assert questions.vector("m", "second") == [6.0]
    embedder.may.set()
    assert questions.vector("m", "wait for it") == [11.0]
    assert sorted(embedder.texts) == ["second", "wait for it"]


def test_a_failure_reaches_who_asks(embedder):
    questions.begin("m", "broken")
    with pytest.raises(VerbatimError) as caught:
        questions.vector("m", "broken")
    assert caught.value.code == ErrorCode.EMBEDDING_FAILED


def test_a_failure_that_nobody_asked_for_is_no_answer_to_the_next_one(embedder):
    questions.begin("m", "broken")
    with pytest.raises(VerbatimError):
        questions._begun["m", "broken"].result(10)
    embedder.fails = False
    questions.begin("m", "broken")
    assert questions.vector("m", "broken") == [6.0]


def test_what_nobody_asks_for_is_forgotten(embedder):
    questions.begin("m", "wait")
    for number in range(questions.AT_MOST + 5):
        questions.begin("m", f"question {number}")
    assert len(questions._begun) == questions.AT_MOST
    assert ("m", "wait") not in questions._begun
    embedder.may.set()
