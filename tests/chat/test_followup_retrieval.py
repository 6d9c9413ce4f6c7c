"""Follow-ups find what the whole question finds, over real documents; without an LLM, by the rule alone."""

from collections.abc import Callable

import pytest

from chat.engine.history import fallback
from chat.llm.base import ChatMessage
from documents.retrieval.search import search
from tests.documents import conftest
from tests.documents.test_versions import build
from tests.e2e.conftest import ROOT

corpora, upload = conftest.corpora, conftest.upload  # the fixtures

DEMO = ROOT / "chat" / "demo_documents"
NORTHWIND = "pdfqa/azure-northwind/pdfs"
WIKIPEDIA = "pdfqa/uda-wikipedia/pdfs"

# (questions so far, follow-up, the whole question)
Dialogue = tuple[list[str], str, str]

HANDBOOK: list[Dialogue] = [
    (["How much may a hotel cost per night?"], "And in capital cities?",
     "How much may a hotel cost in capital cities?"),
    (["How many days of annual leave do full-time staff have?"], "And part-time staff?",
     "How many days of annual leave do part-time staff have?"),
    (["How much is paid per kilometre for driving my own car?"], "And for cycling?",
     "How much is paid per kilometre for cycling?"),
    (["Who manages the Harbour Branch?"], "And the Station Branch?", "Who manages the Station Branch?"),
    (["Who manages the Harbour Branch?", "And the Station Branch?"], "And Westgate Branch?",
     "Who manages the Westgate Branch?"),
    (["How many visitors did the Hillside Branch have in 2025?"], "What about the Mobile Library?",
     "How many visitors did the Mobile Library have in 2025?"),
    (["What is the allowance for an absence of 8 to 14 hours?"], "And for more than 14 hours?",
     "What is the allowance for an absence of more than 14 hours?"),
    (["How long is lost property kept?"], "What happens to it then?",
     "What happens to lost property after that?"),
    (["How many days of annual leave do full-time staff have?"], "How many may be carried over?",
     "How many days of annual leave may be carried over?"),
    # another topic: what was asked before must not get in the way
    (["How many days of annual leave do full-time staff have?"], "How much may a hotel cost per night?",
     "How much may a hotel cost per night?"),
    (["How much may a hotel cost per night?"], "Where do people meet when the fire alarm sounds?",
     "Where do people meet when the fire alarm sounds?"),
    (["Who manages the Harbour Branch?"], "When are loan records erased after a return?",
     "When are loan records erased after a return?"),
]  # fmt: skip
PLANS: list[Dialogue] = [
    (["What is the calendar year deductible under Northwind Health Plus?"], "And under Northwind Standard?",
     "What is the calendar year deductible under Northwind Standard?"),
    (["What hearing care does Northwind Standard cover?"], "And what vision care?",
     "What vision care does Northwind Standard cover?"),
    (["What does the Chief Financial Officer do?"], "And the Chief Marketing Officer?",
     "What does the Chief Marketing Officer do?"),
    (["What are the responsibilities of a Senior Manager of Development?"], "And of a Director of Sales?",
     "What are the responsibilities of a Director of Sales?"),
    (["Who was King of the Franks from 1108 to 1137?"], "And from 1031 to 1060?",
     "Who was King of the Franks from 1031 to 1060?"),
    (["Which film did Jennifer Jones star in in 1943?"], "And in 1955?",
     "Which film did Jennifer Jones star in in 1955?"),
    (["When was Ben Platt born?"], "And Hannah John-Kamen?", "When was Hannah John-Kamen born?"),
    (["How many justices did the Supreme Court have in 1789?"], "And in 1869?",
     "How many justices did the Supreme Court have in 1869?"),
    (["Which role did Ben Platt play in Pitch Perfect?"], "And in Dear Evan Hansen?",
     "Which role did Ben Platt play in Dear Evan Hansen?"),
    (["What is PerksPlus?"], "Which lessons does it pay for?", "Which lessons does PerksPlus pay for?"),
    (["When was Ben Platt born?"], "How does Northwind Health Plus cover emergency services?",
     "How does Northwind Health Plus cover emergency services?"),
    (["What does the Chief Financial Officer do?"], "When can supreme court justices be removed from office?",
     "When can supreme court justices be removed from office?"),
]  # fmt: skip


def places(user, collection, query: str, rewritten: str | None = None) -> list[tuple]:
    """Document and place of the passages, best first."""
    found = search(user=user, collection=collection, query=query, rewritten=rewritten, top_k=5)
    return [(one.document_name, one.page, one.rows) for one in found.passages]


def share_found(
    user, collection, dialogues: list[Dialogue], rewrite: Callable[[list[str], str], str]
) -> tuple[float, list[str]]:
    """How many follow-ups find the whole question's best place first; and which do not."""
    missed = []
    for asked, question, whole in dialogues:
        wanted = places(user, collection, whole)[0]
        rewritten = rewrite(asked, question)
        if places(user, collection, question, rewritten)[0] != wanted:
            missed.append(f"{question!r} as {rewritten!r}: {wanted}")
    return 1 - len(missed) / len(dialogues), missed


def by_rule(asked: list[str], question: str) -> str:
    return fallback(question=question, history=[ChatMessage("user", text) for text in asked])


def last_turn_in_front(asked: list[str], question: str) -> str:
    """What a system does that always searches for both."""
    return f"{asked[-1]}\n{question}"


def as_asked(asked: list[str], question: str) -> str:
    return question


def measured(user, collection, dialogues: list[Dialogue]) -> dict[str, float]:
    """Share per way of searching; `-s` shows it, with what the rule missed."""
    share = {}
    for rule in (by_rule, as_asked, last_turn_in_front):
        share[rule.__name__], missed = share_found(user, collection, dialogues, rule)
        print(
            f"{rule.__name__}: {share[rule.__name__]:.2f}", *(missed if rule is by_rule else ()), sep="\n  "
        )
    return share


@pytest.fixture
def open_gate(collection):
    """The order counts here, not the gate."""
    collection.similarity_threshold = 0.0
    collection.save()
    return collection


def test_follow_ups_about_the_handbook_find_what_the_whole_question_finds(db, upload, member, open_gate):
    for name in ("staff-handbook.pdf", "branches.csv"):
        build(upload((DEMO / name).read_bytes(), name))
    assert measured(member, open_gate, HANDBOOK)["by_rule"] >= 0.9


@pytest.mark.timeout(600)
def test_follow_ups_over_many_pages_find_what_the_whole_question_finds(
    db, corpora, upload, member, open_gate
):
    paths = [DEMO / "staff-handbook.pdf", DEMO / "branches.csv"]
    paths += [path for folder in (NORTHWIND, WIKIPEDIA) for path in sorted((corpora / folder).glob("*.pdf"))]
    for path in paths:
        build(upload(path.read_bytes(), path.name))
    share = measured(member, open_gate, [*HANDBOOK, *PLANS])
    assert share["by_rule"] >= 0.9
    assert share["by_rule"] > max(share["as_asked"], share["last_turn_in_front"])
