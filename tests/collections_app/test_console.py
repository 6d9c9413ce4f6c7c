"""Models in the admin console: the same services, the same rules."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from collections_app.models import Collection
from collections_app.services import collection_create

KEY = "sk-live-abcdefghijklmnop-9f3Z"
ADD = "/admin/collections_app/collection/add/"


@pytest.fixture
def console(superadmin) -> Client:
    client = Client()
    client.force_login(superadmin)
    return client


def form(**changes) -> dict:
    """A whole form, as the browser sends it."""
    return {
        "name": "Tax",
        "description": "",
        "suggested_questions": "What is due?\r\n\r\nWhen?",
        "llm_provider": "custom",
        "llm_model_name": "m",
        "llm_base_url": "https://llm.example.com/v1",
        "system_prompt": "",
        "temperature": "0.2",
        "max_tokens": "1024",
        "context_tokens": "8192",
        "top_k": "5",
        "similarity_threshold": "0.3",
        "history_length": "5",
        "answer_mode": "strict",
        "chunk_strategy": "recursive",
        "chunk_size": "220",
        "chunk_overlap": "30",
        "text_search_config": "english",
        "new_api_key": "",
    } | changes


def change_path(collection) -> str:
    return reverse("admin:collections_app_collection_change", args=[collection.pk])


def test_a_model_is_created_with_a_key_and_given_to_people_and_groups(console, superadmin, member):
    group = Group.objects.create(name="Law")
    body = form(new_api_key=KEY, users=[member.pk], groups=[group.pk])
    response = console.post(ADD, body)
    assert response.status_code == 302, response.context["errors"]
    made = Collection.objects.get()
    assert (made.name, made.api_key, made.created_by) == ("Tax", KEY, superadmin)
    assert made.suggested_questions == ["What is due?", "When?"]
    assert made.embedding_dimension == 384
    assert list(made.users.all()) == [member]
    assert list(made.groups.all()) == [group]
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"model.created", "model.key_set", "model.access_set"} <= actions


def test_changing_one_field_keeps_the_rest_and_the_key(console, superadmin, member):
    console.post(ADD, form(new_api_key=KEY, users=[member.pk]))
    made = Collection.objects.get()
    assert console.post(change_path(made), form(top_k="9", users=[member.pk])).status_code == 302
    made = Collection.objects.get()
    assert (made.top_k, made.api_key, list(made.users.all())) == (9, KEY, [member])
    entry = AuditEntry.objects.get(action="model.updated")
    assert entry.details == {"top_k": {"from": 5, "to": 9}}


def test_the_key_can_be_replaced_cleared_and_does_not_follow_to_another_host(console):
    console.post(ADD, form(new_api_key=KEY))
    made = Collection.objects.get()
    console.post(change_path(made), form(new_api_key="sk-new-0123456789"))
    assert Collection.objects.get().api_key == "sk-new-0123456789"
    console.post(change_path(made), form(llm_base_url="https://evil.example.com"))
    assert Collection.objects.get().api_key is None
    console.post(change_path(made), form(llm_base_url="https://evil.example.com", new_api_key=KEY))
    console.post(change_path(made), form(llm_base_url="https://evil.example.com", clear_api_key="on"))
    assert Collection.objects.get().api_key is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"llm_base_url": ""}, "llm_base_url"),
        ({"llm_model_name": ""}, "llm_model_name"),
        ({"chunk_overlap": "110"}, "chunk_overlap"),
        ({"name": "Handbook"}, "name"),
        ({"new_api_key": "two words"}, "new_api_key"),
        ({"suggested_questions": "q\n" * 7}, "suggested_questions"),
    ],
)
def test_what_the_api_refuses_the_form_refuses_at_its_field(console, collection, changes, field):
    response = console.post(ADD, form(**changes))
    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors
    assert Collection.objects.count() == 1


def test_deleting_one_and_several_goes_through_the_service(console, superadmin, collection):
    others = [collection_create(actor=superadmin, name=name) for name in ("A", "B")]
    delete = reverse("admin:collections_app_collection_delete", args=[collection.pk])
    assert console.get(delete).status_code == 200
    console.post(delete, {"post": "yes"})
    body = {"action": "delete_selected", "_selected_action": [made.pk for made in others], "post": "yes"}
    console.post(reverse("admin:collections_app_collection_changelist"), body)
    assert not Collection.objects.exists()
    assert AuditEntry.objects.filter(action="model.deleted").count() == 3
