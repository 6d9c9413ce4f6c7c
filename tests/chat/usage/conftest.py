"""Ledger entries without a chat, and limits."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import User
from chat.usage.models import UsageEntry, UsageLimit


def spend(user: User, tokens: int = 0, *, ago: timedelta = timedelta(), **fields) -> UsageEntry:
    """An answer that somebody asked for a while ago."""
    return UsageEntry.objects.create(
        user=user,
        asked_at=timezone.now() - ago,
        prompt_tokens=tokens,
        **({"collection_name": "Old"} | fields),
    )


def limit(of: User | Group, **fields) -> UsageLimit:
    """A limit, with null for what is not named."""
    return UsageLimit.objects.create(**{"user" if isinstance(of, User) else "group": of}, **fields)


@pytest.fixture
def department(member, stranger) -> Group:
    """A group with the member and the stranger in it."""
    group = Group.objects.create(name="Law")
    group.user_set.set([member, stranger])
    return group
