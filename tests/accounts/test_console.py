"""The admin console: superadmins only, the same rules as everywhere, no error pages."""

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts import tokens
from accounts.models import AuditEntry, Role, User
from config import redis
from tests.conftest import PASSWORD, make_user

CHANGELIST = "/admin/accounts/user/"


def console_for(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def console(superadmin) -> Client:
    return console_for(superadmin)


def told(response) -> str:
    """The messages of the page that the answer leads to."""
    return " ".join(str(message) for message in response.context["messages"])


def change_path(user) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


@pytest.mark.parametrize("who", ["member", "admin", None])
def test_only_superadmins_enter(who, request):
    client = console_for(request.getfixturevalue(who)) if who else Client()
    response = client.get("/admin/")
    assert response.status_code == 302
    assert "/admin/login/" in response["Location"]


def test_every_registered_list_and_form_opens(console, collection, member):
    for model, model_admin in django_admin.site._registry.items():
        if model._meta.app_label in ("documents", "chat"):
            continue
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert console.get(reverse(f"{base}_changelist")).status_code == 200, model
        add = console.get(reverse(f"{base}_add"))
        expected = 200 if model_admin.has_add_permission(add.wsgi_request) else 403
        assert add.status_code == expected, model
        row = model.objects.first()
        if row:
            assert console.get(reverse(f"{base}_change", args=[row.pk])).status_code == 200, model


def test_what_is_registered_shows_no_credentials(console, member):
    labels = {model._meta.label for model in django_admin.site._registry}
    assert {"accounts.User", "auth.Group", "accounts.AuditEntry", "collections_app.Collection"} <= labels
    assert "django_celery_results.TaskResult" in labels
    assert not any("token_blacklist" in label for label in labels)
    assert member.password not in console.get(change_path(member)).content.decode()


@pytest.mark.parametrize("label", ["accounts_auditentry", "django_celery_results_taskresult"])
def test_ledgers_cannot_be_changed(console, superadmin, label):
    entry = AuditEntry.objects.create(action="x")
    assert console.get(reverse(f"admin:{label}_add")).status_code == 403
    if label == "accounts_auditentry":
        assert (
            console.post(reverse(f"admin:{label}_delete", args=[entry.pk]), {"post": "yes"}).status_code
            == 403
        )
        assert (
            console.post(reverse(f"admin:{label}_change", args=[entry.pk]), {"action": "y"}).status_code
            == 403
        )


def test_a_user_is_created_with_a_password(console):
    body = {
        "email": "New@Example.com",
        "full_name": "N",
        "role": "admin",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert console.post(reverse("admin:accounts_user_add"), body).status_code == 302
    user = User.objects.get(email="new@example.com")
    assert (user.role, user.check_password(PASSWORD)) == ("admin", True)
    assert AuditEntry.objects.filter(action="user.created").exists()


def test_a_weak_password_or_a_taken_address_is_said_and_nothing_is_created(console, member):
    for email, password in (("n@example.com", "password"), ("MIA@example.com", PASSWORD)):
        body = {"email": email, "role": "user", "password1": password, "password2": password}
        response = console.post(reverse("admin:accounts_user_add"), body, follow=True)
        assert response.status_code == 200
        assert User.objects.count() == 2


def test_changing_a_role_ends_the_users_tokens(console, member):
    access = tokens.issue(member)["access"]
    group = Group.objects.create(name="Law")
    body = {"full_name": "Mia", "role": "admin", "is_active": "on", "groups": [group.pk]}
    assert console.post(change_path(member), body).status_code == 302
    member.refresh_from_db()
    assert (member.role, member.full_name, list(member.groups.all())) == ("admin", "Mia", [group])
    with pytest.raises(Exception, match="token_invalid"):
        tokens.authenticate(access)
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"user.updated", "user.groups_set"} <= actions


@pytest.mark.parametrize("body", [{"role": "user", "is_active": "on"}, {"role": "superadmin"}])
def test_demoting_or_deactivating_a_superadmin_is_a_message(console, superadmin, body):
    other = make_user("root2@example.com", Role.SUPERADMIN)
    for target in (superadmin, other):
        response = console.post(change_path(target), {"full_name": "X", **body}, follow=True)
        assert "superadmin" in told(response)
        target.refresh_from_db()
        assert (target.role, target.is_active) == ("superadmin", True)
        assert target.full_name != "X", "refused as a whole"


def test_deleting_a_superadmin_is_a_message(console, superadmin):
    response = console.post(
        reverse("admin:accounts_user_delete", args=[superadmin.pk]), {"post": "yes"}, follow=True
    )
    assert response.status_code == 200
    assert "superadmin" in told(response)
    assert User.objects.filter(pk=superadmin.pk).exists()


def test_deleting_several_at_once_with_a_superadmin_among_them_deletes_nobody(console, superadmin, member):
    body = {"action": "delete_selected", "_selected_action": [member.pk, superadmin.pk], "post": "yes"}
    response = console.post(CHANGELIST, body, follow=True)
    assert response.status_code == 200
    assert "superadmin" in told(response)
    assert User.objects.count() == 2
    body["_selected_action"] = [member.pk]
    console.post(CHANGELIST, body, follow=True)
    assert list(User.objects.all()) == [superadmin]
    assert AuditEntry.objects.filter(action="user.deleted").exists()


def test_the_actions_deactivate_and_activate_whom_the_rules_allow(console, superadmin, member, stranger):
    body = {"action": "deactivate", "_selected_action": [member.pk, superadmin.pk, stranger.pk]}
    response = console.post(CHANGELIST, body, follow=True)
    assert "2 users changed" in told(response)
    assert superadmin.email in told(response)
    assert User.objects.filter(is_active=False).count() == 2
    console.post(CHANGELIST, body | {"action": "activate"}, follow=True)
    assert not User.objects.filter(is_active=False).exists()


def test_a_password_set_in_the_console_ends_the_users_tokens(console, superadmin, member):
    access = tokens.issue(member)["access"]
    path = reverse("admin:auth_user_password_change", args=[member.pk])
    new = "another-rare-passphrase"
    assert console.get(path).status_code == 200
    assert console.post(path, {"password1": new, "password2": new}).status_code == 302
    member.refresh_from_db()
    assert member.check_password(new)
    with pytest.raises(Exception, match="token_invalid"):
        tokens.authenticate(access)
    assert AuditEntry.objects.get(action="user.password_set").actor == superadmin
    assert (
        console.post(path, {"password1": "", "password2": "", "usable_password": "false"}).status_code == 200
    )
    member.refresh_from_db()
    assert member.has_usable_password()


def test_changing_ones_own_password_in_the_console_keeps_this_session(console, superadmin):
    path = reverse("admin:auth_user_password_change", args=[superadmin.pk])
    new = "another-rare-passphrase"
    assert console.post(path, {"password1": new, "password2": new}).status_code == 302
    assert console.get("/admin/").status_code == 200


def test_groups_are_made_changed_and_deleted_with_their_people(console, member, stranger):
    console.post(reverse("admin:auth_group_add"), {"name": "Law", "users": [member.pk]})
    group = Group.objects.get(name="Law")
    assert list(group.user_set.all()) == [member]
    path = reverse("admin:auth_group_change", args=[group.pk])
    assert console.post(path, {"name": "Legal", "users": [stranger.pk]}).status_code == 302
    group.refresh_from_db()
    assert (group.name, list(group.user_set.all())) == ("Legal", [stranger])
    console.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})
    assert not Group.objects.exists()


def test_the_consoles_sign_in_is_throttled_like_every_other(superadmin, settings):
    redis.client().flushdb()
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"signin_account": "2/min"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    client = Client()
    for _ in range(2):
        client.post("/admin/login/", {"username": superadmin.email, "password": "wrong"})
    response = client.post("/admin/login/", {"username": superadmin.email, "password": PASSWORD})
    assert response.status_code == 200
    assert "Too many requests" in response.content.decode()
    redis.client().flushdb()
    response = client.post("/admin/login/?next=/admin/", {"username": superadmin.email, "password": PASSWORD})
    assert response.status_code == 302


def test_the_console_does_not_let_plain_users_sign_in(member):
    response = Client().post("/admin/login/", {"username": member.email, "password": PASSWORD})
    assert response.status_code == 200
    assert "_auth_user_id" not in response.wsgi_request.session
