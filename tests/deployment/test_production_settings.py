"""The production settings in a process of their own: unsafe ones are refused, sane ones are clean."""

import os
import secrets
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """What a sane installation behind one TLS proxy sets."""
    for folder in ("files", "tmp", "static"):
        (tmp_path / folder).mkdir()
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings.prod",
        "SECRET_KEY": secrets.token_hex(32),
        "JWT_SIGNING_KEY": secrets.token_hex(32),
        "FERNET_KEYS": f"{secrets.token_hex(32)},{secrets.token_hex(32)}",
        "ALLOWED_HOSTS": "chat.example.org",
        "TRUSTED_PROXY_HOPS": "1",
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": os.environ["REDIS_URL"],
        "DATA_DIR": str(tmp_path),
    }


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def refusal(environment: dict[str, str]) -> str:
    """The sentence with which the settings refuse to be read, as the web server would meet it."""
    done = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured")
    return last


@pytest.mark.parametrize(("subdomains", "silenced"), [("", 2), ("true", 0)])
def test_check_deploy_is_clean(environment, subdomains, silenced):
    """Silenced are the two about HSTS for subdomains, which HSTS_SUBDOMAINS decides upon."""
    environment["HSTS_SUBDOMAINS"] = subdomains
    done = manage(environment, "check", "--deploy", "--fail-level", "WARNING")
    said = done.stderr.strip() + done.stdout.strip()
    assert said == f"System check identified no issues ({silenced} silenced)."
    assert done.returncode == 0


def test_check_deploy_asks_the_database_too(environment):
    done = manage(environment, "check", "--tag", "database", "--database", "default")
    assert done.returncode == 0, done.stderr
    environment["DATABASE_URL"] = "postgresql://verbatim:wrong@127.0.0.1:1/verbatim"
    done = manage(environment, "check", "--tag", "database", "--database", "default")
    assert done.returncode != 0
    assert "verbatim.E009" in done.stderr
    assert "wrong" not in done.stderr


def test_an_empty_environment_is_refused_and_the_first_missing_setting_named():
    bare = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings.prod"}
    assert "SECRET_KEY is not set" in refusal(bare)


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS", "DATABASE_URL", "REDIS_URL"]
)
def test_each_required_setting_is_named_when_it_is_missing(environment, name):
    del environment[name]
    assert name in refusal(environment)


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS"])
@pytest.mark.parametrize(
    "sample", ["change-me-" * 8, "django-insecure-" + "q7z!" * 20, "x" * 80], ids=["sample", "django", "xxx"]
)
def test_sample_secrets_are_refused(environment, name, sample):
    environment[name] = sample
    sentence = refusal(environment)
    assert name in sentence
    assert sample not in sentence


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS"])
def test_short_secrets_are_refused(environment, name):
    environment[name] = "k3v9zqpw7m"
    assert name in refusal(environment)


def test_one_secret_for_two_purposes_is_refused(environment):
    environment["JWT_SIGNING_KEY"] = environment["SECRET_KEY"]
    assert "must all differ" in refusal(environment)


def test_debug_is_refused(environment):
    assert "DEBUG" in refusal(environment | {"DEBUG": "true"})


def test_a_wildcard_host_is_refused(environment):
    assert "ALLOWED_HOSTS" in refusal(environment | {"ALLOWED_HOSTS": "chat.example.org,*"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("TRUSTED_PROXY_HOPS", "many"), ("BEHIND_TLS", "perhaps"), ("MAX_FILE_SIZE_MB", "5000")],
)
def test_odd_values_are_refused_and_named(environment, name, value):
    assert name in refusal(environment | {name: value})


def test_secrets_may_come_from_files(environment, tmp_path):
    (tmp_path / "key").write_text(environment.pop("SECRET_KEY") + "\n")
    environment["SECRET_KEY_FILE"] = str(tmp_path / "key")
    assert manage(environment, "check").returncode == 0
