"""The rules for one user and for many pairs at once are the same rules."""

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from collections_app import access
from collections_app.models import Collection
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


def test_pairs_are_allowed_exactly_where_the_collection_is_visible(
    superadmin, admin, member, stranger, collection
):
    by_group = Collection.objects.create(name="For a group", embedding_model="m", embedding_dimension=384)
    by_both = Collection.objects.create(name="Twice", embedding_model="m", embedding_dimension=384)
    private = Collection.objects.create(name="For nobody", embedding_model="m", embedding_dimension=384)
    group = Group.objects.create(name="Harbour")
    grouped, gone = make_user("gus@example.com"), make_user("ina@example.com", is_active=False)
    for one in (grouped, gone, member):
        one.groups.add(group)
    by_group.groups.add(group)
    by_both.groups.add(group)
    by_both.users.add(grouped, gone)
    collections = [collection, by_group, by_both, private]
    pairs = {(user.pk, one.pk) for user in User.objects.all() for one in collections}
    strangers = {(10**9, collection.pk), (member.pk, 10**9), (admin.pk, 10**9)}
    expected = {(user.pk, one.pk) for user in User.objects.all() for one in access.visible_to(user)}
    assert access.allowed(pairs | strangers) == expected
    assert (stranger.pk, collection.pk) not in expected
    assert (gone.pk, by_both.pk) not in expected
    assert (grouped.pk, by_both.pk) in expected


def test_it_takes_four_statements_however_many_there_are(
    django_assert_max_num_queries, admin, member, collection
):
    people = [make_user(f"reader{number}@example.com") for number in range(5)]
    collection.users.add(*people)
    with django_assert_max_num_queries(4):  # users, admins' collections, grants, grants to groups
        access.allowed({(person.pk, collection.pk) for person in [admin, member, *people]})
