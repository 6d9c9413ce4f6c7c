"""The four people that tests speak as, and API clients for them."""

import time

import pytest
from django.core.management.base import CommandError
from django.test import TransactionTestCase
from rest_framework.test import APIClient

from accounts.models import Role, User
from collections_app.models import Collection
from tests.contracts.fixtures import _llm_server, builtin_llm, llm_server  # noqa: F401
from tests.worker import Worker, test_database_url

PASSWORD = "a-long-and-rare-passphrase"


@pytest.fixture(scope="session", autouse=True)
def _emptying_tables_gives_way_to_the_worker():
    """A transactional test ends by emptying all tables; what a worker's statement crosses is repeated."""
    empty = TransactionTestCase._fixture_teardown

    def again(case: TransactionTestCase) -> None:
        for _ in range(4):
            try:
                return empty(case)
            except CommandError:  # deadlock detected
                time.sleep(1)
        return empty(case)

    TransactionTestCase._fixture_teardown = again
    yield
    TransactionTestCase._fixture_teardown = empty


def make_user(email: str, role: str = Role.USER, **fields) -> User:
    """A user whose password is PASSWORD."""
    return User.objects.create_user(email, PASSWORD, role=role, **fields)


@pytest.fixture
def superadmin(db) -> User:
    return make_user("root@example.com", Role.SUPERADMIN, full_name="Rose Root")


@pytest.fixture
def admin(db) -> User:
    return make_user("ada@example.com", Role.ADMIN, full_name="Ada Admin")


@pytest.fixture
def member(db) -> User:
    """A user to whom `collection` was given."""
    return make_user("mia@example.com", full_name="Mia Member")


@pytest.fixture
def stranger(db) -> User:
    """A user to whom nothing was given."""
    return make_user("sam@example.com", full_name="Sam Stranger")


@pytest.fixture
def collection(admin: User, member: User) -> Collection:
    """A model that `member` may use and `stranger` may not."""
    made = Collection.objects.create(
        name="Handbook",
        created_by=admin,
        embedding_model="sentence-transformers/all-MiniLM-L6-v2",
        embedding_dimension=384,
    )
    made.users.add(member)
    return made


@pytest.fixture
def client_for():
    """A function: user -> an API client that is signed in as him (without a token)."""

    def make(user: User | None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return make


@pytest.fixture(scope="session")
def _worker(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        worker = Worker(test_database_url())
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def celery_worker(transactional_db, _worker) -> Worker:
    """A running ingestion worker; the test's rows are committed, so that it sees them."""
    if _worker.process.poll() is not None:
        _worker.start()
    return _worker


@pytest.fixture
def no_other_worker(transactional_db, _worker) -> None:
    """The run's worker is stopped; `celery_worker` starts it again."""
    _worker.stop()
