"""Bearer credentials: the one function that trusts them, for REST, /v1 and sockets alike.

Either a JSON web token or a personal API key (`accounts.api_keys`). Tokens are built on simplejwt's signing
and its blacklist tables, with what those leave open closed: a token also names its user's `token_version`,
the user is read again each time, and reusing a rotated refresh token ends the family.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import Token

from accounts import api_keys, audit, selectors
from accounts.models import ApiKey, User
from config import events
from config.errors import ErrorCode, VerbatimError

MAX_TOKEN_CHARS = 4096
# simplejwt's table has a column for the raw token. Storing it would put live credentials into every backup,
# so the column says instead what ended the token.
ROTATED = "rotated"
SIGNED_OUT = "signed out"


class Access(Token):
    """Opens the API for half an hour."""

    token_type = "access"  # noqa: S105
    lifetime = cast(timedelta, settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"])


class Refresh(Token):
    """Buys one new pair."""

    token_type = "refresh"  # noqa: S105
    lifetime = cast(timedelta, settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"])


@dataclass(frozen=True)
class Credential:
    """What somebody showed.

    Attributes:
        user: whom it stands for, as he is now.
        expires: when it is no longer trusted by itself (epoch seconds); None: never, or when the page
            session ends, which is looked up: it may be put off.
        key_id: the API key, if it is one. A key opens less than a token; see `accounts.api.authentication`.
        session_key: of the page session, where no bearer was shown.
    """

    user: User
    expires: float | None
    key_id: int | None = None
    session_key: str = ""


def authenticate(raw: str) -> Credential:
    """Trust an access token or an API key.

    Raises:
        VerbatimError: TOKEN_INVALID: wrong, expired, revoked, neither of the two, or the user is deactivated
            or gone.
    """
    if isinstance(raw, str) and api_keys.is_key(raw):
        key = api_keys.authenticate(raw)
        return Credential(key.user, key.expires_at.timestamp() if key.expires_at else None, key.pk)
    token = _decode(Access, raw)
    return Credential(_user_of(token), int(token["exp"]) + settings.CLOCK_LEEWAY_SECONDS)


def still_holds(shown: Credential) -> bool:
    """Whether what somebody showed a while ago would still be trusted: not ended, and not run out either."""
    if shown.expires is not None and time.time() >= shown.expires:
        return False
    if shown.key_id is not None:
        return api_keys.still_opens(shown.key_id)
    if selectors.page_session_ended(shown.session_key):
        return False
    version = shown.user.token_version
    return User.objects.filter(pk=shown.user.pk, is_active=True, token_version=version).exists()


def issue(user: User) -> dict[str, str]:
    """A fresh pair: `{"access", "refresh"}`."""
    refresh_token = _make(Refresh, user)
    OutstandingToken.objects.create(
        user=user,
        jti=refresh_token["jti"],
        token="",
        created_at=timezone.now(),
        expires_at=datetime.fromtimestamp(refresh_token["exp"], UTC),
    )
    return {"access": str(_make(Access, user)), "refresh": str(refresh_token)}


def refresh(raw: str) -> dict[str, str]:
    """Exchange a refresh token for a new pair; the old one is blacklisted.

    Raises:
        VerbatimError: TOKEN_INVALID as in `authenticate`. If the token had been exchanged before, somebody
            holds a copy: every token of that user ends as well.
    """
    token = _decode(Refresh, raw)
    user = _user_of(token)
    with transaction.atomic():
        row = _row_of(token)
        fresh = not BlacklistedToken.objects.filter(token=row).exists()
        if fresh:
            _end(row, ROTATED)
            return issue(user)
    if row.token == ROTATED:
        _end_stolen_family(user)
    raise VerbatimError(ErrorCode.TOKEN_INVALID)


def revoke(raw: str, *, user: User | None = None) -> None:
    """Sign out: blacklist a refresh token. Doing it twice is no fault.

    Args:
        raw: the refresh token.
        user: whose it must be, if given.

    Raises:
        VerbatimError: TOKEN_INVALID: not a refresh token of ours, expired, revoked, or somebody else's.
    """
    token = _decode(Refresh, raw)
    owner = _user_of(token)
    if user is not None and owner.pk != user.pk:
        raise VerbatimError(ErrorCode.TOKEN_INVALID)
    with transaction.atomic():
        row = _row_of(token)
        if not BlacklistedToken.objects.filter(token=row).exists():
            _end(row, SIGNED_OUT)
    if row.token == ROTATED:  # who signs out with a spent token does not hold the live one: a thief does
        _end_stolen_family(owner)


def tokens_revoke(*, user: User, keep_keys: bool = False) -> None:
    """End every token, session and open socket of a user by raising his `token_version`; delete his API keys.

    Args:
        keep_keys: where only his rank has changed, and nothing speaks for his keys being in wrong hands.
    """
    if not keep_keys:
        ApiKey.objects.filter(user=user).delete()
    User.objects.filter(pk=user.pk).update(token_version=F("token_version") + 1)
    user.refresh_from_db(fields=["token_version"])
    events.publish(events.user_group(user.pk), "user.revoked")


def tokens_forget_expired() -> int:
    """Delete the rows of refresh tokens that nobody could use any more; how many there were."""
    return OutstandingToken.objects.filter(expires_at__lt=timezone.now()).order_by().delete()[0]


def _make(kind: type[Token], user: User) -> Any:
    token = kind()
    token["user_id"] = str(user.pk)
    token["token_version"] = user.token_version
    return token


def _decode(kind: type[Token], raw: str) -> Token:
    if not isinstance(raw, str) or not raw.isascii() or len(raw) > MAX_TOKEN_CHARS:
        raise VerbatimError(ErrorCode.TOKEN_INVALID)
    try:
        return kind(raw)  # type: ignore[arg-type]
    except TokenError as error:
        raise VerbatimError(ErrorCode.TOKEN_INVALID) from error


def _user_of(token: Token) -> User:
    claim = str(token.get("user_id", ""))
    user = User.objects.filter(pk=int(claim)).first() if claim.isdecimal() else None
    if user is None or not user.is_active or token.get("token_version") != user.token_version:
        raise VerbatimError(ErrorCode.TOKEN_INVALID)
    return user


def _row_of(token: Token) -> OutstandingToken:
    """The token's row, locked: of two who exchange it at the same time, one comes second."""
    rows = OutstandingToken.objects.order_by().select_for_update()
    row = rows.filter(jti=token["jti"]).first()
    if row is None:
        raise VerbatimError(ErrorCode.TOKEN_INVALID)
    return row


def _end(row: OutstandingToken, reason: str) -> None:
    BlacklistedToken.objects.create(token=row)
    row.token = reason
    row.save(update_fields=["token"])


def _end_stolen_family(user: User) -> None:
    tokens_revoke(user=user)
    audit.record(None, "user.token_reused", user)
