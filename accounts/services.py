"""What changes people: signing in and up, creating, changing and deleting users, passwords.

The rules of rank live here, so that the API, the pages, the console and commands obey the same ones:
nobody demotes, deactivates or deletes a superadmin, nor himself; an admin never touches a superadmin; only a
superadmin makes superadmins; a plain user changes his own name and nothing else.
"""

import logging
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from rest_framework.request import Request

from accounts import audit
from accounts.models import Role, User, normalise_email
from accounts.tokens import tokens_revoke
from config import names
from config.api import throttling
from config.deletion import until_deleted
from config.errors import ErrorCode, VerbatimError

__all__ = [
    "password_change",
    "password_made_up",
    "password_reset",
    "password_set",
    "sign_in",
    "signup",
    "superadmin_ensure",
    "tokens_revoke",
    "user_create",
    "user_delete",
    "user_update",
]

log = logging.getLogger(__name__)

DEFAULT_SUPERADMIN_EMAIL = "superadmin@localhost"
MAX_PASSWORD_CHARS = 1024
CHANGEABLE = {"full_name", "role", "is_active"}


def sign_in(*, request: HttpRequest | Request, email: str, password: str) -> User:
    """Check an e-mail address and a password; the one way in for the API, the pages and the console.

    Unknown, wrong and deactivated give the same answer after the same work. A page calls
    `django.contrib.auth.login(request, user)` with the result.

    Raises:
        VerbatimError: WRONG_CREDENTIALS; THROTTLED with `retry_after` (by address, then by account);
            SERVICE_UNAVAILABLE when attempts cannot be counted.
    """
    address = throttling.client_address(request)
    email = normalise_email(email)
    throttling.hit("signin_address", throttling.client_network(address), fail_closed=True)
    throttling.hit("signin_account", email, fail_closed=True)
    if "\0" in email or len(password) > MAX_PASSWORD_CHARS:
        email = ""  # belongs to nobody; the hasher still does its work
    django_request = request._request if isinstance(request, Request) else request
    user = authenticate(django_request, username=email, password=password[:MAX_PASSWORD_CHARS])
    if not isinstance(user, User):
        log.warning("sign-in refused from %s", address)
        raise VerbatimError(ErrorCode.WRONG_CREDENTIALS)
    audit.record(user, "user.signed_in", user, address=address)
    return user


def signup(*, request: HttpRequest | Request, email: str, password: str, full_name: str = "") -> User:
    """Create one's own account; always a plain user.

    Raises:
        VerbatimError: SIGNUP_DISABLED; THROTTLED; VALIDATION_ERROR with one entry per field.
    """
    if not settings.SIGNUP_ENABLED:
        raise VerbatimError(ErrorCode.SIGNUP_DISABLED)
    address = throttling.client_address(request)
    throttling.hit("signup", throttling.client_network(address), fail_closed=True)
    with transaction.atomic():
        user = _insert(email=email, password=password, full_name=full_name, role=Role.USER)
        audit.record(user, "user.signed_up", user, address=address)
    return user


def user_create(
    *, actor: User | None, email: str, password: str, full_name: str = "", role: str = Role.USER
) -> User:
    """Create somebody else's account.

    Args:
        actor: an admin, or None for the system itself.
        email, full_name, role: his.
        password: his first one; `password_made_up()` gives a good one.

    Raises:
        VerbatimError: PERMISSION_DENIED for a rank that the actor may not give; VALIDATION_ERROR.
    """
    if actor is not None:
        _require_admin(actor)
        _require_may_give(actor, role)
    with transaction.atomic():
        user = _insert(email=email, password=password, full_name=full_name, role=role)
        audit.record(actor, "user.created", user, role=str(role))
    return user


def user_update(*, actor: User, user: User, **changes: Any) -> User:
    """Change a user's `full_name`, `role` or `is_active`.

    A new role and deactivation end all his tokens; deactivation deletes his API keys as well.

    Raises:
        VerbatimError: PERMISSION_DENIED, SUPERADMIN_PROTECTED, SELF_PROTECTED, VALIDATION_ERROR.
    """
    unknown = set(changes) - CHANGEABLE
    if unknown:
        raise TypeError(f"user_update does not know {sorted(unknown)}")
    with transaction.atomic():
        current = _locked(user)
        _check_change(actor, current, changes)
        if "full_name" in changes:
            changes["full_name"] = changes["full_name"].strip()
        before = {name: getattr(current, name) for name in changes}
        changed = {name: value for name, value in changes.items() if before[name] != value}
        for name, value in changed.items():
            setattr(current, name, value)
        if changed:
            _clean(current)
            current.save(update_fields=list(changed))
            audit.record(actor, "user.updated", current, **_from_to(before, changed))
            for name, value in changed.items():
                setattr(user, name, value)
        if {"role", "is_active"} & set(changed):
            tokens_revoke(user=current, keep_keys="is_active" not in changed)
            user.token_version = current.token_version
    return user


def user_delete(*, actor: User, user: User) -> None:
    """Delete a user with his chats.

    Raises:
        VerbatimError: PERMISSION_DENIED, SUPERADMIN_PROTECTED, SELF_PROTECTED.
    """

    def delete() -> None:
        current = _locked(user)
        if current.is_superuser:
            raise VerbatimError(ErrorCode.SUPERADMIN_PROTECTED)
        _require_admin(actor)
        if actor.pk == current.pk:
            raise VerbatimError(ErrorCode.SELF_PROTECTED)
        audit.record(actor, "user.deleted", current)
        tokens_revoke(user=current)
        current.delete()

    until_deleted(delete)


def password_change(
    *, request: HttpRequest | Request, user: User, current_password: str, new_password: str
) -> User:
    """Change one's own password; guesses of the current one count as sign-in attempts.

    Raises:
        VerbatimError: VALIDATION_ERROR (current one wrong, new one weak), THROTTLED, SERVICE_UNAVAILABLE.
    """
    throttling.hit("signin_account", user.email, fail_closed=True)
    if not user.check_password(current_password[:MAX_PASSWORD_CHARS]):
        raise _invalid("current_password", "This is not your current password.")
    return password_set(actor=user, user=user, password=new_password, field="new_password")


def password_set(*, actor: User | None, user: User, password: str, field: str = "password") -> User:
    """Give a user a new password and end all his tokens, API keys, sessions and sockets.

    Args:
        actor: himself, a superadmin, an admin for whoever is no superadmin, or None for the system.
        user: whose.
        password: the new one.
        field: the name under which a weak password is reported.

    Raises:
        VerbatimError: PERMISSION_DENIED, SUPERADMIN_PROTECTED, VALIDATION_ERROR.
    """
    with transaction.atomic():
        current = _locked(user)
        if actor is not None and actor.pk != current.pk:
            _require_admin(actor)
            _require_may_touch(actor, current)
        _check_password(password, current, field)
        current.set_password(password)
        current.save(update_fields=["password"])
        tokens_revoke(user=current)
        audit.record(actor, "user.password_set", current)
    user.password, user.token_version = current.password, current.token_version
    return user


def password_reset(*, actor: User, user: User) -> str:
    """Give somebody who forgot his password a made-up one; ends all his tokens, API keys, sessions, sockets.

    Args:
        actor: an admin, or a superadmin where the user is one. For one's own there is `password_change`.
        user: whose.

    Returns:
        The password, to be told once; it is stored as a hash only.

    Raises:
        VerbatimError: PERMISSION_DENIED, SUPERADMIN_PROTECTED, SELF_PROTECTED, NOT_FOUND.
    """
    _require_admin(actor)
    if actor.pk == user.pk:
        raise VerbatimError(
            ErrorCode.SELF_PROTECTED, next_step="Change your own password on your account's page."
        )
    password = password_made_up()
    password_set(actor=actor, user=user, password=password)
    return password


def password_made_up() -> str:
    """A random password of 16 characters (96 bits)."""
    return secrets.token_urlsafe(12)


def superadmin_ensure(*, email: str, password: str) -> tuple[User, str | None]:
    """See to it that there is a superadmin: the one named, or any if none is named.

    A named person who exists with a lower rank is promoted and gets the password, because anybody may
    have signed up with that address. One who is superadmin already is left as he is.

    Args:
        email: from SUPERADMIN_EMAIL; may be empty.
        password: from SUPERADMIN_PASSWORD; may be empty.

    Returns:
        The superadmin, and the password that was made up for him (None if none was).

    Raises:
        ImproperlyConfigured: the address or the password is not acceptable.
    """
    email = normalise_email(email)
    superadmins = User.objects.filter(role=Role.SUPERADMIN, is_active=True).order_by("pk")
    existing = superadmins.filter(email=email).first() if email else superadmins.first()
    if existing:
        return existing, None
    made_up = None if password else password_made_up()
    email = email or DEFAULT_SUPERADMIN_EMAIL
    try:
        with transaction.atomic():
            user = User.objects.filter(email=email).first()
            if user is None:
                user = _insert(email=email, password=password or made_up or "", role=Role.SUPERADMIN)
            else:
                _check_password(password or made_up or "", user, "password")
                user.role, user.is_active = Role.SUPERADMIN, True
                user.set_password(password or made_up)
                user.save(update_fields=["role", "is_active", "password"])
                tokens_revoke(user=user)
            audit.record(None, "user.superadmin_ensured", user)
    except VerbatimError as error:
        reasons = " ".join(str(reason) for value in error.details.values() for reason in value)
        raise ImproperlyConfigured(
            f"SUPERADMIN_EMAIL or SUPERADMIN_PASSWORD cannot be used: {reasons}"
        ) from error
    return user, made_up


def _insert(*, email: str, password: str, role: str, full_name: str = "") -> User:
    user = User(email=normalise_email(email), full_name=full_name.strip(), role=role)
    _clean(user)
    _check_password(password, user, "password")
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise _invalid("email", "This address cannot be used.") from error
    return user


def _clean(user: User) -> None:
    """The model's own rules, and a name that shows what it is; told in the contract's shape."""
    if names.is_deceptive(user.full_name):
        raise _invalid("full_name", names.REFUSAL)
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details=error.message_dict) from error


def _check_password(password: str, user: User, field: str) -> None:
    if len(password) > MAX_PASSWORD_CHARS:
        raise _invalid(field, f"This password is longer than {MAX_PASSWORD_CHARS} characters.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={field: error.messages}) from error


def _check_change(actor: User, current: User, changes: dict[str, Any]) -> None:
    """Raise unless the actor may make these changes to the row as it is now."""
    role = changes.get("role", current.role)
    is_active = changes.get("is_active", current.is_active)
    changes_rank = role != current.role or is_active != current.is_active
    if not actor.is_admin and (actor.pk != current.pk or set(changes) - {"full_name"}):
        raise VerbatimError(ErrorCode.PERMISSION_DENIED)
    if actor.pk != current.pk:
        _require_may_touch(actor, current)
    if current.is_superuser and changes_rank:
        raise VerbatimError(ErrorCode.SUPERADMIN_PROTECTED)
    if actor.pk == current.pk and changes_rank:
        raise VerbatimError(ErrorCode.SELF_PROTECTED)
    if role != current.role:
        _require_may_give(actor, role)


def _require_admin(actor: User) -> None:
    if not (actor.is_active and actor.is_admin):
        raise VerbatimError(ErrorCode.PERMISSION_DENIED)


def _require_may_touch(actor: User, user: User) -> None:
    if user.is_superuser and not actor.is_superuser:
        raise VerbatimError(ErrorCode.SUPERADMIN_PROTECTED)


def _require_may_give(actor: User, role: str) -> None:
    if role == Role.SUPERADMIN and not actor.is_superuser:
        raise VerbatimError(ErrorCode.PERMISSION_DENIED, "Only a superadmin makes superadmins.")


def _locked(user: User) -> User:
    current = User.objects.select_for_update().filter(pk=user.pk).first()
    if current is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return current


def _from_to(before: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    return {name: {"from": before[name], "to": value} for name, value in changed.items()}


def _invalid(field: str, reason: str) -> VerbatimError:
    return VerbatimError(ErrorCode.VALIDATION_ERROR, details={field: [reason]})
