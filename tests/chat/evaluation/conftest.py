"""A model with a document, and test questions about it."""

import pytest

from chat.evaluation import services
from chat.evaluation.matching import Place
from chat.evaluation.rules import Wanted
from chat.models import EvaluationQuestion
from documents.models import Document
from tests.chat.conftest import TEXTS, add_document


def at(question: str, *places: dict) -> Wanted:
    """A question whose answer stands at each of these places."""
    return Wanted(question, places=tuple(Place(**place) for place in places))


LEAVE = at("How many days of annual leave do full-time staff have?", {"passage": "25 days of annual leave"})
HOTEL = at("How much may a hotel cost per night?", {"document_name": "handbook.txt", "passage": "120 euros"})
NOWHERE = Wanted("Who won the football world cup of 1954?", answerable=False)
MISSED = at("When did the Harbour Branch open?", {"passage": "a sentence that stands in no document at all"})


@pytest.fixture
def handbook(collection, admin, db) -> Document:
    """A completed document of three passages."""
    return add_document(collection, admin, "handbook.txt", TEXTS)


@pytest.fixture
def questions(handbook, collection, admin) -> list[EvaluationQuestion]:
    """Two that are found, one that is refused, one whose passage does not exist."""
    return [
        services.question_create(actor=admin, collection=collection, wanted=wanted)
        for wanted in (LEAVE, HOTEL, NOWHERE, MISSED)
    ]
