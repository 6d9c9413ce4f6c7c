"""docker-compose.yml: no default secrets, nothing published by accident, everything watched and bounded."""

import re

import pytest
import yaml
from django.conf import settings

from tests.architecture.source import ROOT, read

COMPOSE = yaml.safe_load(read("docker-compose.yml"))
SERVICES = COMPOSE["services"]
OWN = ("migrate", "web", "worker", "evaluator", "beat", "demo-llm")
SECRETS = ("SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS", "POSTGRES_PASSWORD", "REDIS_PASSWORD")


def test_the_services_of_a_full_installation_are_there():
    assert {"postgres", "redis", "ollama", "migrate", "web", "worker", "evaluator", "beat"} <= set(SERVICES)
    assert SERVICES["nginx"]["profiles"] == ["proxy"]


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_has_a_default(name):
    uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", read("docker-compose.yml"))
    assert uses
    assert all(use.startswith(":?") for use in uses)


def test_the_superadmins_password_reaches_the_one_shot_service_alone():
    for name in OWN:
        value = SERVICES[name].get("environment", {}).get("SUPERADMIN_PASSWORD", "")
        assert bool(value) is (name == "migrate")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_nginx_publishes_beyond_loopback(name):
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:") or name == "nginx"
    if name in ("postgres", "redis", "ollama"):
        assert "ports" not in SERVICES[name]


def test_the_network_of_database_and_workers_has_no_way_out():
    assert COMPOSE["networks"]["backend"]["internal"] is True
    for name in ("postgres", "redis", "migrate", "worker", "beat"):
        assert SERVICES[name]["networks"] == ["backend"]


def test_who_reads_files_asks_no_llm_and_who_asks_llms_reads_no_files():
    """The queue `llm` is for tasks that call out; all queues of the product are served."""
    assert "--queues celery " in " ".join(SERVICES["worker"]["command"])
    assert "--queues=llm" in SERVICES["evaluator"]["command"]
    assert set(SERVICES["evaluator"]["networks"]) == set(SERVICES["web"]["networks"])
    for name in ("OLLAMA_BASE_URL", "OUTBOUND_ALLOW_PRIVATE"):
        assert SERVICES["evaluator"]["environment"][name] == SERVICES["web"]["environment"][name]
    assert {queue.name for queue in settings.CELERY_TASK_QUEUES} == {"celery", "llm"}


def test_the_web_service_may_call_exactly_the_private_networks_that_the_file_makes():
    subnet = COMPOSE["networks"]["llm"]["ipam"]["config"][0]["subnet"]
    assert subnet in SERVICES["web"]["environment"]["OUTBOUND_ALLOW_PRIVATE"]
    assert "host.docker.internal:host-gateway" in SERVICES["web"]["extra_hosts"]
    assert "llm" in SERVICES["web"]["networks"]
    assert SERVICES["ollama"]["networks"] == ["llm"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_a_health_check_or_says_that_it_has_none(name):
    assert name == "web" or "healthcheck" in SERVICES[name]  # web's is in the image


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_starts_again_and_is_bounded_in_memory_and_log(name):
    service = SERVICES[name]
    expected = "on-failure:3" if name == "migrate" else "unless-stopped"
    assert service["restart"] == expected
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_can_gain_privileges(name):
    service = SERVICES[name]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service
    if name in OWN:
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is (name != "migrate")


@pytest.mark.parametrize("name", ["web", "worker", "evaluator", "beat"])
def test_nothing_serves_before_the_migrations_are_done(name):
    waits = SERVICES[name]["depends_on"]
    assert waits["migrate"]["condition"] == "service_completed_successfully"
    assert waits["postgres"]["condition"] == waits["redis"]["condition"] == "service_healthy"


@pytest.mark.parametrize("name", ["migrate", "web", "worker", "evaluator", "beat"])
def test_one_file_configures_all_services_of_ours(name):
    assert SERVICES[name]["env_file"] == [".env"]


def test_images_are_pinned():
    for name, service in SERVICES.items():
        if name in OWN:
            continue
        tag = service["image"].partition(":")[2]
        assert re.search(r"\d+\.\d+", tag), f"{name}: {service['image']}"


def test_the_image_of_the_database_is_the_embedded_ones_version():
    """The same PostgreSQL and pgvector as `make run` and the tests, so that a dump moves both ways."""
    assert re.fullmatch(r"pgvector/pgvector:0\.(8|9)\.\d+-pg18", SERVICES["postgres"]["image"])
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]  # 18 moved its data folder


def test_every_named_volume_and_network_is_declared():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists()
        for network in service.get("networks", []):
            assert network in COMPOSE["networks"]


def test_redis_refuses_rather_than_evicts_and_shows_its_password_nowhere():
    command = SERVICES["redis"]["command"][2]
    assert "--maxmemory-policy noeviction" in command
    assert "${REDIS_PASSWORD" not in command
