"""Questions about a table, asked of the real server after a real worker has read the file."""

import asyncio
import json
import time

import pytest
from django.conf import settings

from accounts import tokens
from chat.engine.threads import in_thread
from chat.llm import registry
from chat.models import ChatSession
from documents.models import Document
from documents.tables import files, service
from documents.tasks import prepare_table
from tests.chat.tables.conftest import STATES, amount, ask, trace_of

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_a_value_of_two_columns_is_asked_back(http, collection, writer, upload, settle):
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
    upload,
    settle,
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


async def test_a_plan_is_asked_for_with_the_window_of_the_answer(http, table, collection, writer):
    collection.context_tokens = 6000
    await in_thread(collection.save)
    await ask(http, collection, "How many orders went to places in Germany?")
    assert len(writer.calls) == 2
    assert {one.context_tokens for one in writer.calls} == {6000}
