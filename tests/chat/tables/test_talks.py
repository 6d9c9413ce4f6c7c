"""A table asked within a conversation, in any language: nothing is computed by half, nor read in silence."""

import json
import re
from dataclasses import dataclass, field

import pytest

from chat.engine.threads import in_thread
from chat.llm import registry
from chat.llm.base import LLMConfig, LLMRequest
from tests.chat.conftest import ScriptedLLM
from tests.chat.tables.conftest import ask, trace_of

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Conversing(ScriptedLLM):
    """Says what it is asked for: the last question rewritten, a plan, or an answer."""

    rewritten: str = ""
    plan: dict = field(default_factory=lambda: {"do": "none"})
    planned_for: str = ""

    async def stream(self, request: LLMRequest):
        asked = request.messages[0].content
        if asked.startswith("You rewrite the last question"):
            self.script = [self.rewritten]
        elif asked.startswith("You turn a question about a table into a plan"):
            self.planned_for = request.question
            self.script = [json.dumps(self.plan)]
        else:
            self.script = ["The table tells it."]
        async for event in super().stream(request):
            yield event


@pytest.fixture
def conversing(collection, monkeypatch) -> Conversing:
    llm = Conversing(config=LLMConfig("openai"))
    monkeypatch.setattr(registry, "build", lambda config: llm)
    collection.answer_mode, collection.similarity_threshold = "assist", 0.0
    collection.save()
    return llm


async def test_a_follow_up_is_computed_as_completed_and_a_whole_question_as_asked(
    http, table, collection, llm
):
    def count(state: str, city: str) -> int:
        return sum(row["status"] == state and row["city"].lower() == city for row in table[1])

    first = await ask(http, collection, "How many open orders are in Berlin?")
    more = {"session_id": first["session_id"]}
    second = await ask(http, collection, "and in Munich?", **more)
    assert f"**{count('open', 'munich')}** of the 400 rows" in second["answer"]
    third = await ask(http, collection, "number of orders by status", **more)
    assert "- `open`: **" in third["answer"]
    why = await ask(http, collection, "Why are most of them in Berlin?", **more)
    assert "computed" not in why["answer"].lower()


IN_BERLIN = "How many orders are in Berlin?"


def numbers_of(rows: list[dict[str, str]], **wanted: str) -> list[int]:
    return [
        number
        for number, row in enumerate(rows, 1)
        if all(row[name].lower() == value for name, value in wanted.items())
    ]


@pytest.mark.parametrize(
    "question",
    ["How many of them are open?", "How many are open?", "Which of them has the highest total?"]
    + ["What is their average total?", "Which has the highest total?"],
)
async def test_what_refers_back_is_not_computed_without_what_it_refers_to(
    http, table, collection, conversing, question
):
    first = await ask(http, collection, IN_BERLIN)
    assert "**200** of the 400 rows" in first["answer"]
    conversing.rewritten = question  # an LLM that completes nothing
    body = await ask(http, collection, question, session_id=first["session_id"])
    assert "Computed over" not in body["answer"]
    assert "plan" not in (await trace_of(body))["table"]
    assert conversing.planned_for == f"{IN_BERLIN}\n{question}"


async def test_a_follow_up_without_an_llm_is_not_computed_by_half(http, table, collection, llm):
    first = await ask(http, collection, IN_BERLIN)
    body = await ask(http, collection, "How many of them are open?", session_id=first["session_id"])
    assert "rows of `orders.csv` match" not in body["answer"]
    assert "plan" not in (await trace_of(body))["table"]


async def test_a_follow_up_is_computed_as_the_llm_completed_it(http, table, collection, conversing):
    _, rows = table
    first = await ask(http, collection, IN_BERLIN)
    conversing.rewritten = "How many orders in Berlin are open?"
    body = await ask(http, collection, "How many of them are open?", session_id=first["session_id"])
    expected = numbers_of(rows, city="berlin", status="open")
    assert f"**{len(expected)}** of the 400 rows" in body["answer"]
    traced = (await trace_of(body))["table"]
    assert (traced["by"], traced["rows"]) == ("parser", expected[:20])


async def test_a_plan_is_asked_for_with_what_the_question_refers_to(http, table, collection, conversing):
    _, rows = table
    first = await ask(http, collection, IN_BERLIN)
    conversing.rewritten = "How many of them are open?"
    where = [
        {"column": name, "is": "=", "value": value}
        for name, value in (("city", "Berlin"), ("status", "open"))
    ]
    conversing.plan = {"do": "count", "where": where}
    body = await ask(http, collection, "How many of them are open?", session_id=first["session_id"])
    traced = (await trace_of(body))["table"]
    assert traced["by"] == "llm"
    assert traced["rows_matched"] == len(numbers_of(rows, city="berlin", status="open"))


async def test_an_order_of_what_is_added_up_is_refused(http, table, collection, conversing):
    conversing.plan = {"do": "sum", "column": "total", "order": "highest", "limit": 10}
    body = await ask(http, collection, "What do the ten highest totals in orders.csv come to?")
    assert "Not computed: read from" in body["answer"]
    assert (await trace_of(body))["table"]["proposed"] == "an order of nothing"


def rows_given(body: dict) -> int:
    spans = [one["rows"] for one in body["sources"] if one["rows"]]
    return len({row for first, last in spans for row in range(first, last + 1)})


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Montako tilausta: Berlin, returned, R-00012, R-00204 (orders.csv)?", "Read"),  # whose words we lack
        ("Сколько заказов в orders.csv: Berlin, returned, R-00012, R-00204?", "Not computed: read"),
    ],
)
async def test_in_any_language_the_answer_says_from_how_many_rows(
    http, table, collection, conversing, question, said
):
    body = await ask(http, collection, question)
    assert rows_given(body) > 0
    assert f"*{said} from {rows_given(body)} of 400 rows of `orders.csv`" in body["answer"]
    assert bool(conversing.planned_for) == (said != "Read")


async def test_rows_that_did_not_fit_into_the_prompt_are_not_counted(http, table, collection, conversing):
    question = "Montako tilausta: Berlin, returned, R-00012, R-00204 (orders.csv)?"
    collection.top_k = 12
    await in_thread(collection.save)
    whole = rows_given(await ask(http, collection, question))
    collection.context_tokens, collection.max_tokens = 1500, 64
    await in_thread(collection.save)
    body = await ask(http, collection, question)
    assert (await trace_of(body))["prompt"]["trimmed"]["passages"] > 0
    read = re.search(r"Read from (\d+) of 400 rows", body["answer"])
    assert read is not None, body["answer"]
    assert 0 < int(read[1]) == rows_given(body) < whole
