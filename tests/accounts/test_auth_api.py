"""Signing up, in and out over the API."""

import os
import subprocess
import sys
import time

import pytest
from django.contrib.auth.hashers import identify_hasher
from redis.exceptions import ConnectionError as RedisDown
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import AuditEntry, Role, User
from config import redis
from tests.conftest import PASSWORD, make_user

ME = {"id", "email", "full_name", "role", "is_active", "created_at"}


@pytest.fixture
def anyone(db) -> APIClient:
    return APIClient()


@pytest.fixture
def rates(settings):
    """A function that sets throttle rates for this test."""
    redis.client().flushdb()

    def set_rates(**changed: str) -> None:
        rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | changed
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}

    yield set_rates
    redis.client().flushdb()


def post(client, path, **body):
    return client.post(f"/api/auth/{path}", body, format="json")


def signed_in(user) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.issue(user)['access']}")
    return client


# --- sign-up ------------------------------------------------------------------------------------


def test_signing_up_makes_a_plain_active_user(anyone):
    response = post(anyone, "signup", email="New@Example.com", password=PASSWORD, full_name="Nia New")
    assert response.status_code == 201
    assert set(response.json()) == ME
    assert response.json()["email"] == "new@example.com"
    assert response.json()["role"] == "user"
    assert post(anyone, "login", email="new@example.com", password=PASSWORD).status_code == 200


@pytest.mark.parametrize(
    "extra",
    [
        {"role": "superadmin"},
        {"role": "admin", "is_staff": True},
        {"is_superuser": True, "is_active": True, "groups": [1], "token_version": 7, "id": 1},
    ],
)
def test_signing_up_ignores_fields_that_would_raise_ones_rank(anyone, extra):
    response = post(anyone, "signup", email="n@example.com", password=PASSWORD, full_name="N", **extra)
    assert response.status_code == 201
    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser, user.token_version) == ("user", False, False, 0)
    assert not user.groups.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "short1!"}, "password"),
        ({"password": "password1234"}, "password"),
        ({"password": "1928374650192"}, "password"),
        ({"password": "new@example.com"}, "password"),
        ({"password": "x" * 2000}, "password"),
        ({"password": ""}, "password"),
        ({"email": "no-address"}, "email"),
        ({"email": "a@b.c" + "c" * 300}, "email"),
        ({"email": "nul\0@example.com"}, "email"),
        ({"email": ["list"]}, "email"),
        ({"full_name": "n" * 151}, "full_name"),
    ],
)
def test_signing_up_with_one_thing_wrong_names_the_field(anyone, body, field):
    good = {"email": "new@example.com", "password": PASSWORD, "full_name": "N"}
    response = post(anyone, "signup", **(good | body))
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "validation_error"
    assert field in response.json()["error"]["details"]
    assert not User.objects.exists()


def test_a_taken_address_is_refused_without_another_hint_in_any_spelling(anyone, member):
    response = post(anyone, "signup", email="MIA@example.com", password=PASSWORD)
    assert response.status_code == 400
    text = response.content.decode().lower()
    assert "email" in response.json()["error"]["details"]
    assert not any(word in text for word in ("exist", "taken", "already", "registered"))


def test_sign_up_can_be_switched_off(anyone, settings):
    settings.SIGNUP_ENABLED = False
    response = post(anyone, "signup", email="new@example.com", password=PASSWORD)
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "signup_disabled"


# --- sign-in ------------------------------------------------------------------------------------


def test_signing_in_gives_a_pair_and_the_user(anyone, member):
    response = post(anyone, "login", email=" Mia@Example.com", password=PASSWORD)
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"access", "refresh", "token_type", "user"}
    assert body["token_type"] == "bearer"
    assert set(body["user"]) == ME
    assert response["Cache-Control"] == "no-store"
    assert AuditEntry.objects.get(action="user.signed_in").address == "127.0.0.1"


def test_unknown_wrong_and_deactivated_get_the_very_same_answer(anyone, member):
    make_user("gone@example.com", is_active=False)
    unknown = post(anyone, "login", email="who@example.com", password=PASSWORD)
    wrong = post(anyone, "login", email=member.email, password="wrong-wrong-wrong")
    inactive = post(anyone, "login", email="gone@example.com", password=PASSWORD)
    odd = post(anyone, "login", email="not an address", password=PASSWORD)
    assert {r.status_code for r in (unknown, wrong, inactive, odd)} == {401}
    assert unknown.content == wrong.content == inactive.content == odd.content
    assert unknown.json()["error"]["code"] == "wrong_credentials"


def test_unknown_and_wrong_take_comparable_time(anyone, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    make_user("mia@example.com")

    def seconds(email: str) -> float:
        spent = []
        for _ in range(5):
            begun = time.perf_counter()
            post(anyone, "login", email=email, password="wrong-wrong-wrong")
            spent.append(time.perf_counter() - begun)
        return min(spent)

    assert 0.4 < seconds("who@example.com") / seconds("mia@example.com") < 2.5


def test_an_old_token_in_the_header_does_not_stand_in_the_way_of_signing_in(anyone, member):
    anyone.credentials(HTTP_AUTHORIZATION="Bearer expired.or.wrong")
    assert post(anyone, "login", email=member.email, password=PASSWORD).status_code == 200
    refresh_token = tokens.issue(member)["refresh"]
    assert post(anyone, "refresh", refresh=refresh_token).status_code == 200


@pytest.mark.parametrize("body", ["[]", '"x"', "{", "null", '{"email": {}, "password": []}'])
def test_malformed_bodies_are_400(anyone, body):
    response = anyone.post("/api/auth/login", body, content_type="application/json")
    assert response.status_code == 400


def test_guessing_at_one_account_is_throttled_from_any_address(anyone, member, rates):
    rates(signin_account="3/min")
    for number in range(3):
        anyone.defaults["REMOTE_ADDR"] = f"10.0.0.{number + 1}"
        assert post(anyone, "login", email=member.email, password="wrong").status_code == 401
    response = post(anyone, "login", email=member.email.upper(), password=PASSWORD)
    assert response.status_code == 429
    assert response.json()["error"]["code"] == "throttled"
    assert 1 <= int(response["Retry-After"]) <= 60


def test_guessing_from_one_address_is_throttled_whatever_the_account(anyone, rates):
    rates(signin_address="3/min")
    for number in range(3):
        assert post(anyone, "login", email=f"u{number}@example.com", password="x").status_code == 401
    assert post(anyone, "login", email="u9@example.com", password="x").status_code == 429


def test_a_forged_forwarded_header_does_not_help(anyone, rates, settings):
    rates(signin_address="2/min")
    codes = []
    for number in range(4):
        anyone.credentials(HTTP_X_FORWARDED_FOR=f"1.2.3.{number}")
        codes.append(post(anyone, "login", email=f"u{number}@example.com", password="x").status_code)
    assert codes == [401, 401, 429, 429]


def test_behind_one_proxy_the_address_that_the_proxy_saw_counts(anyone, rates, settings):
    rates(signin_address="2/min")
    settings.TRUSTED_PROXY_HOPS = 1
    codes = []
    for number in range(4):
        anyone.credentials(HTTP_X_FORWARDED_FOR=f"1.2.3.{number}, 9.9.9.9")
        codes.append(post(anyone, "login", email=f"u{number}@example.com", password="x").status_code)
    assert codes == [401, 401, 429, 429]
    anyone.credentials(HTTP_X_FORWARDED_FOR="9.9.9.9, 8.8.8.8")
    assert post(anyone, "login", email="u9@example.com", password="x").status_code == 401


def test_a_body_nested_without_end_is_the_clients_fault(anyone):
    body = '{"refresh":' + "[" * 200_000 + "]" * 200_000 + "}"
    response = anyone.post("/api/auth/refresh", body, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "malformed_request")


def test_sign_up_is_throttled_by_address(anyone, rates):
    rates(signup="1/hour")
    assert post(anyone, "signup", email="a@example.com", password=PASSWORD).status_code == 201
    assert post(anyone, "signup", email="b@example.com", password=PASSWORD).status_code == 429


def test_without_redis_nobody_can_guess_passwords(anyone, member, monkeypatch):
    def down(*args, **kwargs):
        raise RedisDown("refused")

    monkeypatch.setattr(redis.client(), "pipeline", down)
    response = post(anyone, "login", email=member.email, password=PASSWORD)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "service_unavailable"


# --- being signed in ----------------------------------------------------------------------------


def test_me_is_the_caller_and_nothing_secret(member):
    response = signed_in(member).get("/api/auth/me/")
    assert set(response.json()) == ME
    assert response.json()["email"] == member.email


def test_logout_blacklists_the_refresh_token(member):
    pair = tokens.issue(member)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    assert post(client, "logout", refresh=pair["refresh"]).status_code == 204
    assert post(client, "refresh", refresh=pair["refresh"]).status_code == 401
    assert post(APIClient(), "logout", refresh=pair["refresh"]).status_code == 401


def test_logout_with_somebody_elses_token_is_refused(member, stranger):
    foreign = tokens.issue(stranger)["refresh"]
    assert post(signed_in(member), "logout", refresh=foreign).status_code == 401
    assert post(APIClient(), "refresh", refresh=foreign).status_code == 200


def test_changing_the_password_ends_every_token_and_gives_a_fresh_pair(member):
    old = tokens.issue(member)
    client = signed_in(member)
    body = {"current_password": PASSWORD, "new_password": "another-rare-passphrase"}
    response = post(client, "password", **body)
    assert response.status_code == 200
    assert client.get("/api/auth/me").status_code == 401
    assert post(APIClient(), "refresh", refresh=old["refresh"]).status_code == 401
    assert tokens.authenticate(response.json()["access"]).user == member
    assert post(APIClient(), "login", email=member.email, password=PASSWORD).status_code == 401
    assert AuditEntry.objects.filter(action="user.password_set", actor=member).exists()


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("wrong", "another-rare-passphrase", "current_password"), (PASSWORD, "password123", "new_password")],
)
def test_a_wrong_current_or_weak_new_password_changes_nothing(member, current, new, field):
    client = signed_in(member)
    response = post(client, "password", current_password=current, new_password=new)
    assert response.status_code == 400
    assert field in response.json()["error"]["details"]
    assert client.get("/api/auth/me").status_code == 200


def test_guessing_the_current_password_is_throttled(member, rates):
    rates(signin_account="2/min")
    client = signed_in(member)
    codes = [
        post(client, "password", current_password="wrong", new_password="another-rare-one").status_code
        for _ in range(3)
    ]
    assert codes == [400, 400, 429]


def test_a_ws_ticket_is_for_a_minute(member):
    body = post(signed_in(member), "ws-ticket").json()
    assert set(body) == {"ticket", "expires_in"}
    assert body["expires_in"] == 60


def test_production_hashes_passwords_with_argon2():
    code = (
        "import django; django.setup();"
        "from django.contrib.auth.hashers import make_password; print(make_password('x'))"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.prod",
        "ALLOWED_HOSTS": "example.com",
    }
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert identify_hasher(run.stdout.strip()).algorithm == "argon2"


def test_the_first_superadmin_has_every_right(superadmin):
    assert (superadmin.role, superadmin.is_staff, superadmin.is_superuser) == (Role.SUPERADMIN, True, True)
