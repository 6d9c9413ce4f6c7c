"""Questions about a table, asked of the real server after a real worker has read the file."""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from decimal import Decimal

import httpx
import pytest
from django.conf import settings

from accounts import tokens
from chat.engine.threads import in_thread
from chat.llm import registry
from chat.llm.base import LLMConfig, LLMRequest
from chat.models import ChatSession
from documents.models import Document
from documents.tables import files, service
from documents.tasks import prepare_table
from tests.chat.conftest import ScriptedLLM, serve, stored
from tests.documents.conftest import settle, upload  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

CITIES = ["Berlin", "Munich", "Paris", "berlin"]
STATES = ["open", "closed", "returned"]


def orders(count: int = 400) -> tuple[bytes, list[dict[str, str]]]:
    """A table of orders with thousands separators, blanks and cells that are no number."""
    rows = []
    for number in range(1, count + 1):
        total = f"{Decimal(number * 1037) / 100:,.2f}"
        rows.append(
            {
                "order_id": f"R-{number:05d}",
                "order_date": f"{2018 + number % 5}-{1 + number % 12:02d}-{1 + number % 28:02d}",
                "city": CITIES[number % 4],
                "status": STATES[number % 3],
                "total": "" if number % 50 == 0 else "n/a" if number % 77 == 0 else total,
            }
        )
    lines = [";".join(rows[0]), *(";".join(row.values()) for row in rows)]
    return "\n".join(lines).encode(), rows


def amount(row: dict[str, str]) -> Decimal | None:
    text = row["total"].replace(",", "")
    return Decimal(text) if text and text != "n/a" else None


@pytest.fixture
def table(celery_worker, upload, settle):  # noqa: F811
    content, rows = orders()
    (document,) = settle(upload(content, "orders.csv"))
    assert document.status == "completed", document.error_message
    return document, rows


@pytest.fixture
def writer(llm, collection) -> ScriptedLLM:
    """A scripted LLM that is asked for plans too, in a model that answers from whatever was found."""
    llm.config = LLMConfig("openai")
    collection.answer_mode, collection.similarity_threshold = "assist", 0.0
    collection.save()
    return llm


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


@pytest.fixture
async def http(table, member):
    access = (await in_thread(tokens.issue, member))["access"]
    async with (
        serve() as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {access}"},
            trust_env=False,
            timeout=60,
        ) as client,
    ):
        yield client


async def ask(http, collection, question: str, **more) -> dict:
    answer = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": question} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def trace_of(body: dict) -> dict:
    return (await stored(body["message_id"])).trace.data


async def test_a_count_is_over_all_rows_and_cites_the_rows_behind_it(http, table, collection, llm):
    document, rows = table
    expected = [
        n for n, row in enumerate(rows, 1) if row["city"].lower() == "berlin" and row["status"] == "open"
    ]
    body = await ask(http, collection, "How many open orders are in Berlin?")
    assert f"**{len(expected)}** of the 400 rows of `orders.csv`" in body["answer"]
    assert llm.calls == []  # no LLM counts
    (source,) = body["sources"]
    assert (source["marker"], source["document_id"], source["supported"]) == (1, document.pk, True)
    assert source["rows"] == [expected[0], expected[-1]]
    traced = (await trace_of(body))["table"]
    assert traced["by"] == "parser"
    assert (traced["rows_matched"], traced["rows_total"]) == (len(expected), 400)
    assert traced["rows"] == expected[:20]
    assert traced["words"] == "number of rows, where status is open and city is Berlin"


async def test_a_sum_leaves_out_blanks_and_tells_so(http, table, collection, llm):
    _, rows = table
    amounts = [amount(row) for row in rows if row["order_date"] >= "2018"]
    known = [value for value in amounts if value is not None]
    body = await ask(http, collection, "What is the sum of total after 2017?")
    assert f"**{sum(known):,.2f}**" in body["answer"]
    assert f"from {len(known)} rows" in body["answer"]
    ignored = (await trace_of(body))["table"]["ignored"]
    assert sum(ignored.values()) == len(amounts) - len(known)
    assert set(ignored) == {"blank cells", "cells that could not be read"}
    assert "left out" in body["answer"]


async def test_strict_mode_does_not_refuse_what_was_computed(http, table, collection, llm):
    collection.answer_mode = "strict"
    collection.similarity_threshold = 0.99
    await in_thread(collection.save)
    body = await ask(http, collection, "How many orders are there per status?")
    for state in STATES:
        count = sum(row["status"] == state for row in table[1])
        assert f"- `{state}`: **{count}**" in body["answer"]


async def test_a_plan_of_the_llm_is_run_and_its_result_given_to_it(http, table, collection, writer):
    plan = {"do": "count", "where": [{"column": "status", "is": "=", "value": "returned"}]}
    expected = sum(row["status"] == "returned" for row in table[1])
    writer.script = [json.dumps(plan)]
    body = await ask(http, collection, "Wie viele Bestellungen im orders wurden zurückgeschickt?")
    asked, answered = writer.calls
    assert '"do"' in asked.messages[0].content
    assert f"{expected} of the 400 rows of orders.csv match" in answered.passages[0].content
    assert body["answer"].endswith(f"and {expected - 10} more.*")
    traced = (await trace_of(body))["table"]
    assert (traced["by"], traced["rows_matched"]) == ("llm", expected)


WRONG = {
    "unknown column": {"do": "sum", "column": "profit"},
    "no number": {"do": "average", "column": "city"},
    "an injection": {
        "do": "count",
        "where": [{"column": "city", "is": "=", "value": "x' OR 1=1; DROP TABLE t --"}],
    },
    "an injection as column": {"do": "sum", "column": "total) FROM t; DROP TABLE t --"},
    "wrong type": {"do": "count", "where": [{"column": "total", "is": ">", "value": "much"}]},
    "SQL": {"sql": "SELECT count(*) FROM t"},
    "nested": {"do": "count", "where": {"column": {"a": 1}}},
    "operator": {"do": "count", "where": [{"column": "total", "is": "LIKE", "value": "1"}]},
    "limit": {"do": "count", "by": "city", "limit": 10**9},
}


@pytest.mark.parametrize("plan", [*map(json.dumps, WRONG.values()), "{", "[" * 100_000, "I think about 12."])
async def test_a_wrong_plan_ends_in_an_answer_that_says_from_how_many_rows(
    http, table, collection, writer, plan
):
    writer.script = [plan]
    body = await ask(http, collection, "Roughly how many orders got returned in orders.csv by city?")
    assert "Not computed: read from" in body["answer"]
    assert "of 400 rows of `orders.csv`" in body["answer"]
    ours = body["answer"].find("Not computed")
    assert all(one["end"] <= ours for one in body["general_parts"])  # we say it, no LLM knows it
    traced = (await trace_of(body))["table"]
    assert traced["reason"] == "not understood"
    assert "plan" not in traced
    again = await ask(http, collection, "How many orders are there?")
    assert "**400 rows**" in again["answer"]  # nothing was dropped
    assert again["general_parts"] == []


async def test_a_stranger_gets_nothing_and_a_deleted_table_leaves_nothing(
    http, table, collection, stranger, admin, llm
):
    document, _ = table
    await ask(http, collection, "How many orders are there?")
    made = files.database_of(document.stored_name, document.reading)
    assert made.exists()
    access = (await in_thread(tokens.issue, stranger))["access"]
    refused = await http.post(
        "/api/chat/chat",
        json={"model_id": collection.pk, "message": "How many orders are there?"},
        headers={"Authorization": f"Bearer {access}"},
    )
    assert refused.status_code == 404
    from documents.services import document_delete

    await in_thread(document_delete, actor=admin, document=document)
    assert not made.exists()
    assert list(settings.TABLES_DIR.glob(f"??/{document.stored_name}*")) == []
    assert await in_thread(Document.objects.count) == 0


async def test_a_table_that_takes_too_long_is_answered_from_its_passages(
    http, table, collection, writer, monkeypatch
):
    monkeypatch.setattr(service, "ASK_SECONDS", 0.001)
    rung = []
    monkeypatch.setattr(prepare_table, "apply_async", lambda args, **options: rung.append(args))
    document, _ = table
    made = files.database_of(document.stored_name, document.reading)
    deadline = time.monotonic() + 60
    while not made.exists() and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    made.unlink()  # as if the worker had never come to it
    body = await ask(http, collection, "How many orders are in Berlin?")
    assert "Not computed: read from" in body["answer"]
    assert (await trace_of(body))["table"]["reason"] == "took too long"
    assert rung == [(document.pk,)], "a worker makes it ready for the next question"
    monkeypatch.undo()
    monkeypatch.setattr(registry, "build", lambda config: writer)
    assert "**200** of the 400 rows" in (await ask(http, collection, "How many orders in Berlin?"))["answer"]


async def test_a_value_of_two_columns_is_asked_back(http, collection, writer, upload, settle):  # noqa: F811
    content = "parcel,sender,receiver\n" + "".join(
        f"{n},Oslo,Rome\n{n + 1},Rome,Oslo\n" for n in range(1, 90, 2)
    )
    (document,) = await in_thread(settle, await in_thread(upload, content.encode(), "parcels.csv"))
    writer.script = ["Nothing."]
    body = await ask(http, collection, "How many parcels are from Oslo in parcels.csv?")
    assert "say which column you mean: oslo fits `sender` and `receiver`" in body["answer"]
    assert (await trace_of(body))["table"]["ambiguous"] == ["oslo", ["sender", "receiver"]]


async def test_where_two_tables_fit_the_answer_says_which_was_used(
    http,
    table,
    collection,
    llm,
    upload,  # noqa: F811
    settle,  # noqa: F811
):
    content = "\n".join(["order_id,city", *(f"{n},Berlin" for n in range(30))])
    await in_thread(settle, await in_thread(upload, content.encode(), "more orders.csv"))
    body = await ask(http, collection, "How many orders are in Berlin?")
    others = (await trace_of(body))["table"]["also_fits"]
    assert len(others) == 1
    assert f"This could be asked of `{others[0]}` too" in body["answer"]


def test_tables_are_those_that_the_asking_person_may_see(table, collection, admin, member, stranger):
    document, _ = table

    def found(user, session_id=None):
        tables = service.tables_for(
            user=user, collection_id=collection.pk, session_id=session_id, nearest=[document.pk]
        )
        return [one.document_id for one in tables]

    assert found(member) == [document.pk]
    assert found(stranger) == []
    chat = ChatSession.objects.create(user=member, collection=collection)
    Document.objects.filter(pk=document.pk).update(session_id=chat.pk, uploaded_by=member)
    assert found(member) == []  # another chat, or none
    assert found(member, chat.pk) == [document.pk]
    assert found(admin, chat.pk) == []


def test_a_table_is_made_ready_by_the_worker(table):
    document, _ = table
    made = files.database_of(document.stored_name, document.reading)
    for _ in range(200):
        if made.exists():
            break
        time.sleep(0.1)
    assert made.exists()


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
        (
            "Montako tilausta palautettiin tiedostossa orders.csv?",
            "Read",
        ),  # in a language whose words we lack
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
