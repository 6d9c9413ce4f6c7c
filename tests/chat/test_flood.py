"""A client that sends more frames than a person could: it is read more slowly, and others notice nothing."""

import asyncio

import pytest

from chat import consumers
from tests.chat.conftest import QUESTION

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_burst_passes_and_what_comes_faster_waits(monkeypatch):
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(consumers.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(consumers.asyncio, "sleep", sleep)
    pace = consumers.Pace()
    for _ in range(consumers.FRAMES_AT_ONCE):
        await pace.frame()
    assert waited == []
    for _ in range(3):
        await pace.frame()
    assert waited == [number / consumers.FRAMES_PER_SECOND for number in (1, 2, 3)]
    monkeypatch.setattr(consumers.time, "monotonic", lambda: 101.0)
    for _ in range(int(consumers.FRAMES_PER_SECOND) - 3):
        await pace.frame()
    assert len(waited) == 3


async def test_a_flood_of_frames_loses_none_and_others_are_served(
    connect, llm, member, admin, collection, monkeypatch
):
    monkeypatch.setattr(consumers, "FRAMES_AT_ONCE", 10)
    monkeypatch.setattr(consumers, "FRAMES_PER_SECOND", 50.0)
    flooding, other = await connect(member), await connect(admin)
    kinds = ["ping", "nonsense"] * 40
    await asyncio.gather(*(flooding.say(type=kind) for kind in kinds))
    await other.say(type="chat", model_id=collection.pk, message=QUESTION)
    await other.hear_until("message_saved")
    heard = [await flooding.hear() for _ in kinds]
    assert [frame["type"] for frame in heard] == ["pong", "error"] * 40
