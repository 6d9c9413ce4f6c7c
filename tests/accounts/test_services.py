"""What the doors of accounts share: the first superadmin, the ledger, and the last line in the database."""

from datetime import timedelta

import jwt
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import services, tokens
from accounts.audit import record
from accounts.models import AuditEntry, Role, User
from accounts.tasks import forget_expired
from config import events
from config.env import env_rate
from config.errors import ErrorCode, VerbatimError
from tests.conftest import PASSWORD, make_user


def code_of(call, **arguments) -> ErrorCode:
    with pytest.raises(VerbatimError) as caught:
        call(**arguments)
    return caught.value.code


# --- the first superadmin -----------------------------------------------------------------------


def test_an_empty_installation_gets_a_superadmin_with_a_made_up_password(db):
    user, password = services.superadmin_ensure(email="", password="")
    assert user.role == Role.SUPERADMIN
    assert len(password) >= 16
    assert user.check_password(password)


def test_two_installations_get_different_passwords():
    assert services.password_made_up() != services.password_made_up()


def test_the_named_superadmin_gets_the_given_password_once(db):
    user, made_up = services.superadmin_ensure(email="Boss@Example.com", password=PASSWORD)
    assert made_up is None
    assert user.email == "boss@example.com"
    assert user.check_password(PASSWORD)
    again, made_up = services.superadmin_ensure(email="boss@example.com", password="some-other-passphrase")
    assert (again, made_up) == (user, None)
    assert again.check_password(PASSWORD), "a later start does not reset it"


def test_without_a_name_an_existing_superadmin_is_enough(superadmin):
    assert services.superadmin_ensure(email="", password="") == (superadmin, None)
    assert User.objects.count() == 1


def test_who_signed_up_early_with_the_superadmins_address_does_not_keep_his_password(db):
    squatter = make_user("boss@example.com")
    user, password = services.superadmin_ensure(email="boss@example.com", password="")
    assert user == squatter
    assert user.role == Role.SUPERADMIN
    assert user.check_password(password)
    assert not user.check_password(PASSWORD)
    assert user.token_version == 1


@pytest.mark.parametrize(("email", "password"), [("boss@example.com", "admin"), ("boss", PASSWORD)])
def test_a_weak_password_or_a_wrong_address_stops_the_start_with_a_sentence(db, email, password):
    with pytest.raises(ImproperlyConfigured, match="SUPERADMIN_") as caught:
        services.superadmin_ensure(email=email, password=password)
    assert password not in str(caught.value)
    assert not User.objects.exists()


# --- rank ---------------------------------------------------------------------------------------


def test_a_plain_user_creates_deletes_and_resets_nobody(member, stranger):
    assert code_of(services.user_create, actor=member, email="n@example.com", password=PASSWORD) == (
        ErrorCode.PERMISSION_DENIED
    )
    assert code_of(services.user_delete, actor=member, user=stranger) == ErrorCode.PERMISSION_DENIED
    assert code_of(services.user_delete, actor=member, user=member) == ErrorCode.PERMISSION_DENIED
    assert code_of(services.password_set, actor=member, user=stranger, password=PASSWORD) == (
        ErrorCode.PERMISSION_DENIED
    )


def test_a_deactivated_admin_has_no_rights_left(admin, member):
    admin.is_active = False
    assert code_of(services.user_delete, actor=admin, user=member) == ErrorCode.PERMISSION_DENIED


def test_an_admin_does_not_set_a_superadmins_password(admin, superadmin):
    assert code_of(services.password_set, actor=admin, user=superadmin, password=PASSWORD) == (
        ErrorCode.SUPERADMIN_PROTECTED
    )


def test_the_row_decides_not_the_copy_that_the_caller_holds(superadmin, member):
    stale = User.objects.get(pk=member.pk)
    User.objects.filter(pk=member.pk).update(role=Role.SUPERADMIN)
    assert code_of(services.user_delete, actor=superadmin, user=stale) == ErrorCode.SUPERADMIN_PROTECTED


def test_a_change_nobody_knows_is_a_programming_error(admin, member):
    with pytest.raises(TypeError):
        services.user_update(actor=admin, user=member, token_version=3)


@pytest.mark.parametrize("full_name", ["nul\0", "x" * 151])
def test_a_name_that_cannot_be_stored_is_a_refusal_through_every_door(member, full_name):
    assert code_of(services.user_update, actor=member, user=member, full_name=full_name) == (
        ErrorCode.VALIDATION_ERROR
    )
    assert member.full_name == "Mia Member"
    arguments = {"actor": None, "email": "n@example.com", "password": PASSWORD, "full_name": full_name}
    assert code_of(services.user_create, **arguments) == ErrorCode.VALIDATION_ERROR


@pytest.mark.parametrize("email", ["", "nul\0@example.com", "x", "a@b@c.de", "x" * 300 + "@example.com"])
def test_an_address_that_cannot_be_one_is_a_refusal_and_no_error(db, rf, email):
    request = rf.post("/signin")
    assert code_of(services.sign_in, request=request, email=email, password="x") == (
        ErrorCode.WRONG_CREDENTIALS
    )
    assert code_of(services.signup, request=request, email=email, password=PASSWORD) == (
        ErrorCode.VALIDATION_ERROR
    )


@pytest.mark.parametrize("change", [{"role": "user"}, {"role": "admin"}, {"is_active": False}])
def test_the_database_itself_protects_superadmins(superadmin, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=superadmin.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        superadmin.delete()


def test_deactivation_tells_the_users_open_sockets(member, superadmin, monkeypatch):
    told = []
    monkeypatch.setattr(events, "publish", lambda group, kind, **data: told.append((group, kind)))
    services.user_update(actor=superadmin, user=member, is_active=False)
    assert told == [(events.user_group(member.pk), "user.revoked")]


def test_what_has_expired_is_forgotten_and_what_has_not_is_kept(client, member):
    kept = tokens.issue(member)
    for _ in range(2):
        OutstandingToken.objects.filter(jti=_jti(tokens.issue(member))).update(expires_at=timezone.now())
    client.force_login(member)
    session = Session.objects.get()
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - timedelta(1))
    forget_expired()
    assert OutstandingToken.objects.get().jti == _jti(kept)
    assert Session.objects.get() == session
    assert tokens.refresh(kept["refresh"])


def _jti(pair) -> str:
    return jwt.decode(pair["refresh"], options={"verify_signature": False})["jti"]


@pytest.mark.parametrize("value", ["fast", "0/min", "5", "5/fortnight", "-1/min", "5 / min"])
def test_an_odd_rate_stops_the_start(monkeypatch, value):
    monkeypatch.setenv("THROTTLE_SIGNUP", value)
    with pytest.raises(ImproperlyConfigured, match="THROTTLE_SIGNUP"):
        env_rate("THROTTLE_SIGNUP", "20/hour")


# --- the ledger ---------------------------------------------------------------------------------


def test_the_ledger_keeps_the_name_of_who_is_gone(admin, superadmin):
    record(admin, "test.done", "something", fact=1)
    services.user_delete(actor=superadmin, user=admin)
    entry = AuditEntry.objects.get(action="test.done")
    assert (entry.actor, entry.actor_email, entry.details) == (None, "ada@example.com", {"fact": 1})


def test_settings_rates_can_all_be_read():
    from config.api.throttling import rate

    for scope in settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]:
        attempts, seconds = rate(scope)
        assert attempts > 0
        assert seconds in (1, 60, 3600, 86400)
