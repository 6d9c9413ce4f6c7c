"""Tickets open one socket each: single use, a minute long, so that no token needs to stand in an address."""

import hashlib
import json
import secrets

from django.conf import settings
from redis.exceptions import RedisError

from accounts.models import User
from config import redis
from config.errors import ErrorCode, VerbatimError


def issue(user: User, *, expires: float | None = None, session_key: str = "") -> tuple[str, int]:
    """A ticket and the seconds within which it must be used.

    Args:
        user: whom the socket will belong to.
        expires: when what he authenticated with ends (epoch seconds); the socket must not outlive it.
        session_key: the page session that he asked from, if it was one; signing out of it ends the socket.

    Raises:
        VerbatimError: SERVICE_UNAVAILABLE when Redis is away.
    """
    ticket = secrets.token_urlsafe(32)
    claim = json.dumps(
        {
            "user": user.pk,
            "token_version": user.token_version,
            "expires": expires,
            "session_key": session_key,
        }
    )
    try:
        redis.client().set(_key(ticket), claim, ex=settings.WS_TICKET_SECONDS)
    except RedisError as error:
        raise VerbatimError(ErrorCode.SERVICE_UNAVAILABLE, retry_after=5) from error
    return ticket, settings.WS_TICKET_SECONDS


def redeem(ticket: str) -> User:
    """The user of a ticket, which is spent by this.

    Raises:
        VerbatimError: TOKEN_INVALID: unknown, spent, expired, or the user was revoked since;
            SERVICE_UNAVAILABLE when Redis is away.
    """
    return redeem_until(ticket)[0]


def redeem_until(ticket: str) -> tuple[User, float | None, str]:
    """The same, with the `expires` and the `session_key` that the ticket was issued with."""
    try:
        stored = redis.client().getdel(_key(ticket))
    except RedisError as error:
        raise VerbatimError(ErrorCode.SERVICE_UNAVAILABLE, retry_after=5) from error
    if stored is None:
        raise VerbatimError(ErrorCode.TOKEN_INVALID)
    claim = json.loads(stored)  # type: ignore[arg-type]
    user = User.objects.filter(pk=claim["user"], is_active=True, token_version=claim["token_version"]).first()
    if user is None:
        raise VerbatimError(ErrorCode.TOKEN_INVALID)
    return user, claim["expires"], claim["session_key"]


def _key(ticket: str) -> str:
    return redis.key("ticket", hashlib.sha256(ticket.encode(errors="replace")).hexdigest())
