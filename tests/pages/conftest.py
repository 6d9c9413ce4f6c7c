"""Browser-like clients: session cookies, no API shortcuts."""

import pytest
from django.test import Client

from accounts.models import User


@pytest.fixture
def page_for():
    """A function: user (or None) -> a Django client that is signed in as him."""

    def make(user: User | None, **options) -> Client:
        client = Client(**options)
        if user is not None:
            client.force_login(user)
        return client

    return make


@pytest.fixture
def people(superadmin, admin, member, stranger) -> dict[str, User | None]:
    """Everybody that pages are looked at as, by name."""
    return {
        "nobody": None,
        "stranger": stranger,
        "member": member,
        "admin": admin,
        "superadmin": superadmin,
    }
