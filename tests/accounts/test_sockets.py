"""Who may open a socket: tickets, tokens, subprotocols, cookies, and from which pages."""

import time

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisDown

from accounts import api_keys, tickets, tokens
from accounts.models import ApiKey, User
from accounts.services import tokens_revoke
from accounts.ws_auth import SocketAuth, user_now
from config import redis
from config.errors import ErrorCode, VerbatimError
from tests.conftest import PASSWORD, make_user

HOST = (b"host", b"testserver")
OWN = [HOST, (b"origin", b"http://testserver")]

pytestmark = pytest.mark.django_db(transaction=True)


async def show_scope(scope, receive, send) -> None:
    """The application behind the door: accepts and tells who came in, and with what left in the address."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": scope["auth_subprotocol"]})
    text = f"{scope['user'].email} {scope['auth_expires']} {scope['query_string'].decode()}"
    await send({"type": "websocket.send", "text": text})


async def knock(query: str = "", headers=(), subprotocols=()) -> tuple[str, object]:
    """What happens to a handshake: ("in", text), ("closed", code) or ("refused", code)."""
    socket = WebsocketCommunicator(
        SocketAuth(show_scope),
        f"/api/chat/ws?{query}",
        headers=list(headers),
        subprotocols=list(subprotocols),
    )
    accepted, detail = await socket.connect()
    if not accepted:
        return "refused", detail
    message = await socket.receive_output()
    if message["type"] == "websocket.close":
        return "closed", message["code"]
    return "in", message["text"]


def _cookie() -> tuple[bytes, bytes]:
    client = Client()
    assert client.login(username="mia@example.com", password=PASSWORD)
    return (b"cookie", f"a=b; sessionid={client.cookies['sessionid'].value}".encode())


@pytest.fixture
async def mia() -> User:
    return await database_sync_to_async(make_user)("mia@example.com")


@pytest.fixture
async def pair(mia) -> dict[str, str]:
    return await database_sync_to_async(tokens.issue)(mia)


@pytest.fixture
async def cookie(mia) -> tuple[bytes, bytes]:
    return await database_sync_to_async(_cookie)()


async def test_a_ticket_opens_one_socket_and_no_second(mia):
    ticket, seconds = tickets.issue(mia)
    assert seconds == 60
    assert await knock(f"ticket={ticket}&model_id=7", OWN) == ("in", "mia@example.com None model_id=7")
    assert await knock(f"ticket={ticket}", OWN) == ("closed", 4401)


async def test_a_ticket_ends_with_the_token_that_bought_it(mia):
    ticket, _ = tickets.issue(mia, expires=1234567890)
    assert (await knock(f"ticket={ticket}", OWN))[1].split()[1] == "1234567890"


async def test_an_access_token_in_the_address_works_and_is_not_handed_on(pair):
    state, text = await knock(f"model_id=7&token={pair['access']}", OWN)
    assert state == "in"
    email, expires, query = text.split()
    assert (email, query) == ("mia@example.com", "model_id=7")
    assert 1700 < int(expires) - time.time() <= 1800 + settings.CLOCK_LEEWAY_SECONDS


async def test_a_subprotocol_works_and_is_echoed(pair):
    socket = WebsocketCommunicator(
        SocketAuth(show_scope), "/api/chat/ws", headers=OWN, subprotocols=[f"bearer.{pair['access']}"]
    )
    assert await socket.connect() == (True, f"bearer.{pair['access']}")


async def test_the_session_cookie_works_from_our_own_pages(cookie):
    state, text = await knock(headers=[*OWN, cookie])
    assert state == "in"
    assert text.startswith("mia@example.com")
    assert float(text.split()[1]) > time.time()


@pytest.mark.parametrize(
    "origin",
    [
        b"http://evil.com",
        b"null",
        b"http://testserver.evil.com",
        b"http://eviltestserver",
        b"http://evil.com/testserver",
        b"http://testserver@evil.com",
        b"http://testserver:8000",
        b"file://testserver",
        b"http://",
        b"http://[",
        b"testserver",
        b"",
        b"http://testserver http://evil.com",
    ],
)
async def test_a_foreign_origin_is_refused_before_accept_whatever_it_brings(cookie, pair, origin):
    headers = [HOST, (b"origin", origin)]
    assert (await knock(headers=[*headers, cookie]))[0] == "refused"
    assert (await knock(f"token={pair['access']}", headers))[0] == "refused"


async def test_a_host_that_is_not_ours_makes_no_origin_our_own(cookie):
    """DNS rebinding: page and Host agree on a name that is not ours."""
    headers = [(b"host", b"evil.com"), (b"origin", b"http://evil.com"), cookie]
    assert (await knock(headers=headers))[0] == "refused"


async def test_without_an_origin_explicit_credentials_pass_and_the_cookie_does_not(mia, pair, cookie):
    ticket, _ = tickets.issue(mia)
    assert (await knock(f"ticket={ticket}"))[0] == "in"
    assert (await knock(f"token={pair['access']}"))[0] == "in"
    assert (await knock(subprotocols=[f"bearer.{pair['access']}"]))[0] == "in"
    assert (await knock(headers=[HOST, cookie]))[0] == "refused"


@pytest.mark.parametrize(
    ("trusted", "origin", "state"),
    [
        ("https://app.example.com", b"https://app.example.com", "in"),
        ("https://app.example.com", b"http://app.example.com", "refused"),
        ("https://*.example.com", b"https://app.example.com", "in"),
        ("https://*.example.com", b"https://app.example.com.evil.com", "refused"),
        ("https://*.example.com", b"https://evilexample.com", "refused"),
    ],
)
async def test_trusted_origins_are_let_in_exactly_as_written(settings, pair, trusted, origin, state):
    settings.CSRF_TRUSTED_ORIGINS = [trusted]
    headers = [HOST, (b"origin", origin)]
    assert (await knock(f"token={pair['access']}", headers))[0] == state


@pytest.mark.parametrize(
    ("host", "origin", "state"),
    [
        (b"testserver:443", b"https://testserver", "in"),
        (b"testserver", b"https://testserver:443", "in"),
        (b"TestServer", b"HTTPS://TESTSERVER", "in"),
        (b"testserver", b"http://testserver", "refused"),
    ],
)
async def test_behind_tls_the_page_must_be_https_and_default_ports_count(settings, pair, host, origin, state):
    settings.SESSION_COOKIE_SECURE = True
    headers = [(b"host", host), (b"origin", origin)]
    assert (await knock(f"token={pair['access']}", headers))[0] == state


@pytest.mark.parametrize("query", ["", "ticket=nope", "token=a.b.c", "token=%00", "ticket=%ff%fe", "token="])
async def test_wrong_or_no_credentials_are_closed_with_4401(mia, query):
    assert await knock(query, OWN) == ("closed", 4401)


async def test_a_refresh_token_opens_no_socket(pair):
    assert await knock(f"token={pair['refresh']}", OWN) == ("closed", 4401)


async def test_a_wrong_token_does_not_fall_back_to_the_cookie(cookie):
    assert await knock("token=a.b.c", [*OWN, cookie]) == ("closed", 4401)


async def test_revocation_closes_all_four_doors(mia, pair, cookie):
    ticket, _ = tickets.issue(mia)
    await database_sync_to_async(tokens_revoke)(user=mia)
    for arguments in (
        {"query": f"ticket={ticket}", "headers": OWN},
        {"query": f"token={pair['access']}", "headers": OWN},
        {"headers": OWN, "subprotocols": [f"bearer.{pair['access']}"]},
        {"headers": [*OWN, cookie]},
    ):
        assert await knock(**arguments) == ("closed", 4401)


async def test_the_deactivated_open_nothing(mia, pair, cookie):
    ticket, _ = tickets.issue(mia)
    await User.objects.filter(pk=mia.pk).aupdate(is_active=False)
    for query, headers in ((f"ticket={ticket}", OWN), (f"token={pair['access']}", OWN), ("", [*OWN, cookie])):
        assert await knock(query, headers) == ("closed", 4401)


async def test_without_redis_a_ticket_asks_to_come_back_later(mia, monkeypatch):
    ticket, _ = tickets.issue(mia)

    def down(*args, **kwargs):
        raise RedisDown("refused")

    monkeypatch.setattr(redis.client(), "getdel", down)
    assert await knock(f"ticket={ticket}", OWN) == ("closed", 1013)
    monkeypatch.setattr(redis.client(), "set", down)
    with pytest.raises(VerbatimError) as caught:
        tickets.issue(mia)
    assert caught.value.code == ErrorCode.SERVICE_UNAVAILABLE


def test_redis_holds_tickets_hashed_and_for_a_minute():
    user = make_user("mia@example.com")
    redis.client().flushdb()
    ticket, _ = tickets.issue(user)
    keys = redis.client().keys("*ticket*")
    assert len(keys) == 1
    assert ticket.encode() not in keys[0]
    assert 0 < redis.client().ttl(keys[0]) <= settings.WS_TICKET_SECONDS
    assert tickets.redeem(ticket) == user


async def test_an_api_key_opens_a_socket_and_is_not_handed_on(mia):
    key, raw = await database_sync_to_async(api_keys.key_create)(user=mia, name="Script")
    assert await knock(f"token={raw}&model_id=7") == ("in", "mia@example.com None model_id=7")
    assert (await knock(subprotocols=[f"bearer.{raw}"]))[0] == "in"
    assert await knock(f"token={raw[:-1]}") == ("closed", 4401)
    await database_sync_to_async(api_keys.key_delete)(actor=mia, key=key)
    assert await knock(f"token={raw}") == ("closed", 4401)


@pytest.mark.parametrize("end", ["delete", "expire", "deactivate"])
def test_a_socket_that_a_key_opened_ends_with_the_key(end):
    mia = make_user("mia@example.com")
    key, _ = api_keys.key_create(user=mia, name="Script")
    other, _ = api_keys.key_create(user=mia, name="Other")
    scope = {"user": mia, "auth_key": key.pk}
    assert user_now(scope) == mia
    if end == "delete":
        api_keys.key_delete(actor=mia, key=key)
    elif end == "expire":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    else:
        User.objects.update(is_active=False)
    assert user_now(scope) is None
    assert (user_now({"user": mia, "auth_key": other.pk}) == mia) is (end != "deactivate")
