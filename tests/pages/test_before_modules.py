"""What a page may be asked for before its modules have loaded, or in the console beside it."""

import re

import pytest
from django.conf import settings
from django.contrib import admin
from django.urls import reverse

FORM = re.compile(r"<form(?P<attributes>[^>]*)>(?P<body>.*?)</form>", re.DOTALL)
BUTTON = re.compile(r"<button([^>]*)>")
TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_form_that_only_a_module_can_send_waits_for_it(path):
    """The browser itself would put its fields, an API key among them, into an address."""
    text = re.sub(r"<template.*?</template>", "", path.read_text(), flags=re.DOTALL)
    for form in FORM.finditer(text):
        if 'method="post"' in form["attributes"]:
            continue
        senders = [one for one in BUTTON.findall(form["body"]) if 'type="button"' not in one]
        assert senders
        assert all("disabled" in one for one in senders), form["attributes"]


def test_every_list_and_empty_form_of_the_console_opens(superadmin, page_for):
    client = page_for(superadmin)
    for model, console in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        answer = client.get(reverse(f"{name}_changelist"))
        assert answer.status_code == 200, name
        assert "Verbatim" in answer.content.decode()
        may_add = console.has_add_permission(answer.wsgi_request)
        assert client.get(reverse(f"{name}_add")).status_code == (200 if may_add else 403), name


def test_the_console_sends_password_changes_to_the_account_page(superadmin, page_for):
    answer = page_for(superadmin).post(
        "/admin/password_change/", {"new_password1": "x", "new_password2": "x"}
    )
    assert answer.status_code == 302
    assert answer["Location"] == "/account"
