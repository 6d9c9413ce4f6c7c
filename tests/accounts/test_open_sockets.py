"""How many sockets one user may have open, over all processes, and what a killed process leaves."""

import asyncio
import threading

import pytest
from channels.testing import WebsocketCommunicator
from redis.exceptions import ConnectionError as RedisGone

from accounts import open_sockets, tokens, ws_auth
from chat.engine.threads import in_thread
from config import redis
from config.asgi import sockets
from config.errors import VerbatimError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _two_at_most(settings):
    redis.client().flushdb()
    settings.MAX_SOCKETS_PER_USER = 2


async def opened(user) -> WebsocketCommunicator:
    access = (await in_thread(tokens.issue, user))["access"]
    socket = WebsocketCommunicator(sockets, f"/api/chat/ws?token={access}")
    await socket.connect(5)
    return socket


def places(user) -> int:
    return redis.client().zcard(redis.key("sockets", str(user.pk)))


async def close_code(socket) -> int:
    return (await socket.receive_output(5))["code"]


async def serves(socket) -> bool:
    await socket.send_json_to({"type": "ping"})
    return (await socket.receive_json_from(5)) == {"type": "pong"}


async def test_the_newest_is_refused_the_others_stay_and_other_people_are_not_concerned(member, stranger):
    first, second = await opened(member), await opened(member)
    third = await opened(member)
    assert await close_code(third) == 4429
    assert await serves(first)
    assert await serves(second)
    other = await opened(stranger)
    assert await serves(other)
    for socket in (first, second, other):
        await socket.disconnect()


async def test_a_closed_socket_makes_room(member):
    first, second = await opened(member), await opened(member)
    await first.disconnect()
    third = await opened(member)
    assert await serves(third)
    for socket in (second, third):
        await socket.disconnect()


async def test_those_of_a_killed_process_run_out_and_those_that_are_open_are_renewed(member, monkeypatch):
    monkeypatch.setattr(open_sockets, "COUNTS_SECONDS", 1.0)
    monkeypatch.setattr(open_sockets, "RENEW_SECONDS", 0.2)
    living = await opened(member)
    assert open_sockets._enter(member.pk, "of a process that is killed now")
    with pytest.raises(VerbatimError):
        await open_sockets.enter(member.pk)
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(open_sockets._enter, member.pk, "a new one"):
            await asyncio.sleep(0.1)
    assert places(member) == 2
    assert await serves(living)
    await living.disconnect()


async def test_a_renewal_on_its_way_does_not_count_again_what_was_left(member, monkeypatch):
    monkeypatch.setattr(open_sockets, "RENEW_SECONDS", 0.05)
    place = await open_sockets.enter(member.pk)
    to_thread, goes_on = asyncio.to_thread, threading.Event()
    renewals: list[asyncio.Task] = []

    def late(function, *args):
        if renewals:
            return to_thread(function, *args)
        renewals.append(asyncio.create_task(to_thread(lambda: goes_on.wait(10) and function(*args))))
        return asyncio.shield(renewals[0])  # nor is a thread cancelled

    monkeypatch.setattr(asyncio, "to_thread", late)
    async with place, asyncio.timeout(5):
        while not renewals:
            await asyncio.sleep(0.01)
        assert places(member) == 1
    assert places(member) == 0
    goes_on.set()
    await renewals[0]
    assert places(member) == 0


async def test_what_redis_has_forgotten_counts_again_while_it_is_open(member, monkeypatch):
    monkeypatch.setattr(open_sockets, "RENEW_SECONDS", 0.05)
    async with await open_sockets.enter(member.pk):
        redis.client().flushdb()
        async with asyncio.timeout(5):
            while not places(member):
                await asyncio.sleep(0.02)
    assert places(member) == 0


async def test_while_redis_cannot_count_nobody_is_refused(member, monkeypatch):
    def away(*_args) -> int:
        raise RedisGone

    monkeypatch.setattr(open_sockets, "_count", away)
    sockets_of_his = [await opened(member) for _ in range(3)]
    for socket in sockets_of_his:
        assert await serves(socket)
        await socket.disconnect()


async def test_without_database_or_channel_layer_the_socket_says_try_later(member, monkeypatch):
    from django.db import OperationalError

    def down(_credentials):
        raise OperationalError("secret detail")

    access = (await in_thread(tokens.issue, member))["access"]
    with monkeypatch.context() as patch:
        patch.setattr(ws_auth, "resolve", down)
        socket = WebsocketCommunicator(sockets, f"/api/chat/ws?token={access}")
        await socket.connect(5)
        closed = await socket.receive_output(5)
        assert (closed["code"], "secret" in closed["reason"]) == (1013, False)

    async def gone(*_args):
        raise RedisGone("secret detail")

    monkeypatch.setattr("config.layer.PatientLayer.new_channel", gone)
    socket = WebsocketCommunicator(sockets, f"/api/chat/ws?token={access}")
    await socket.connect(5)
    assert await close_code(socket) == 1013
    async with asyncio.timeout(5):
        while places(member):
            await asyncio.sleep(0.02)
