"""The ground that every other test stands on is real."""

from django.core.cache import cache
from django.db import connection


def test_tests_run_on_real_postgresql_with_pgvector(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT '[1,2]'::vector <-> '[1,4]'::vector")
        assert cursor.fetchone() == (2.0,)


def test_tests_run_on_real_redis():
    cache.set("greeting", {"hello": "world"}, 5)
    assert cache.get("greeting") == {"hello": "world"}


def test_migrations_are_complete(db):
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_deleting_a_superadmin_is_refused_by_the_database(superadmin):
    import pytest
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        type(superadmin).objects.filter(pk=superadmin.pk).delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        type(superadmin).objects.filter(pk=superadmin.pk).update(role="user")
