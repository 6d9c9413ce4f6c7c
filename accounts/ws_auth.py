"""Who opens a socket: the origin first, then ticket, token, subprotocol or session cookie."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain
from redis.exceptions import RedisError

from accounts import api_keys, open_sockets, selectors, tickets, tokens
from accounts.models import User
from config.errors import ErrorCode, VerbatimError

log = logging.getLogger(__name__)

CLOSE_UNAUTHENTICATED = 4401
CLOSE_TOO_MANY = 4429
CLOSE_TRY_LATER = 1013
CLOSES = {
    ErrorCode.SERVICE_UNAVAILABLE: CLOSE_TRY_LATER,
    ErrorCode.TOO_MANY_SOCKETS: CLOSE_TOO_MANY,
}
BEARER_PREFIX = "bearer."
DEFAULT_PORTS = {"http": "80", "https": "443"}

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Credentials:
    """What a handshake brought. `explicit`: something that a foreign page cannot make the browser send."""

    ticket: str = ""
    token: str = ""
    subprotocol: str | None = None
    session_key: str = ""

    @property
    def explicit(self) -> bool:
        return bool(self.ticket or self.token)


@dataclass(frozen=True)
class Opener:
    """Who opens a socket, and by what.

    Attributes:
        expires: when he must show his credentials again (epoch seconds); None: no limit of its own.
        session_key: of his page session, empty where a token or a key opens the socket.
        key_id: of his API key, if it was one.
    """

    user: User
    expires: float | None
    session_key: str = ""
    key_id: int | None = None


class Told:
    """Sends, and knows whether anything was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.anything = False

    async def __call__(self, message: dict[str, Any]) -> None:
        self.anything = True
        await self._send(message)


class SocketAuth:
    """ASGI middleware: adds `user`, `auth_expires` (epoch seconds or None), `auth_session` (the key of the
    page session that opened the socket, or empty), `auth_key` (the id of the API key that did, or None) and
    `auth_subprotocol`. Consumers ask `user_now` each time.

    A foreign origin is refused before accept (HTTP 403). Wrong or expired credentials are accepted and closed
    with 4401, so that a browser's script can see the code; one socket too many is closed with 4429, and while
    the database or Redis is away one is closed with 1013.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        credentials = read_credentials(scope, headers)
        if not origin_allowed(headers, explicit=credentials.explicit):
            await receive()
            await send({"type": "websocket.close", "code": 4403})
            return
        try:
            opener = await database_sync_to_async(resolve)(credentials)
            place = await open_sockets.enter(opener.user.pk)
        except (VerbatimError, DatabaseError) as error:
            await _refuse(error, credentials, receive, send)
            return
        opened = scope | {
            "user": opener.user,
            "auth_expires": opener.expires,
            "auth_session": opener.session_key,
            "auth_key": opener.key_id,
            "auth_subprotocol": credentials.subprotocol,
            "query_string": _without_secrets(scope["query_string"]),
        }
        told = Told(send)
        async with place:
            try:
                await self.app(opened, receive, told)
            except (RedisError, OSError) as error:  # the channel layer cannot be reached
                if told.anything:
                    raise
                await _refuse(error, credentials, receive, send)


def read_credentials(scope: dict[str, Any], headers: dict[bytes, bytes]) -> Credentials:
    """What the handshake offers; if several, the ticket wins, then the token, the subprotocol, the cookie."""
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    offered = next((name for name in scope.get("subprotocols", ()) if name.startswith(BEARER_PREFIX)), None)
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    return Credentials(
        ticket=query.get("ticket", ""),
        token=query.get("token", "") or (offered or "").removeprefix(BEARER_PREFIX),
        subprotocol=offered,
        session_key=cookies.get(settings.SESSION_COOKIE_NAME, ""),
    )


def origin_allowed(headers: dict[bytes, bytes], *, explicit: bool) -> bool:
    """Whether the page that opens the socket is ours: same host, or in CSRF_TRUSTED_ORIGINS.

    Without an Origin it is no browser: let through with explicit credentials, never with the cookie alone.
    """
    if b"origin" not in headers:
        return explicit
    origin = headers[b"origin"].decode("latin-1").lower()
    try:
        parts = urlsplit(origin)
    except ValueError:  # e.g. an unclosed bracket
        return False
    if parts.scheme not in DEFAULT_PORTS or not parts.netloc:
        return False
    if settings.SESSION_COOKIE_SECURE and parts.scheme != "https":
        return False
    return _same_host(parts.scheme, parts.netloc, headers) or _trusted(parts.scheme, parts.netloc)


def resolve(credentials: Credentials) -> Opener:
    """Whom the credentials stand for.

    Raises:
        VerbatimError: TOKEN_INVALID, NOT_AUTHENTICATED without any credentials, or SERVICE_UNAVAILABLE.
    """
    if credentials.ticket:
        user, expires, session_key = tickets.redeem_until(credentials.ticket)
        if selectors.page_session_ended(session_key):
            raise VerbatimError(ErrorCode.TOKEN_INVALID)
        return Opener(user, expires, session_key)
    if credentials.token:
        shown = tokens.authenticate(credentials.token)
        return Opener(shown.user, shown.expires, key_id=shown.key_id)
    if credentials.session_key:
        return _session_user(credentials.session_key)
    raise VerbatimError(ErrorCode.NOT_AUTHENTICATED)


def user_now(scope: dict[str, Any]) -> User | None:
    """The socket's user as he is now; None once his tokens, this key or his page session have ended."""
    opened_by: User = scope["user"]
    if selectors.page_session_ended(scope.get("auth_session", "")):
        return None
    key_id = scope.get("auth_key")
    if key_id is not None and not api_keys.still_opens(key_id):
        return None
    return User.objects.filter(pk=opened_by.pk, is_active=True, token_version=opened_by.token_version).first()


def _session_user(session_key: str) -> Opener:
    request = HttpRequest()
    request.session = _session_store()(session_key)
    user = get_user(request)
    if not isinstance(user, User):
        raise VerbatimError(ErrorCode.NOT_AUTHENTICATED)
    return Opener(user, request.session.get_expiry_date().timestamp(), session_key)


def _session_store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore


async def _refuse(error: Exception, credentials: Credentials, receive: Receive, send: Send) -> None:
    if not isinstance(error, VerbatimError):
        log.error("a socket could not be opened: %s", error)
        error = VerbatimError(ErrorCode.SERVICE_UNAVAILABLE)
    await receive()
    await send({"type": "websocket.accept", "subprotocol": credentials.subprotocol})
    code = CLOSES.get(error.code, CLOSE_UNAUTHENTICATED)
    await send({"type": "websocket.close", "code": code, "reason": error.message})


def _same_host(scheme: str, netloc: str, headers: dict[bytes, bytes]) -> bool:
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    return _with_port(netloc, scheme) == _with_port(host, scheme)


def _with_port(netloc: str, scheme: str) -> tuple[str, str]:
    domain, port = split_domain_port(netloc)
    return domain, port or DEFAULT_PORTS[scheme]


def _trusted(scheme: str, netloc: str) -> bool:
    for entry in settings.CSRF_TRUSTED_ORIGINS:
        pattern = urlsplit(entry.lower())
        if pattern.scheme == scheme and is_same_domain(netloc, pattern.netloc.lstrip("*")):
            return True
    return False


def _without_secrets(query_string: bytes) -> bytes:
    """Consumers and their logs have no business with tickets and tokens."""
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    return urlencode([pair for pair in pairs if pair[0] not in ("ticket", "token")]).encode()
