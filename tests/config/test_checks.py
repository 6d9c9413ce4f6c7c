"""Each numbered check speaks when it should, and is silent otherwise."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.db import connection

from config import checks


def ids(messages) -> list[str]:
    return [message.id for message in messages]


def ours(messages) -> list[str]:
    return [message.id for message in messages if message.id and message.id.startswith("verbatim.")]


def test_nothing_is_wrong_with_the_database_that_the_tests_use(db):
    assert ours(run_checks(databases=["default"])) == []


def test_a_server_without_pgvector_is_an_error_that_says_what_to_install():
    (message,) = checks.pgvector_messages(None, None)
    assert message.id == "verbatim.E001"
    assert "pgvector 0.8" in message.hint


@pytest.mark.parametrize("version", ["0.5.1", "0.7.4"])
def test_an_old_pgvector_is_an_error(version):
    assert ids(checks.pgvector_messages(version, version)) == ["verbatim.E002"]


@pytest.mark.parametrize("version", ["0.8.0", "0.8.5", "0.10.0", "1.0.0"])
def test_a_new_pgvector_is_fine(version):
    assert checks.pgvector_messages(version, version) == []


def test_before_the_first_migration_the_version_on_offer_counts(transactional_db):
    from django.db import transaction

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP EXTENSION vector CASCADE")
        assert checks.check_pgvector(databases=["default"]) == []
        transaction.set_rollback(True)
    assert ids(checks.pgvector_messages(None, "0.7.0")) == ["verbatim.E002"]


def test_databases_are_only_asked_when_the_command_names_them(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert checks.check_pgvector(databases=None) == []
        assert checks.check_embedding_columns(databases=None) == []


def test_an_embedding_model_of_another_width_than_the_columns_is_an_error(settings):
    settings.EMBEDDING_DIMENSION = 768
    found = checks.check_embedding_models()
    assert set(ids(found)) == {"verbatim.E003"}
    assert any("documents.Chunk.embedding" in message.msg for message in found)


def test_a_column_of_another_width_than_the_code_is_an_error(transactional_db):
    from django.db import transaction

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX chunk_embedding_hnsw")
            cursor.execute("ALTER TABLE documents_chunk ALTER COLUMN embedding TYPE halfvec(16)")
        (message,) = checks.check_embedding_columns(databases=["default"])
        transaction.set_rollback(True)
    assert message.id == "verbatim.E004"
    assert "16" in message.msg
    assert "384" in message.msg


def test_a_missing_directory_is_an_error_that_names_it(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "gone"
    (message,) = checks.check_directories()
    assert message.id == "verbatim.E005"
    assert str(tmp_path / "gone") in message.msg
    assert "does not exist" in message.msg


def test_a_directory_that_cannot_be_written_is_an_error(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)  # root may write everywhere
    (message,) = checks.check_directories()
    assert message.id == "verbatim.E005"
    assert "cannot be written" in message.msg


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"ACCESS_TOKEN_LIFETIME": timedelta(days=1)}, "ACCESS_TOKEN_LIFETIME"),
        ({"ACCESS_TOKEN_LIFETIME": timedelta(0)}, "ACCESS_TOKEN_LIFETIME"),
        ({"REFRESH_TOKEN_LIFETIME": timedelta(minutes=5)}, "REFRESH_TOKEN_LIFETIME"),
        ({"REFRESH_TOKEN_LIFETIME": timedelta(days=365)}, "REFRESH_TOKEN_LIFETIME"),
        ({"BLACKLIST_AFTER_ROTATION": False}, "blacklisted"),
        ({"ROTATE_REFRESH_TOKENS": False}, "rotate"),
    ],
)
def test_careless_token_settings_are_an_error(settings, change, word):
    settings.SIMPLE_JWT = settings.SIMPLE_JWT | change
    (message,) = checks.check_tokens()
    assert message.id == "verbatim.E006"
    assert word in message.msg


def test_one_key_for_sessions_and_tokens_is_an_error(settings):
    settings.SIMPLE_JWT = settings.SIMPLE_JWT | {"SIGNING_KEY": settings.SECRET_KEY}
    assert ids(checks.check_tokens()) == ["verbatim.E006"]


def test_private_networks_that_cannot_be_read_are_an_error(settings):
    settings.OUTBOUND_ALLOW_PRIVATE = ["10.0.0.0/8", "my-ollama"]
    (message,) = checks.check_outbound()
    assert message.id == "verbatim.E007"
    assert "my-ollama" in message.msg


@pytest.mark.parametrize("change", [{"DEBUG": True}, {"ALLOWED_HOSTS": ["*"]}])
def test_development_settings_on_a_production_server_are_an_error(settings, change):
    settings.ALLOWED_HOSTS = ["chat.example.org"]
    for name, value in change.items():
        setattr(settings, name, value)
    assert ids(checks.check_production_settings()) == ["verbatim.E008"]


def test_a_production_server_known_to_itself_alone_is_a_warning(settings):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    assert ids(checks.check_hosts()) == ["verbatim.W001"]
    settings.ALLOWED_HOSTS = ["localhost", "chat.example.org"]
    assert checks.check_hosts() == []


def test_tls_without_a_trusted_proxy_is_a_warning(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.TRUSTED_PROXY_HOPS = 0
    assert ids(checks.check_proxy()) == ["verbatim.W002"]
    settings.TRUSTED_PROXY_HOPS = 1
    assert checks.check_proxy() == []
