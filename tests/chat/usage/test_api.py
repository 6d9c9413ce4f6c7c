"""Reading usage and setting limits over the API: who may, what he sees, and what nobody sees."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts import api_keys
from accounts.models import AuditEntry
from chat import services
from chat.models import UsageLimit
from chat.usage.days import day_start
from tests.chat.conftest import QUESTION
from tests.chat.usage.conftest import limit, spend

NOTHING = {"messages_per_minute": None, "tokens_per_day": None}


def put(client, path, body):
    return client.put(path, body, format="json")


# --- one's own ---------------------------------------------------------------------------------------


def test_i_see_my_days_my_models_and_my_limits(client_for, member, stranger, collection, settings):
    settings.MESSAGES_PER_MINUTE = 30
    limit(member, messages_per_minute=5, tokens_per_day=1000)
    today = timezone.now() - day_start(timezone.now())
    spend(member, 600, completion_tokens=200, collection=collection, collection_name="Handbook")
    spend(member, 100, ago=today + timedelta(hours=1), collection_name="Gone", estimated=True)
    spend(member, 50, kind="evaluation", collection=collection, collection_name="Handbook")
    spend(member, 7, ago=timedelta(days=40))
    spend(stranger, 9999)
    body = client_for(member).get("/api/usage").json()
    assert body["time_zone"] == "UTC"
    minute, day = body["limits"]
    assert (minute["what"], minute["limit"], minute["source"], minute["used"]) == (
        *("messages_per_minute", 5, "user"),
        minute["used"],
    )
    assert (day["used"], day["warning"], day["reached"], day["group"]) == (800, True, False, None)
    assert day["resets_at"].endswith("Z")
    newest, before = body["days"]
    assert newest == {
        "day": str(timezone.now().date()),
        "questions": 1,
        "prompt_tokens": 600,
        "completion_tokens": 200,
        "evaluation_tokens": 50,
    }
    assert (before["questions"], before["prompt_tokens"]) == (1, 100)
    rows = {(row["kind"], row["model_name"]): row for row in body["models"]}
    assert set(rows) == {("chat", "Handbook"), ("chat", "Gone"), ("evaluation", "Handbook")}
    assert rows["chat", "Handbook"]["model_id"] == collection.pk
    assert (rows["chat", "Gone"]["model_id"], rows["chat", "Gone"]["estimated"]) == (None, 1)


def test_how_many_days_back_can_be_asked(client_for, member):
    spend(member, 7, ago=timedelta(days=40))
    client = client_for(member)
    assert client.get("/api/usage").json()["days"] == []
    assert len(client.get("/api/usage?days=60").json()["days"]) == 1
    assert client.get("/api/usage?days=0").status_code == 400
    assert client.get("/api/usage?days=x").json()["error"]["details"]["days"]


def test_a_program_with_a_key_may_ask_how_much_is_left(anyone_with_key):
    assert anyone_with_key.get("/api/usage").status_code == 200
    assert anyone_with_key.get("/api/usage/users").status_code == 403


@pytest.fixture
def anyone_with_key(client_for, admin):
    client = client_for(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {api_keys.key_create(user=admin, name='Script')[1]}")
    return client


# --- everybody's sums --------------------------------------------------------------------------------


def test_admins_see_sums_of_everybody_in_any_order(client_for, admin, member, stranger, collection):
    services.question_ask(user=member, collection=collection, message=QUESTION)
    spend(member, 300, ago=timedelta(days=3))
    spend(stranger, 40)
    spend(stranger, 90, ago=timedelta(days=31))
    spend(stranger, 5, kind="evaluation")
    limit(stranger, tokens_per_day=100)
    response = client_for(admin).get("/api/usage/users?ordering=-tokens_30_days")
    assert QUESTION not in response.content.decode()
    assert "Handbook" not in response.content.decode()
    first, second, third = response.json()["results"]
    assert (first["email"], first["questions_today"], first["tokens_today"]) == (member.email, 1, 0)
    assert (first["questions_30_days"], first["tokens_30_days"], first["own_limit"]) == (2, 300, NOTHING)
    assert (second["email"], second["tokens_today"], second["tokens_30_days"]) == (stranger.email, 40, 40)
    assert (second["evaluation_tokens_30_days"], second["own_limit"]["tokens_per_day"]) == (5, 100)
    assert (third["email"], third["tokens_30_days"]) == (admin.email, 0)
    today = client_for(admin).get("/api/usage/users?ordering=-tokens_today&page_size=1").json()
    assert (today["count"], today["results"][0]["email"]) == (3, stranger.email)
    found = client_for(admin).get("/api/usage/users?search=sam").json()["results"]
    assert [one["email"] for one in found] == [stranger.email]


def test_admins_see_sums_of_groups_as_they_are_now(client_for, admin, member, stranger, department):
    Group.objects.create(name="Empty")
    spend(member, 10)
    spend(stranger, 20)
    spend(admin, 1000)
    limit(department, together=True, tokens_per_day=500)
    first, second = client_for(admin).get("/api/usage/groups?ordering=-tokens_today").json()["results"]
    assert (first["name"], first["user_count"], first["tokens_today"], first["questions_today"]) == (
        *("Law", 2),
        *(30, 2),
    )
    assert first["limits"] == {"each": NOTHING, "together": {**NOTHING, "tokens_per_day": 500}}
    assert (second["name"], second["tokens_30_days"]) == ("Empty", 0)


@pytest.mark.parametrize("path", ["users", "groups"])
def test_a_page_of_sums_costs_the_same_number_of_queries_whatever_its_length(
    client_for, admin, member, stranger, department, path, django_assert_max_num_queries
):
    """Counting, the rows with their sums, and their limits."""
    for name in "abcdef":
        limit(Group.objects.create(name=name), tokens_per_day=1)
    with django_assert_max_num_queries(3):
        client_for(admin).get(f"/api/usage/{path}")


@pytest.mark.parametrize("path", ["usage/users", "usage/groups"])
def test_nobody_else_sees_sums(client_for, member, path):
    spend(member, 10)
    response = client_for(member).get(f"/api/{path}")
    assert response.status_code == 403
    assert "results" not in response.json()


# --- setting limits ----------------------------------------------------------------------------------


def test_an_admin_sets_changes_and_removes_a_users_limit(client_for, admin, member, settings):
    settings.MESSAGES_PER_MINUTE = 30
    path, client = f"/api/users/{member.pk}/limits", client_for(admin)
    assert client.get(path).json()["own"] == NOTHING
    own = {"messages_per_minute": 3, "tokens_per_day": None}
    body = put(client, path, {"own": own}).json()
    assert body["own"] == own
    assert [(one["what"], one["limit"], one["source"]) for one in body["in_force"]] == [
        ("messages_per_minute", 3, "user")
    ]
    put(client, path, {"own": own})  # changes nothing, so nothing is written down
    body = put(client, path, {"own": NOTHING}).json()
    assert (body["own"], body["in_force"][0]["source"]) == (NOTHING, "default")
    assert not UsageLimit.objects.exists()
    entries = AuditEntry.objects.filter(action__startswith="usage_limit").order_by("id")
    assert [(entry.details["before"], entry.details["after"]) for entry in entries] == [
        (NOTHING, own),
        (own, NOTHING),
    ]
    assert str(member) in entries[0].target
    assert entries[0].actor == admin


def test_no_limit_frees_somebody_of_all_but_what_is_shared(client_for, admin, member, department):
    limit(department, tokens_per_day=10)
    limit(department, together=True, tokens_per_day=50)
    own = {"messages_per_minute": 0, "tokens_per_day": 0}
    body = put(client_for(admin), f"/api/users/{member.pk}/limits", {"own": own}).json()
    assert body["own"] == own
    assert [one["source"] for one in body["in_force"]] == ["group_together"]


def test_an_admin_sets_what_a_group_has_each_and_together(client_for, admin, department):
    path, client = f"/api/groups/{department.pk}/limits", client_for(admin)
    each = {"messages_per_minute": 5, "tokens_per_day": 100}
    together = {"messages_per_minute": None, "tokens_per_day": 500}
    assert put(client, path, {"each": each}).json() == {"each": each, "together": NOTHING}
    assert put(client, path, {"together": together}).json() == {"each": each, "together": together}
    assert put(client, path, {"each": NOTHING}).json() == {"each": NOTHING, "together": together}
    assert client.get(path).json() == {"each": NOTHING, "together": together}
    targets = AuditEntry.objects.filter(action="usage_limit.set").values_list("target", flat=True)
    assert all("Law" in target for target in targets)


@pytest.mark.parametrize(
    "own",
    [
        {"messages_per_minute": -1, "tokens_per_day": None},
        {"messages_per_minute": 1, "tokens_per_day": -1},
        {"messages_per_minute": "many", "tokens_per_day": None},
        {"messages_per_minute": None, "tokens_per_day": 2**63},
        {"tokens_per_day": 1},
        "none",
        None,
    ],
)
def test_what_is_no_limit_is_refused(client_for, admin, member, own):
    response = put(client_for(admin), f"/api/users/{member.pk}/limits", {"own": own})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "validation_error")
    assert not UsageLimit.objects.exists()


def test_no_admin_limits_a_superadmin_but_a_superadmin_does(client_for, admin, superadmin):
    path, body = f"/api/users/{superadmin.pk}/limits", {"own": {**NOTHING, "tokens_per_day": 1}}
    response = put(client_for(admin), path, body)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "superadmin_protected")
    assert not UsageLimit.objects.exists()
    assert put(client_for(superadmin), path, body).status_code == 200
    assert put(client_for(admin), path, {"own": NOTHING}).status_code == 403
    assert UsageLimit.objects.exists()


@pytest.mark.parametrize("who", ["member", "stranger"])
def test_nobody_else_reads_or_sets_limits(client_for, request, who, member, department):
    client = client_for(request.getfixturevalue(who))
    for path in (f"/api/users/{member.pk}/limits", f"/api/groups/{department.pk}/limits"):
        assert client.get(path).status_code == 403
        assert put(client, path, {"own": NOTHING, "each": NOTHING}).status_code == 403
    assert not UsageLimit.objects.exists()


# --- the console -------------------------------------------------------------------------------------


@pytest.fixture
def console(superadmin):
    client = Client()
    client.force_login(superadmin)
    return client


def test_the_console_sets_limits_through_the_same_service(console, superadmin, department):
    fields = {"group": department.pk, "together": "on", "messages_per_minute": "", "tokens_per_day": "500"}
    assert console.post("/admin/chat/usagelimit/add/", fields).status_code == 302
    made = UsageLimit.objects.get()
    assert (made.group, made.together, made.messages_per_minute, made.tokens_per_day) == (
        *(department, True),
        *(None, 500),
    )
    change = f"/admin/chat/usagelimit/{made.pk}/change/"
    assert console.get(change).status_code == 200
    assert console.post(change, {"messages_per_minute": "9", "tokens_per_day": ""}).status_code == 302
    made.refresh_from_db()
    assert (made.messages_per_minute, made.tokens_per_day) == (9, None)
    console.post(f"/admin/chat/usagelimit/{made.pk}/delete/", {"post": "yes"})
    assert not UsageLimit.objects.exists()
    assert list(AuditEntry.objects.filter(action__startswith="usage").values_list("action", flat=True)) == [
        *["usage_limit.set"] * 3
    ]


def test_the_console_refuses_a_limit_of_nobody_and_of_two(console, member, department):
    page = "/admin/chat/usagelimit/add/"
    assert console.post(page, {"user": member.pk}).status_code == 200  # of nothing
    for fields in ({}, {"user": member.pk, "group": department.pk}, {"user": member.pk, "together": "on"}):
        assert console.post(page, fields | {"tokens_per_day": "5"}).status_code == 200  # the form, again
    assert not UsageLimit.objects.exists()


def test_the_console_shows_the_ledger_and_changes_nothing_in_it(console, member):
    made = spend(member, 10)
    assert console.get("/admin/chat/usageentry/").status_code == 200
    assert console.get(f"/admin/chat/usageentry/{made.pk}/change/").status_code == 200
    assert console.post(f"/admin/chat/usageentry/{made.pk}/delete/", {"post": "yes"}).status_code == 403
    assert console.get("/admin/chat/usageentry/add/").status_code == 403


def test_the_console_deletes_a_user_with_his_ledger(console, member):
    spend(member, 10)
    limit(member, tokens_per_day=5)
    console.post(f"/admin/accounts/user/{member.pk}/delete/", {"post": "yes"})
    assert not type(member).objects.filter(pk=member.pk).exists()
