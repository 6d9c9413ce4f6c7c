"""API keys of models: encrypted, write-only, bound to where they go, rotatable, losable without a crash."""

import secrets

import pytest
from django.core.management import call_command
from django.db import connection
from django.forms.models import model_to_dict
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from collections_app.fields import UNDECRYPTABLE
from collections_app.models import Collection
from collections_app.services import collection_create, collection_update

KEY = "sk-live-abcdefghijklmnop-9f3Z"
OPENAI = {"llm_provider": "openai", "llm_model_name": "m"}
CUSTOM = {"llm_provider": "custom", "llm_model_name": "m", "llm_base_url": "https://llm.example.com/v1"}


@pytest.fixture
def keyed(admin) -> Collection:
    """A model with KEY, at its own address."""
    made = collection_create(actor=admin, name="Keyed", api_key=KEY, **CUSTOM)
    return Collection.objects.get(pk=made.pk)


@pytest.fixture
def fernet_keys(settings):
    """A function that replaces FERNET_KEYS, as a restart with another environment would."""
    field = Collection._meta.get_field("api_key")
    original = settings.FERNET_KEYS

    def use(*keys: str) -> None:
        settings.FERNET_KEYS = list(keys)
        for name in ("keys", "fernet_keys", "fernet"):
            field.__dict__.pop(name, None)

    yield use
    use(*original)


def stored_bytes(collection) -> bytes | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM collections_app_collection WHERE id = %s", [collection.pk])
        value = cursor.fetchone()[0]
    return None if value is None else bytes(value)


def change(collection, actor, **changes) -> Collection:
    collection_update(actor=actor, collection=collection, **changes)
    return Collection.objects.get(pk=collection.pk)


def test_the_key_is_encrypted_at_rest_and_readable_for_the_adapter(keyed):
    assert keyed.api_key == KEY
    assert keyed.api_key_hint == "9f3Z"
    assert KEY.encode() not in stored_bytes(keyed)


def test_the_key_is_in_no_answer_no_page_no_repr_and_no_ledger(keyed, admin, superadmin, client_for):
    api = client_for(admin)
    path = f"/api/models/{keyed.pk}"
    console = Client()
    console.force_login(superadmin)
    page = reverse("admin:collections_app_collection_change", args=[keyed.pk])
    answers = [
        api.get("/api/models"),
        api.get(path),
        api.patch(path, {"api_key": KEY}, format="json"),
        api.patch(path, {"api_key": KEY, "top_k": 0}, format="json"),
        api.patch(path, {"api_key": KEY + " blank"}, format="json"),
        api.post("/api/models", {"name": "Two", "api_key": KEY, **CUSTOM}, format="json"),
        api.options(path),
        console.get(page),
        console.get(reverse("admin:collections_app_collection_changelist")),
        console.get(reverse("admin:collections_app_collection_history", args=[keyed.pk])),
        console.post(page, {"new_api_key": KEY, "name": ""}),
    ]
    for response in answers:
        assert response.status_code < 500
        assert KEY not in response.content.decode()
        assert "gAAAA" not in response.content.decode(), "nor its ciphertext"
    assert KEY not in repr(keyed) + str(keyed) + str(model_to_dict(keyed))
    assert KEY not in str(list(AuditEntry.objects.values()))
    assert "9f3Z" in api.get(path).json()["api_key_hint"]


def test_a_short_key_gets_no_hint(admin):
    made = collection_create(actor=admin, name="Short", api_key="abc12345", **CUSTOM)
    assert (made.has_api_key, made.api_key_hint) == (True, "")


def test_absent_leaves_the_key_and_empty_clears_it(keyed, admin):
    keyed = change(keyed, admin, top_k=7)
    assert (keyed.api_key, keyed.top_k) == (KEY, 7)
    keyed = change(keyed, admin, api_key="")
    assert (keyed.api_key, keyed.api_key_hint, keyed.has_api_key) == (None, "", False)
    actions = list(AuditEntry.objects.filter(action__startswith="model.key").values_list("action", flat=True))
    assert sorted(actions) == ["model.key_cleared", "model.key_set"]


@pytest.mark.parametrize(
    "changes",
    [
        {"llm_base_url": "https://evil.example.com/v1"},
        {"llm_base_url": "https://llm.example.com.evil.com/v1"},
        {"llm_base_url": "http://llm.example.com/v1"},
        {"llm_base_url": "https://llm.example.com:8443/v1"},
        {"llm_provider": "openai"},
        {"llm_provider": "anthropic", "llm_base_url": ""},
        {"llm_provider": "extractive"},
    ],
)
def test_a_key_does_not_follow_to_another_place(keyed, admin, changes):
    keyed = change(keyed, admin, **changes)
    assert (keyed.api_key, keyed.api_key_hint) == (None, "")
    assert stored_bytes(keyed) is None
    assert AuditEntry.objects.filter(action="model.key_cleared").exists()


def test_a_new_key_that_comes_along_is_kept(keyed, admin):
    keyed = change(keyed, admin, llm_base_url="https://other.example.com", api_key="sk-new-0123456789")
    assert (keyed.api_key, keyed.api_key_hint) == ("sk-new-0123456789", "6789")


@pytest.mark.parametrize(
    "url",
    [
        "https://llm.example.com/v2",
        "https://llm.example.com:443/v1",
        "https://LLM.Example.com/v1",
        " https://llm.example.com/v1 ",
    ],
)
def test_another_path_or_spelling_of_the_same_place_keeps_the_key(keyed, admin, url):
    assert change(keyed, admin, llm_base_url=url).api_key == KEY


def test_going_there_and_back_does_not_bring_the_key_back(keyed, admin):
    change(keyed, admin, llm_base_url="https://evil.example.com")
    assert change(keyed, admin, llm_base_url=CUSTOM["llm_base_url"]).api_key is None


def test_a_refused_change_leaves_the_key(keyed, admin, client_for):
    body = {"llm_base_url": "https://evil.example.com", "top_k": 0}
    assert client_for(admin).patch(f"/api/models/{keyed.pk}", body, format="json").status_code == 400
    assert Collection.objects.get(pk=keyed.pk).api_key == KEY


# --- a lost key ---------------------------------------------------------------------------------


def test_a_key_that_cannot_be_decrypted_is_a_visible_state_and_no_error(
    keyed, admin, superadmin, client_for, fernet_keys
):
    fernet_keys(secrets.token_urlsafe(64))
    lost = Collection.objects.get(pk=keyed.pk)
    assert lost.api_key is UNDECRYPTABLE
    api, path = client_for(admin), f"/api/models/{keyed.pk}"
    seen = api.get(path).json()
    assert (seen["has_api_key"], seen["api_key_unreadable"], seen["api_key_hint"]) == (False, True, "9f3Z")
    assert api.get("/api/models").status_code == 200
    before = stored_bytes(keyed)
    assert api.patch(path, {"top_k": 9}, format="json").status_code == 200
    assert stored_bytes(keyed) == before, "an unrelated change leaves the ciphertext for when the key is back"
    console = Client()
    console.force_login(superadmin)
    page = console.get(reverse("admin:collections_app_collection_change", args=[keyed.pk]))
    assert "can no longer be decrypted" in page.content.decode()
    assert api.patch(path, {"api_key": "sk-new-0123456789"}, format="json").json()["has_api_key"] is True


def test_a_lost_key_can_be_cleared_and_moves_nowhere(keyed, admin, fernet_keys):
    fernet_keys(secrets.token_urlsafe(64))
    assert change(keyed, admin, llm_base_url="https://other.example.com").api_key is None
    assert stored_bytes(keyed) is None


# --- rotation -----------------------------------------------------------------------------------


def test_rotation_encrypts_every_key_anew_and_reports_the_lost_ones(
    keyed, admin, settings, fernet_keys, capsys
):
    old, new, foreign = settings.FERNET_KEYS[0], secrets.token_urlsafe(64), secrets.token_urlsafe(64)
    collection_create(actor=admin, name="Keyless")
    fernet_keys(foreign)
    lost = collection_create(actor=admin, name="Lost", api_key=KEY, **CUSTOM)
    lost_bytes = stored_bytes(lost)
    fernet_keys(new, old)
    call_command("rotate_keys")
    said = capsys.readouterr().out
    assert "1 keys encrypted anew, 1 unreadable." in said
    assert "Lost" in said
    assert KEY not in said
    assert stored_bytes(lost) == lost_bytes
    fernet_keys(new)  # the old one is gone
    assert Collection.objects.get(pk=keyed.pk).api_key == KEY
    fernet_keys(foreign)
    assert Collection.objects.get(pk=lost.pk).api_key == KEY, "what could not be read was left as it was"
