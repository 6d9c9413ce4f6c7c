"""Users over the API: who may see and change whom."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import services, tokens
from accounts.models import AuditEntry, Role, User
from config.errors import VerbatimError
from tests.conftest import PASSWORD, make_user

OK, MADE, GONE, BAD, ANON, NO, HIDDEN = 200, 201, 204, 400, 401, 403, 404


@pytest.fixture
def people(superadmin, admin, member, stranger):
    """Everybody by name, and two more of the higher ranks."""
    return {
        "anonymous": None,
        "superadmin": superadmin,
        "admin": admin,
        "member": member,
        "stranger": stranger,
        "other_superadmin": make_user("root2@example.com", Role.SUPERADMIN),
        "other_admin": make_user("abe@example.com", Role.ADMIN),
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        # expected for: anonymous, member, admin, superadmin
        ("get", "/api/users", None, (ANON, NO, OK, OK)),
        ("post", "/api/users", {"email": "n@example.com"}, (ANON, NO, MADE, MADE)),
        ("post", "/api/users", {"email": "n@example.com", "role": "admin"}, (ANON, NO, MADE, MADE)),
        ("post", "/api/users", {"email": "n@example.com", "role": "superadmin"}, (ANON, NO, NO, MADE)),
        ("get", "/api/users/{member}", None, (ANON, OK, OK, OK)),
        ("get", "/api/users/{stranger}", None, (ANON, HIDDEN, OK, OK)),
        ("get", "/api/users/{superadmin}", None, (ANON, HIDDEN, OK, OK)),
        ("get", "/api/users/999999", None, (ANON, HIDDEN, HIDDEN, HIDDEN)),
        ("get", "/api/users/99999999999999999999999", None, (ANON, HIDDEN, HIDDEN, HIDDEN)),
        ("patch", "/api/users/{member}", {"full_name": "M"}, (ANON, OK, OK, OK)),
        ("patch", "/api/users/{member}", {"role": "admin"}, (ANON, NO, OK, OK)),
        ("patch", "/api/users/{member}", {"role": "superadmin"}, (ANON, NO, NO, OK)),
        ("patch", "/api/users/{member}", {"is_active": False}, (ANON, NO, OK, OK)),
        ("patch", "/api/users/{member}", {"full_name": "M", "role": "user"}, (ANON, NO, OK, OK)),
        ("patch", "/api/users/{stranger}", {"full_name": "M"}, (ANON, HIDDEN, OK, OK)),
        ("patch", "/api/users/{other_admin}", {"role": "user"}, (ANON, HIDDEN, OK, OK)),
        ("patch", "/api/users/{other_superadmin}", {"full_name": "M"}, (ANON, HIDDEN, NO, OK)),
        ("patch", "/api/users/{other_superadmin}", {"role": "user"}, (ANON, HIDDEN, NO, NO)),
        ("patch", "/api/users/{other_superadmin}", {"is_active": False}, (ANON, HIDDEN, NO, NO)),
        ("delete", "/api/users/{member}", None, (ANON, NO, GONE, GONE)),
        ("delete", "/api/users/{stranger}", None, (ANON, HIDDEN, GONE, GONE)),
        ("delete", "/api/users/{other_admin}", None, (ANON, HIDDEN, GONE, GONE)),
        ("delete", "/api/users/{other_superadmin}", None, (ANON, HIDDEN, NO, NO)),
        ("post", "/api/users/{member}/password", None, (ANON, NO, OK, OK)),
        ("post", "/api/users/{stranger}/password", None, (ANON, NO, OK, OK)),
        ("post", "/api/users/{other_admin}/password", None, (ANON, NO, OK, OK)),
        ("post", "/api/users/{other_superadmin}/password", None, (ANON, NO, NO, OK)),
        ("post", "/api/users/999999/password", None, (ANON, NO, HIDDEN, HIDDEN)),
        ("get", "/api/groups", None, (ANON, NO, OK, OK)),
        ("post", "/api/groups", {"name": "Sales"}, (ANON, NO, MADE, MADE)),
        ("get", "/api/groups/{group}", None, (ANON, NO, OK, OK)),
        ("patch", "/api/groups/{group}", {"name": "Sales"}, (ANON, NO, OK, OK)),
        ("delete", "/api/groups/{group}", None, (ANON, NO, GONE, GONE)),
        ("get", "/api/groups/999999", None, (ANON, NO, HIDDEN, HIDDEN)),
    ],
)
@pytest.mark.parametrize("index", range(4), ids=["anonymous", "member", "admin", "superadmin"])
def test_every_endpoint_answers_each_role_with_the_status_of_the_table(
    people, client_for, method, path, body, expected, index
):
    ids = {name: user.pk for name, user in people.items() if user} | {
        "group": Group.objects.create(name="Law").pk
    }
    actor = people[("anonymous", "member", "admin", "superadmin")[index]]
    response = getattr(client_for(actor), method)(path.format(**ids), body, format="json")
    assert response.status_code == expected[index], response.content
    if response.status_code >= 400:
        assert set(response.json()) == {"error"}


@pytest.mark.parametrize("who", ["admin", "superadmin"])
@pytest.mark.parametrize(
    ("method", "body"), [("patch", {"role": "user"}), ("patch", {"is_active": False}), ("delete", None)]
)
def test_nobody_demotes_deactivates_or_deletes_himself(people, client_for, who, method, body):
    actor = people[who]
    response = getattr(client_for(actor), method)(f"/api/users/{actor.pk}", body, format="json")
    assert response.status_code == 403
    expected = "self_protected" if who == "admin" else "superadmin_protected"
    assert response.json()["error"]["code"] == expected
    actor.refresh_from_db()
    assert (actor.role, actor.is_active) == (who, True)


def test_nobody_promotes_himself(people, client_for):
    for who, role in (("admin", "superadmin"), ("member", "admin")):
        response = client_for(people[who]).patch(
            f"/api/users/{people[who].pk}", {"role": role}, format="json"
        )
        assert response.status_code == 403
        people[who].refresh_from_db()
        assert people[who].role != role


@pytest.mark.parametrize("body", [{"role": "user"}, {"is_active": False}, {"full_name": "X"}])
def test_an_admin_never_touches_a_superadmin(people, client_for, body):
    target = people["superadmin"]
    response = client_for(people["admin"]).patch(f"/api/users/{target.pk}", body, format="json")
    assert response.json()["error"]["code"] == "superadmin_protected"
    before = (target.role, target.is_active, target.full_name, target.token_version)
    target.refresh_from_db()
    assert (target.role, target.is_active, target.full_name, target.token_version) == before


def test_fields_that_are_nobodys_to_set_are_ignored(people, client_for):
    member = people["member"]
    body = {
        "full_name": "M",
        "email": "x@example.com",
        "is_superuser": True,
        "token_version": 9,
        "password": "x",
    }
    response = client_for(people["admin"]).patch(f"/api/users/{member.pk}", body, format="json")
    assert response.status_code == 200
    fresh = User.objects.get(pk=member.pk)
    assert (fresh.email, fresh.role, fresh.token_version) == (member.email, "user", 0)
    assert fresh.check_password(PASSWORD)


def test_a_new_role_is_audited_and_an_unchanged_one_revokes_nothing(people, client_for):
    member, client = people["member"], client_for(people["admin"])
    client.patch(f"/api/users/{member.pk}", {"role": "user", "full_name": member.full_name}, format="json")
    member.refresh_from_db()
    assert member.token_version == 0
    assert not AuditEntry.objects.filter(action="user.updated").exists()
    client.patch(f"/api/users/{member.pk}", {"role": "admin"}, format="json")
    entry = AuditEntry.objects.get(action="user.updated")
    assert entry.details == {"role": {"from": "user", "to": "admin"}}
    assert entry.actor == people["admin"]
    member.refresh_from_db()
    assert member.token_version == 1


@pytest.mark.parametrize("body", [{"role": "king"}, {"is_active": "maybe"}, {"full_name": "x" * 151}, [1]])
def test_a_wrong_type_is_400_and_changes_nothing(people, client_for, body):
    response = client_for(people["admin"]).patch(f"/api/users/{people['member'].pk}", body, format="json")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "validation_error"


def test_the_list_can_be_searched_filtered_and_ordered_by_allowed_fields_only(people, client_for):
    client = client_for(people["admin"])

    def emails(query: str) -> list[str]:
        return [row["email"] for row in client.get(f"/api/users?{query}").json()["results"]]

    assert emails("search=Mia") == ["mia@example.com"]
    assert emails("search=sam@") == ["sam@example.com"]
    assert emails("role=admin") == ["abe@example.com", "ada@example.com"]
    assert emails("ordering=-email")[0] == "sam@example.com"
    assert emails("ordering=password") == emails("")
    assert emails("password__startswith=md5") == emails("")
    assert emails("is_active=false") == []
    assert client.get("/api/users?search=%00").status_code == 400
    assert client.get("/api/users?role=king").status_code == 400
    assert len(emails("page_size=2")) == 2
    assert client.get("/api/users?page=99").status_code == 404
    assert "password" not in client.get("/api/users").content.decode()


def test_the_list_takes_two_queries_however_many_people_there_are(people, client_for):
    client = client_for(people["admin"])
    with CaptureQueriesContext(
        connection,
    ) as captured:
        client.get("/api/users")
    assert len(captured) == 2, "one to count, one to read"


def test_a_created_user_gets_a_first_password_that_is_told_once(people, client_for):
    client = client_for(people["admin"])
    made = client.post("/api/users", {"email": "new@example.com", "full_name": "N"}, format="json").json()
    login = {"email": "new@example.com", "password": made["initial_password"]}
    assert APIClient().post("/api/auth/login", login, format="json").status_code == 200
    assert "initial_password" not in client.get(f"/api/users/{made['id']}").json()
    given = {"email": "two@example.com", "password": "a-given-rare-phrase"}
    assert client.post("/api/users", given, format="json").json()["initial_password"] is None
    weak = {"email": "three@example.com", "password": "password"}
    assert client.post("/api/users", weak, format="json").status_code == 400


def test_who_forgot_his_password_gets_a_made_up_one_and_his_tokens_end(people, client_for):
    member, client = people["member"], client_for(people["admin"])
    before = tokens.issue(member)
    response = client.post(f"/api/users/{member.pk}/password", {"password": "mine-not-yours"}, format="json")
    assert set(response.json()) == {"new_password"}
    new = response.json()["new_password"]
    assert len(new) == 16
    with pytest.raises(VerbatimError):
        tokens.authenticate(before["access"])
    with pytest.raises(VerbatimError):
        tokens.refresh(before["refresh"])
    for password, status in ((PASSWORD, 401), ("mine-not-yours", 401), (new, 200)):
        login = {"email": member.email, "password": password}
        assert APIClient().post("/api/auth/login", login, format="json").status_code == status
    entry = AuditEntry.objects.get(action="user.password_set")
    assert (entry.actor, entry.details) == (people["admin"], {})
    assert new not in str(AuditEntry.objects.values())


@pytest.mark.parametrize("who", ["admin", "superadmin"])
def test_nobody_gives_himself_a_password_without_the_old_one(people, client_for, who):
    actor = people[who]
    response = client_for(actor).post(f"/api/users/{actor.pk}/password")
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "self_protected"
    actor.refresh_from_db()
    assert actor.check_password(PASSWORD)


def test_a_password_is_judged_by_the_rank_that_the_user_has_by_then(people):
    """He was read as a plain user; meanwhile a superadmin promoted him."""
    stale = User.objects.get(pk=people["member"].pk)
    User.objects.filter(pk=stale.pk).update(role=Role.SUPERADMIN)
    with pytest.raises(VerbatimError) as refusal:
        services.password_reset(actor=people["admin"], user=stale)
    assert refusal.value.code == "superadmin_protected"
    assert User.objects.get(pk=stale.pk).check_password(PASSWORD)


@pytest.mark.parametrize("name", ["\u202elive", "a\nb", "bell\u0007", "\u2066x"])
def test_a_name_that_would_deceive_its_readers_is_refused(people, client_for, collection, name):
    client, member = client_for(people["admin"]), people["member"]
    for method, path, field in (
        ("patch", f"/api/users/{member.pk}", "full_name"),
        ("post", "/api/groups", "name"),
        ("post", "/api/models", "name"),
        ("patch", f"/api/models/{collection.pk}", "name"),
    ):
        response = getattr(client, method)(path, {field: f"A{name}"}, format="json")
        assert response.status_code == 400, path
        assert "Control characters" in response.json()["error"]["details"][field][0]
    assert (
        client.patch(f"/api/users/{member.pk}", {"full_name": "ندا\u200cس"}, format="json").status_code == 200
    )


# --- groups -------------------------------------------------------------------------------------


def test_a_group_lives_from_creation_to_deletion(people, client_for, member, stranger):
    client = client_for(people["admin"])
    made = client.post("/api/groups", {"name": "Sales", "user_ids": [member.pk]}, format="json").json()
    assert made == {"id": made["id"], "name": "Sales", "user_count": 1, "user_ids": [member.pk]}
    path = f"/api/groups/{made['id']}"
    changed = client.patch(path, {"name": "Trade", "user_ids": [stranger.pk]}, format="json").json()
    assert (changed["name"], changed["user_ids"]) == ("Trade", [stranger.pk])
    assert client.patch(path, {"user_ids": []}, format="json").json()["user_ids"] == []
    assert client.delete(path).status_code == 204
    assert not Group.objects.exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"group.created", "group.updated", "group.deleted"} <= actions


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Law"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 151}, "name"),
        ({"name": "New", "user_ids": [999999]}, "user_ids"),
        ({"name": "New", "user_ids": ["x"]}, "user_ids"),
        ({"name": "New", "user_ids": "all"}, "user_ids"),
    ],
)
def test_a_group_with_one_thing_wrong_is_400_and_not_made(people, client_for, body, field):
    Group.objects.create(name="Law")
    response = client_for(people["admin"]).post("/api/groups", body, format="json")
    assert response.status_code == 400
    assert field in response.json()["error"]["details"]
    assert Group.objects.count() == 1


def test_listing_groups_takes_three_queries_however_many_there_are(people, client_for):
    for number in range(5):
        Group.objects.create(name=f"G{number}").user_set.add(people["member"], people["stranger"])
    with CaptureQueriesContext(connection) as captured:
        body = client_for(people["admin"]).get("/api/groups").json()
    assert body["count"] == 5
    assert len(captured) == 3, "one to count, one to read, one for the people"
