"""A table of orders, read by a real worker and asked of the real server."""

from decimal import Decimal

import httpx
import pytest

from accounts import tokens
from chat.engine.threads import in_thread
from chat.llm.base import LLMConfig
from tests.chat.conftest import ScriptedLLM, serve, stored
from tests.documents.conftest import settle, upload  # noqa: F401

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


@pytest.fixture
def writer(llm, collection) -> ScriptedLLM:
    """A scripted LLM that is asked for plans too, in a model that answers from whatever was found."""
    llm.config = LLMConfig("openai")
    collection.answer_mode, collection.similarity_threshold = "assist", 0.0
    collection.save()
    return llm


async def ask(http, collection, question: str, **more) -> dict:
    answer = await http.post("/api/chat/chat", json={"model_id": collection.pk, "message": question} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def trace_of(body: dict) -> dict:
    return (await stored(body["message_id"])).trace.data
