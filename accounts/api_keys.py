"""Personal API keys: what programs show that ask on somebody's behalf. Told once, stored as a hash.

A key looks like `vbt_<prefix>_<secret><checksum>`. The prefix is public and finds the row; the secret has 256
bits, so that its plain SHA-256 cannot be guessed and needs no salt and no slow hash; the checksum lets
scanners of leaked secrets tell a key from noise, and refuses a mistyped one without asking the database.
What views accept a key is said by their `api_key_methods`; see `accounts.api.authentication`.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import ApiKey, User
from config import events, names
from config.errors import ErrorCode, VerbatimError

BRAND = "vbt_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_CHARS = 8
SECRET_CHARS = 43  # 62 ** 43 > 2 ** 256
CHECKSUM_CHARS = 6  # 62 ** 6 > 2 ** 32
FORM = re.compile(rf"vbt_([0-9A-Za-z]{{{PREFIX_CHARS}}})_[0-9A-Za-z]{{{SECRET_CHARS + CHECKSUM_CHARS}}}")
MAX_KEYS = 20  # per person
USED_EVERY = timedelta(minutes=1)  # so often at most a key's use is written down


def keys_of(user: User) -> QuerySet[ApiKey]:
    """The user's own keys, the newest first."""
    return ApiKey.objects.filter(user=user)


def key_for(user: User, key_id: int) -> ApiKey:
    """One of the user's own keys.

    Raises:
        VerbatimError: NOT_FOUND, for somebody else's as for one that does not exist.
    """
    key = keys_of(user).filter(pk=key_id).first()
    if key is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return key


def key_create(
    *, user: User, name: str, expires_at: datetime | None = None, address: str | None = None
) -> tuple[ApiKey, str]:
    """A new key of the user's.

    Args:
        name: what it is for, in his own words.
        expires_at: when it ends by itself; None: never.
        address: the client's, for the ledger.

    Returns:
        The key's row, and the key itself: it can never be told again.

    Raises:
        VerbatimError: VALIDATION_ERROR for a name or a time that cannot be; API_KEY_LIMIT.
    """
    name = name.strip()
    if not name or names.is_deceptive(name):
        raise _invalid("name", names.REFUSAL if name else "Say what the key is for.")
    if expires_at is not None and expires_at <= timezone.now():
        raise _invalid("expires_at", "This time has passed.")
    prefix, raw = _made_up()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # so that two requests cannot both be the last
        if keys_of(user).count() >= MAX_KEYS:
            raise VerbatimError(ErrorCode.API_KEY_LIMIT, details={"limit": MAX_KEYS})
        key = ApiKey.objects.create(
            user=user, name=name, prefix=prefix, digest=_digest(raw), expires_at=expires_at
        )
        audit.record(user, "api_key.created", key, address=address)
    return key, raw


def key_delete(*, actor: User, key: ApiKey, address: str | None = None) -> None:
    """Revoke a key: whoever holds it is refused from now on, and the sockets that it opened are closed.

    Raises:
        VerbatimError: PERMISSION_DENIED, where it is neither the actor's own nor he a superadmin.
    """
    if actor.pk != key.user_id and not actor.is_superuser:
        raise VerbatimError(ErrorCode.PERMISSION_DENIED)
    with transaction.atomic():
        audit.record(actor, "api_key.deleted", key, address=address, owner=key.user.email)
        key.delete()
        events.publish(events.user_group(key.user_id), "user.revoked")


def is_key(raw: str) -> bool:
    """Whether this claims to be an API key, and no token."""
    return raw.startswith(BRAND)


def authenticate(raw: str) -> ApiKey:
    """The key's row, with its user as he is now. Its use is written down, once a minute at most.

    Raises:
        VerbatimError: TOKEN_INVALID: mistyped, deleted or expired, or the user is deactivated.
    """
    form = FORM.fullmatch(raw)
    if form is None or not hmac.compare_digest(raw[-CHECKSUM_CHARS:], _checksum(raw[:-CHECKSUM_CHARS])):
        raise _refusal()
    key = ApiKey.objects.select_related("user").filter(prefix=form[1]).first()
    if key is None or not hmac.compare_digest(key.digest, _digest(raw)):
        raise _refusal()
    now = timezone.now()
    if not key.user.is_active or (key.expires_at is not None and key.expires_at <= now):
        raise _refusal()
    if key.last_used_at is None or key.last_used_at <= now - USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    return key


def still_opens(key_id: int) -> bool:
    """Whether a key that opened something a while ago would still open it."""
    lasting = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiKey.objects.filter(lasting, pk=key_id, user__is_active=True).exists()


def _made_up() -> tuple[str, str]:
    prefix, secret = _random(PREFIX_CHARS), _random(SECRET_CHARS)
    body = f"{BRAND}{prefix}_{secret}"
    return prefix, body + _checksum(body)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()


def _refusal() -> VerbatimError:
    return VerbatimError(
        ErrorCode.TOKEN_INVALID,
        "This API key is wrong, expired or deleted.",
        next_step="Make a new key on your account's page.",
    )


def _invalid(field: str, reason: str) -> VerbatimError:
    return VerbatimError(ErrorCode.VALIDATION_ERROR, details={field: [reason]})
