"""Liveness asks nothing; readiness names what is away, in words and with the fitting status."""

import time

import pytest
from django.core.cache import cache
from django.db import OperationalError

from config.api import health
from documents.embedding import registry


@pytest.fixture
def all_well(db, monkeypatch):
    cache.set(health.WORKER_HEARTBEAT_KEY, time.time(), 60)
    monkeypatch.setattr(registry, "_loaded", FakeLoaded())
    yield
    cache.delete(health.WORKER_HEARTBEAT_KEY)


class FakeLoaded(dict):
    def __contains__(self, key: object) -> bool:
        return True


def test_alive_without_any_dependency(client):
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_when_everything_answers(client, all_well):
    answer = client.get("/health/ready")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["status"] == "ok"
    assert set(answer.json()["checks"]) == {"database", "redis", "worker", "disk", "embedding_model"}


def test_a_missing_worker_degrades_and_is_said_in_words(client, all_well):
    cache.delete(health.WORKER_HEARTBEAT_KEY)
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["worker"] == "no ingestion worker is running"


def test_a_process_without_its_model_is_not_ready(client, all_well, monkeypatch):
    monkeypatch.setattr(registry, "_loaded", {})
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "not loaded" in answer.json()["checks"]["embedding_model"]


def test_a_database_that_is_away_makes_it_unavailable_without_details(client, all_well, monkeypatch):
    def away() -> str:
        raise OperationalError("connection to 10.0.0.7 as verbatim refused")

    monkeypatch.setitem(health.CHECKS, "database", away)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "does not answer"
    assert "10.0.0.7" not in answer.content.decode()


@pytest.fixture
def no_redis(settings):
    away = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = settings.CACHES | {"default": away}


def test_without_redis_readiness_names_it_and_nobody_takes_a_worker_for_alive(client, all_well, no_redis):
    checks = client.get("/health/ready").json()["checks"]
    assert (checks["redis"], checks["worker"]) == ("does not answer", "does not answer")
    assert health.worker_alive() is False


def test_without_redis_pages_that_tell_of_workers_are_shown(client, admin, collection, no_redis):
    client.force_login(admin)
    page = client.get("/")
    assert page.status_code == 200
    assert "No ingestion worker is running" in page.content.decode()
    assert client.get(f"/models/{collection.pk}/counts").json()["worker_alive"] is False
