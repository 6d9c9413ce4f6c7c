"""Signing out of the pages ends the sockets that they opened, at once, and nobody else's."""

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import tokens
from config.asgi import sockets
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

OWN = [(b"host", b"testserver"), (b"origin", b"http://testserver")]


def signed_in(user) -> Client:
    client = Client()
    assert client.login(username=user.email, password=PASSWORD)
    return client


async def opened(path: str, client: Client | None = None) -> WebsocketCommunicator:
    """A socket with the client's cookie, if one is given."""
    key = client.cookies[settings.SESSION_COOKIE_NAME].value if client else ""
    headers = [*OWN, (b"cookie", f"{settings.SESSION_COOKIE_NAME}={key}".encode())]
    socket = WebsocketCommunicator(sockets, path, headers=headers)
    connected, _ = await socket.connect(5)
    assert connected
    return socket


async def close_code(socket: WebsocketCommunicator) -> int:
    while True:
        message = await socket.receive_output(5)
        if message["type"] == "websocket.close":
            return message["code"]


async def answers(socket: WebsocketCommunicator) -> bool:
    await socket.send_json_to({"type": "ping"})
    return (await socket.receive_json_from(5)) == {"type": "pong"}


@pytest.fixture(params=["chat", "documents"])
def path(request, collection) -> str:
    return "/api/chat/ws?" if request.param == "chat" else f"/api/documents/ws?model_id={collection.pk}&"


async def test_signing_out_closes_the_sockets_of_that_session_and_leaves_the_others(path, member):
    here, elsewhere = await sync_to_async(signed_in)(member), await sync_to_async(signed_in)(member)
    ticket = (await sync_to_async(here.post)("/api/auth/ws-ticket")).json()["ticket"]
    access = (await sync_to_async(tokens.issue)(member))["access"]
    ended = [await opened(path, here), await opened(f"{path}ticket={ticket}")]
    kept = [await opened(path, elsewhere), await opened(f"{path}token={access}")]
    for socket in (*ended, *kept):
        assert await answers(socket)
    await sync_to_async(here.post)("/signout")
    assert [await close_code(socket) for socket in ended] == [4401, 4401]
    for socket in kept:
        assert await answers(socket)
        await socket.disconnect()


async def test_signing_out_of_the_console_does_the_same(path, superadmin):
    console = await sync_to_async(signed_in)(superadmin)
    socket = await opened(path, console)
    assert (await sync_to_async(console.post)("/admin/logout/"))["Location"] == "/signin"
    assert await close_code(socket) == 4401


async def test_a_session_that_ended_without_a_hint_is_noticed_at_the_next_frame(path, member):
    socket = await opened(path, await sync_to_async(signed_in)(member))
    await Session.objects.all().adelete()
    await socket.send_json_to({"type": "ping"})
    assert await close_code(socket) == 4401


async def test_a_ticket_bought_by_a_session_that_has_ended_opens_nothing(path, member):
    here = await sync_to_async(signed_in)(member)
    ticket = (await sync_to_async(here.post)("/api/auth/ws-ticket")).json()["ticket"]
    await sync_to_async(here.post)("/signout")
    socket = await opened(f"{path}ticket={ticket}")
    assert await close_code(socket) == 4401
