"""The readers of the environment refuse what they do not understand, and say which variable it was."""

import secrets

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import env_bool, env_int, env_list, env_str, looks_like_an_example
from config.settings.base import _celery_broker

NAME = "VERBATIM_TEST_VARIABLE"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(f"{NAME}_FILE", raising=False)


def test_a_required_variable_that_is_missing_stops_the_start_and_is_named():
    with pytest.raises(ImproperlyConfigured, match=NAME):
        env_str(NAME)


@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_variable_counts_as_not_set(monkeypatch, value):
    monkeypatch.setenv(NAME, value)
    assert env_str(NAME, "default") == "default"


def test_values_are_stripped(monkeypatch):
    monkeypatch.setenv(NAME, "  value\n")
    assert env_str(NAME) == "value"


def test_the_value_may_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    assert env_str(NAME) == "from the file"
    assert env_list(NAME) == ["from the file"]


def test_the_variable_itself_wins_over_the_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("from the file")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv(NAME, "direct")
    assert env_str(NAME) == "direct"


def test_a_file_that_cannot_be_read_stops_the_start(monkeypatch, tmp_path):
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "gone"))
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}_FILE"):
        env_str(NAME, "default")


def test_a_choice_must_be_one_of_the_choices(monkeypatch):
    monkeypatch.setenv(NAME, "onnx")
    with pytest.raises(ImproperlyConfigured, match="openvino, torch"):
        env_str(NAME, "openvino", choices=("openvino", "torch"))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("YES", True), ("on", True)]
    + [("0", False), ("false", False), ("No", False), ("OFF", False)],
)
def test_switches_understand_the_usual_words(monkeypatch, text, value):
    monkeypatch.setenv(NAME, text)
    assert env_bool(NAME, not value) is value


@pytest.mark.parametrize("text", ["ture", "2", "enabled", "none"])
def test_a_switch_that_is_neither_on_nor_off_stops_the_start(monkeypatch, text):
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured, match=NAME):
        env_bool(NAME, False)


@pytest.mark.parametrize("text", ["0", "11", "-5", "1.5", "ten", "1e3"])
def test_a_number_out_of_range_or_no_number_stops_the_start(monkeypatch, text):
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured, match=NAME):
        env_int(NAME, 5, low=1, high=10)


@pytest.mark.parametrize("number", [1, 10])
def test_both_ends_of_a_range_are_allowed(monkeypatch, number):
    monkeypatch.setenv(NAME, str(number))
    assert env_int(NAME, 5, low=1, high=10) == number


def test_lists_drop_blanks(monkeypatch):
    monkeypatch.setenv(NAME, " a, ,b ,, c")
    assert env_list(NAME) == ["a", "b", "c"]
    monkeypatch.setenv(NAME, "")
    assert env_list(NAME) == []


@pytest.mark.parametrize(
    "secret",
    [
        "change-me-" * 8,
        "django-insecure-" + "k3#9vz!qpw7m" * 4,
        "CHANGEME" + "k3#9vz!qpw7m" * 4,
        "an-example-of-a-key-that-is-long-enough-to-pass-by-length",
        "x" * 64,
        "abc" * 30,
        "1234567" * 10,
    ],
)
def test_secrets_from_samples_and_guessable_ones_are_recognised(secret):
    assert looks_like_an_example(secret)


def test_random_secrets_pass():
    for _ in range(2000):
        assert not looks_like_an_example(secrets.token_hex(32))
        assert not looks_like_an_example(secrets.token_urlsafe(64))


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://:pw@redis:6379/2", "redis://:pw@redis:6379/2"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
        ("unix://:pw@/run/a%20b.sock?db=3", "redis+socket://:pw@/run/a%20b.sock?virtual_host=3"),
    ],
)
def test_celery_talks_to_the_same_redis_database_as_everything_else(url, broker):
    assert _celery_broker(url) == broker
