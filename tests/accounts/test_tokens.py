"""Tokens: what is accepted, what is refused, and what ends them."""

import threading
import time

import jwt
import pytest
from django.conf import settings
from django.db import connection
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts import tokens
from accounts.models import AuditEntry, Role
from accounts.services import password_set, tokens_revoke, user_delete, user_update
from config.errors import ErrorCode, VerbatimError
from tests.conftest import PASSWORD


def forged(user, *, key=None, algorithm="HS256", **claims) -> str:
    """An access token of ours, with these claims replaced (None removes one)."""
    payload = {
        "token_type": "access",
        "exp": int(time.time()) + 600,
        "iat": int(time.time()),
        "jti": "f" * 32,
        "user_id": str(user.pk),
        "token_version": user.token_version,
        "aud": "verbatim",
        "iss": "verbatim",
    } | claims
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, key or settings.JWT_SIGNING_KEY, algorithm=algorithm)


def refused(raw) -> bool:
    """Whether both doors refuse: the function and a request."""
    with pytest.raises(VerbatimError) as caught:
        tokens.authenticate(raw)
    assert caught.value.code == ErrorCode.TOKEN_INVALID
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {raw}")
    response = client.get("/api/auth/me")
    return response.status_code == 401 and response.json()["error"]["code"] == "token_invalid"


def refresh(raw):
    return APIClient().post("/api/auth/refresh", {"refresh": raw}, format="json")


def test_a_fresh_access_token_opens_the_api(member):
    assert tokens.authenticate(tokens.issue(member)["access"]).user == member
    assert tokens.authenticate(forged(member)).user == member, "the forger of these tests makes good ones"


@pytest.mark.parametrize(
    "claims",
    [
        {"token_type": "refresh"},
        {"token_type": None},
        {"exp": 1},
        {"exp": None},
        {"aud": "someone-else"},
        {"aud": None},
        {"iss": "someone-else"},
        {"iss": None},
        {"jti": None},
        {"user_id": None},
        {"user_id": "0"},
        {"user_id": "x' OR 1=1"},
        {"user_id": "9" * 30},
        {"user_id": "²"},
        {"token_version": None},
        {"token_version": 99},
        {"key": "k" * 64},
        {"key": "x" * 64, "algorithm": "HS512"},
    ],
    ids=lambda claims: "-".join(f"{k}={str(v)[:12]}" for k, v in claims.items()),
)
def test_a_token_with_one_thing_wrong_is_refused(member, claims):
    assert refused(forged(member, **claims))


def test_an_unsigned_token_is_refused(member):
    head, body, _ = forged(member).split(".")
    unsigned = jwt.encode({}, None, algorithm="none").split(".")[0]
    assert refused(f"{unsigned}.{body}.")
    assert refused(f"{head}.{body}.")


def test_the_django_secret_does_not_sign_tokens(member):
    assert refused(forged(member, key=settings.SECRET_KEY))


@pytest.mark.parametrize("raw", ["", "x", "a.b.c", "....", "ü.ü.ü", "A" * 5000, "null"])
def test_garbage_is_refused(db, raw):
    with pytest.raises(VerbatimError):
        tokens.authenticate(raw)


def test_a_refresh_token_is_no_access_token(member):
    assert refused(tokens.issue(member)["refresh"])


def test_an_access_token_is_no_refresh_token(member):
    assert refresh(tokens.issue(member)["access"]).status_code == 401


def test_tokens_that_simplejwt_makes_without_our_claim_are_refused(member):
    assert refused(str(AccessToken.for_user(member)))
    assert refresh(str(RefreshToken.for_user(member))).status_code == 401


def test_refreshing_rotates_and_the_new_pair_works(member):
    pair = tokens.issue(member)
    fresh = refresh(pair["refresh"]).json()
    assert set(fresh) == {"access", "refresh"}
    assert tokens.authenticate(fresh["access"]).user == member
    assert fresh["refresh"] != pair["refresh"]


def test_reusing_a_rotated_refresh_token_ends_every_token_of_that_user(member):
    stolen = tokens.issue(member)
    thief = refresh(stolen["refresh"]).json()
    other_device = tokens.issue(member)
    assert refresh(stolen["refresh"]).status_code == 401
    for pair in (thief, other_device):
        member.refresh_from_db()
        assert refused(pair["access"])
        assert refresh(pair["refresh"]).status_code == 401
    assert AuditEntry.objects.filter(action="user.token_reused").count() == 1


def test_signing_out_with_a_rotated_token_ends_the_thief_who_rotated_it(member):
    stolen = tokens.issue(member)
    thief = refresh(stolen["refresh"]).json()
    tokens.revoke(stolen["refresh"], user=member)
    assert refused(thief["access"])
    assert refresh(thief["refresh"]).status_code == 401


def test_a_signed_out_refresh_token_is_refused_and_leaves_other_devices_alone(member):
    here, there = tokens.issue(member), tokens.issue(member)
    tokens.revoke(here["refresh"])
    tokens.revoke(here["refresh"])  # twice is no fault
    assert refresh(here["refresh"]).status_code == 401
    assert tokens.authenticate(there["access"]).user == member
    assert refresh(there["refresh"]).status_code == 200


def test_nobody_signs_out_somebody_else(member, stranger):
    pair = tokens.issue(member)
    with pytest.raises(VerbatimError):
        tokens.revoke(pair["refresh"], user=stranger)
    assert refresh(pair["refresh"]).status_code == 200


@pytest.mark.parametrize("end", ["deactivated", "deleted", "role", "password", "revoked"])
def test_what_ends_access_and_refresh_at_once_and_never_with_a_500(member, superadmin, end):
    pair = tokens.issue(member)
    acts = {
        "deactivated": lambda: user_update(actor=superadmin, user=member, is_active=False),
        "deleted": lambda: user_delete(actor=superadmin, user=member),
        "role": lambda: user_update(actor=superadmin, user=member, role=Role.ADMIN),
        "password": lambda: password_set(actor=member, user=member, password="another-rare-passphrase"),
        "revoked": lambda: tokens_revoke(user=member),
    }
    acts[end]()
    assert refused(pair["access"])
    response = refresh(pair["refresh"])
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "token_invalid"


def test_the_database_holds_no_token(member):
    pair = tokens.issue(member)
    fresh = tokens.refresh(pair["refresh"])
    stored = "".join(OutstandingToken.objects.values_list("token", flat=True))
    for raw in (*pair.values(), *fresh.values()):
        assert raw not in stored
    assert "." not in stored


def test_lifetimes_are_half_an_hour_and_a_week(member):
    pair = tokens.issue(member)
    for raw, seconds in ((pair["access"], 30 * 60), (pair["refresh"], 7 * 24 * 3600)):
        claims = jwt.decode(raw, options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == seconds


@pytest.mark.django_db(transaction=True)
def test_of_two_simultaneous_refreshes_exactly_one_wins(member):
    raw = tokens.issue(member)["refresh"]
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def run() -> None:
        start.wait()
        try:
            tokens.refresh(raw)
            outcomes.append("won")
        except VerbatimError:
            outcomes.append("lost")
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "won"]


def test_a_page_session_dies_with_the_token_version(client, member):
    assert client.login(username=member.email, password=PASSWORD)
    assert client.get("/api/auth/me").status_code == 200
    tokens_revoke(user=member)
    assert client.get("/api/auth/me").status_code == 401
