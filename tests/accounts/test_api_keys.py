"""Personal API keys: told once, stored as a hash, refused as soon as something speaks against them."""

import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import api_keys, tokens
from accounts.models import ApiKey, AuditEntry, Role
from accounts.services import password_set, user_delete, user_update
from config.errors import ErrorCode, VerbatimError

PATH = "/api/auth/api-keys"


def bearer(raw: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {raw}")
    return client


def opens(raw: str) -> bool:
    """Whether the function and a request both trust it; that they agree is asserted."""
    response = bearer(raw).get("/api/auth/me")
    if response.status_code == 200:
        tokens.authenticate(raw)
        return True
    assert (response.status_code, response.json()["error"]["code"]) == (401, "token_invalid")
    with pytest.raises(VerbatimError) as caught:
        tokens.authenticate(raw)
    assert caught.value.code == ErrorCode.TOKEN_INVALID
    return False


@pytest.fixture
def made(member) -> tuple[ApiKey, str]:
    return api_keys.key_create(user=member, name="Script")


def test_a_key_is_told_once_and_opens_the_api_as_its_owner(client_for, member):
    answer = client_for(member).post(PATH, {"name": " Nightly report "}, format="json")
    assert answer.status_code == 201
    told = answer.json()
    assert told["name"] == "Nightly report"
    assert api_keys.FORM.fullmatch(told["key"])
    assert told["key"].startswith(f"vbt_{told['prefix']}_")
    assert bearer(told["key"]).get("/api/auth/me").json()["email"] == member.email
    listed = client_for(member).get(PATH).json()
    assert [row["id"] for row in listed["results"]] == [told["id"]]
    assert set(listed["results"][0]) == {"id", "name", "prefix", "created_at", "last_used_at", "expires_at"}


def test_the_database_and_its_dump_do_not_hold_the_key(made, capsys):
    key, raw = made
    secret = raw.rpartition("_")[2]
    call_command("dumpdata", "accounts")
    dump = capsys.readouterr().out
    assert key.prefix in dump
    assert secret not in dump
    assert raw not in dump


def test_two_keys_share_nothing(member):
    first, second = (api_keys.key_create(user=member, name="x")[1] for _ in range(2))
    assert first.split("_")[1:] != second.split("_")[1:]
    assert len({*first.split("_")[1:], *second.split("_")[1:]}) == 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1] + ("A" if raw[-1] != "A" else "B"),  # the checksum
        lambda raw: raw[:20] + ("A" if raw[20] != "A" else "B") + raw[21:],  # the secret, checksum left
        lambda raw: raw[:-7],
        lambda raw: raw + "A",
        lambda raw: raw + "\n",
        lambda raw: raw.replace("vbt_", "vbt_x"),
        lambda raw: raw.swapcase(),
        lambda raw: "vbt_",
        lambda raw: "vbt_" + "ü" * 58,
        lambda raw: "vbt_" + "A" * 100_000,
    ],
)
def test_a_spoiled_key_is_refused(made, spoil):
    with pytest.raises(VerbatimError) as caught:
        tokens.authenticate(spoil(made[1]))
    assert caught.value.code == ErrorCode.TOKEN_INVALID
    assert opens(made[1])


def test_a_well_formed_key_with_a_known_prefix_and_another_secret_is_refused(made, monkeypatch):
    key, raw = made
    body = f"vbt_{key.prefix}_" + "A" * api_keys.SECRET_CHARS
    forged = body + api_keys._checksum(body)
    assert api_keys.FORM.fullmatch(forged)
    assert not opens(forged)
    assert not opens(forged.replace(key.prefix, "A" * 8))
    assert opens(raw)


@pytest.mark.parametrize(
    "name, reason",  # noqa: PT006
    [("", "name"), ("   ", "name"), ("a\u202eb", "name"), ("x" * 101, "name"), (None, "name")],
)
def test_a_name_that_says_nothing_or_deceives_is_refused(client_for, member, name, reason):
    answer = client_for(member).post(PATH, {"name": name}, format="json")
    assert answer.status_code == 400
    assert reason in answer.json()["error"]["details"]
    assert not ApiKey.objects.exists()


def test_a_key_ends_by_itself(client_for, member):
    past = (timezone.now() - timedelta(seconds=1)).isoformat()
    answer = client_for(member).post(PATH, {"name": "x", "expires_at": past}, format="json")
    assert "expires_at" in answer.json()["error"]["details"]
    soon = timezone.now() + timedelta(hours=1)
    raw = (
        client_for(member)
        .post(PATH, {"name": "x", "expires_at": soon.isoformat()}, format="json")
        .json()["key"]
    )
    assert opens(raw)
    assert tokens.authenticate(raw).expires == soon.timestamp()
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not opens(raw)


def test_deleting_revokes_at_once(client_for, member, made):
    key, raw = made
    assert client_for(member).delete(f"{PATH}/{key.pk}").status_code == 204
    assert not opens(raw)
    assert client_for(member).delete(f"{PATH}/{key.pk}").status_code == 404


@pytest.mark.parametrize("who", ["stranger", "admin", "superadmin"])
def test_nobody_sees_or_deletes_another_persons_key_over_the_api(client_for, request, made, who):
    client = client_for(request.getfixturevalue(who))
    assert client.get(PATH).json()["count"] == 0
    assert client.delete(f"{PATH}/{made[0].pk}").status_code == 404
    assert opens(made[1])


def test_a_key_makes_shows_and_deletes_no_keys(made):
    key, raw = made
    for answer in (
        bearer(raw).get(PATH),
        bearer(raw).post(PATH, {"name": "x"}),
        bearer(raw).delete(f"{PATH}/{key.pk}"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "api_key_not_accepted")
    assert ApiKey.objects.count() == 1


def test_a_superadmins_key_does_not_manage(superadmin, member, collection):
    raw = api_keys.key_create(user=superadmin, name="x")[1]
    for answer in (
        bearer(raw).get("/api/users"),
        bearer(raw).patch(f"/api/users/{member.pk}", {"role": "admin"}, format="json"),
        bearer(raw).patch(f"/api/models/{collection.pk}", {"name": "Mine"}, format="json"),
        bearer(raw).get(f"/api/models/{collection.pk}"),
        bearer(raw).post("/api/auth/password", {"current_password": "x", "new_password": "y"}, format="json"),
        bearer(raw).post("/api/auth/ws-ticket"),
    ):
        assert answer.json()["error"]["code"] == "api_key_not_accepted"
    member.refresh_from_db()
    assert member.role == Role.USER


def test_a_deactivated_user_is_refused_and_his_keys_do_not_come_back(admin, member, made):
    user_update(actor=admin, user=member, is_active=False)
    assert not opens(made[1])
    user_update(actor=admin, user=member, is_active=True)
    assert not opens(made[1])
    assert not ApiKey.objects.exists()


def test_a_row_that_says_inactive_is_enough(member, made):
    type(member).objects.filter(pk=member.pk).update(is_active=False)
    assert not opens(made[1])


def test_a_deleted_users_key_is_gone(admin, member, made):
    user_delete(actor=admin, user=member)
    assert not opens(made[1])


def test_a_new_password_ends_the_keys(member, made, stranger):
    other = api_keys.key_create(user=stranger, name="x")[1]
    password_set(actor=member, user=member, password="another-unguessable-one")
    assert not opens(made[1])
    assert opens(other)


def test_a_spent_refresh_token_that_comes_back_ends_the_keys(member, made):
    spent = tokens.issue(member)["refresh"]
    tokens.refresh(spent)
    with pytest.raises(VerbatimError):
        tokens.refresh(spent)
    assert not opens(made[1])


def test_a_new_role_leaves_the_keys_which_never_manage_anything(superadmin, member, made):
    user_update(actor=superadmin, user=member, role=Role.ADMIN)
    assert opens(made[1])
    assert bearer(made[1]).get("/api/users").status_code == 403


def test_its_use_is_written_down_once_a_minute_at_most(made, django_assert_num_queries):
    key, raw = made
    before = timezone.now()
    tokens.authenticate(raw)
    key.refresh_from_db()
    first = key.last_used_at
    assert first >= before
    with django_assert_num_queries(1):
        tokens.authenticate(raw)
    key.refresh_from_db()
    assert key.last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    tokens.authenticate(raw)
    key.refresh_from_db()
    assert key.last_used_at >= first


def test_a_wrong_key_does_not_count_as_use(made):
    key, raw = made
    opens(raw[:-1] + ("A" if raw[-1] != "A" else "B"))
    key.refresh_from_db()
    assert key.last_used_at is None


def test_nobody_has_more_than_twenty(client_for, member, stranger):
    for _ in range(api_keys.MAX_KEYS):
        api_keys.key_create(user=member, name="x")
    answer = client_for(member).post(PATH, {"name": "x"}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "api_key_limit")
    assert client_for(stranger).post(PATH, {"name": "x"}, format="json").status_code == 201
    ApiKey.objects.filter(user=member).first().delete()
    assert client_for(member).post(PATH, {"name": "x"}, format="json").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_the_same_time_are_not_both_the_twentieth(member):
    for _ in range(api_keys.MAX_KEYS - 1):
        api_keys.key_create(user=member, name="x")
    start, refused = threading.Barrier(4), []

    def make():
        start.wait()
        try:
            api_keys.key_create(user=member, name="x")
        except VerbatimError as error:
            refused.append(error.code)
        connection.close()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [ErrorCode.API_KEY_LIMIT] * 3
    assert ApiKey.objects.count() == api_keys.MAX_KEYS


def test_the_ledger_tells_who_made_and_revoked_which_key_and_not_the_key(client_for, member):
    told = client_for(member).post(PATH, {"name": "Script"}, format="json").json()
    client_for(member).delete(f"{PATH}/{told['id']}")
    entries = AuditEntry.objects.filter(action__startswith="api_key.").order_by("id")
    assert [(entry.action, entry.actor_email) for entry in entries] == [
        ("api_key.created", member.email),
        ("api_key.deleted", member.email),
    ]
    for entry in entries:
        assert "Script" in entry.target
        assert told["prefix"] in entry.target
        assert told["key"].rpartition("_")[2] not in f"{entry.target}{entry.details}"


# --- the console ------------------------------------------------------------------------------------


@pytest.fixture
def console(superadmin) -> Client:
    client = Client()
    client.force_login(superadmin)
    return client


def test_a_superadmin_sees_names_prefixes_and_last_use_and_no_hash(console, made, member):
    key, raw = made
    tokens.authenticate(raw)
    for path in (
        reverse("admin:accounts_apikey_changelist"),
        reverse("admin:accounts_apikey_change", args=[key.pk]),
    ):
        page = console.get(path)
        assert page.status_code == 200
        text = page.content.decode()
        assert key.prefix in text
        assert member.email in text
        assert key.digest not in text
        assert raw not in text


def test_a_superadmin_revokes_and_neither_makes_nor_changes(console, made):
    key, raw = made
    assert console.get(reverse("admin:accounts_apikey_add")).status_code == 403
    change = reverse("admin:accounts_apikey_change", args=[key.pk])
    assert console.post(change, {"name": "x", "prefix": "y"}).status_code == 403
    assert opens(raw)
    console.post(reverse("admin:accounts_apikey_delete", args=[key.pk]), {"post": "yes"})
    assert not opens(raw)
    assert AuditEntry.objects.get(action="api_key.deleted").details == {"owner": key.user.email}


def test_a_superadmin_revokes_many_at_once(console, member):
    raws = [api_keys.key_create(user=member, name="x")[1] for _ in range(3)]
    console.post(
        reverse("admin:accounts_apikey_changelist"),
        {
            "action": "delete_selected",
            "_selected_action": [key.pk for key in ApiKey.objects.all()],
            "post": "yes",
        },
    )
    assert not any(opens(raw) for raw in raws)
    assert AuditEntry.objects.filter(action="api_key.deleted").count() == 3
