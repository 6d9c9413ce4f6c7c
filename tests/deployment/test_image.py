"""Dockerfile, health check and nginx configuration, as far as no container engine is needed."""

import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, read

DOCKERFILE = read("Dockerfile")
NGINX = read("deploy/nginx/verbatim.conf")


def test_hadolint_finds_nothing():
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint is not installed (requirements-dev.txt)")
    done = subprocess.run([linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_the_image_runs_as_nobody_special_and_is_watched():
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "HEALTHCHECK" in DOCKERFILE
    assert DOCKERFILE.index("USER 10001") < DOCKERFILE.index("\nCMD [")


def test_the_image_needs_no_network_to_run():
    assert "manage.py prepare_embedding" in DOCKERFILE
    assert "HF_HUB_OFFLINE=1" in DOCKERFILE
    assert "MODEL_CACHE_DIR=/app/models" in DOCKERFILE


def test_the_web_server_takes_every_frame_that_the_chat_takes(settings):
    [most] = re.findall(r'"--ws-max-size", "(\d+)"', DOCKERFILE)
    assert int(most) == settings.WS_MAX_SIZE


def test_no_secret_is_baked_into_the_image():
    assert not re.search(r"(SECRET_KEY|JWT_SIGNING_KEY|FERNET_KEYS|PASSWORD)=", DOCKERFILE)
    assert "rm -rf /tmp/build" in DOCKERFILE  # where the throwaway secrets of the build are


def test_only_what_is_named_goes_into_the_image():
    lines = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    for kept in (line[1:] for line in lines if line.startswith("!")):
        assert (ROOT / kept).exists(), kept
    assert not [line for line in lines if line.startswith(("!.env", "!.git", "!tests", "!.data"))]


def test_every_file_that_the_build_copies_is_let_in():
    let_in = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    assert {
        "requirements.txt",
        "requirements-ocr.txt",
        "constraints.txt",
        "scripts/install.py",
        "manage.py",
    } <= let_in
    assert {"config", "accounts", "collections_app", "documents", "chat", "templates", "static"} <= let_in


class _Django(BaseHTTPRequestHandler):
    """Answers 200 to an allowed host only, as Django does."""

    allowed = "chat.example.org"

    def do_GET(self) -> None:
        good = self.path == "/health/live" and self.headers["Host"] == self.allowed
        self.send_response(200 if good else 400)
        self.end_headers()

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def web_port():
    server = HTTPServer(("127.0.0.1", 0), _Django)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def health(port: int, hosts: str) -> int:
    return subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "healthcheck.py"), str(port)],
        env={"PATH": os.environ["PATH"], "ALLOWED_HOSTS": hosts},
        capture_output=True,
    ).returncode


@pytest.mark.parametrize("hosts", ["chat.example.org", " chat.example.org , localhost", ".chat.example.org"])
def test_the_health_check_names_a_host_that_django_allows(web_port, hosts):
    assert health(web_port, hosts) == 0


def test_the_health_check_fails_when_the_answer_is_bad(web_port):
    assert health(web_port, "other.example.org") == 1


def test_the_health_check_fails_when_nothing_answers(web_port):
    assert health(1, "chat.example.org") == 1


def test_nginx_hands_sockets_and_streams_on():
    assert "proxy_set_header Upgrade $http_upgrade;" in NGINX
    assert "proxy_set_header Connection $connection_upgrade;" in NGINX
    assert "proxy_buffering off;" in NGINX
    assert "proxy_request_buffering off;" in NGINX


def test_nginx_accepts_the_largest_file_that_can_be_configured():
    (limit,) = re.findall(r"client_max_body_size (\d+)m;", NGINX)
    highest = int(re.search(r'"MAX_FILE_SIZE_MB".*high=(\d+)', read("config/settings/base.py")).group(1))
    assert int(limit) > highest


def test_nginx_sets_the_clients_address_and_logs_no_query():
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX
    assert "$request_uri" not in re.search(r"log_format.*;", NGINX).group(0)
    assert '"$request"' not in NGINX
    assert re.search(r"location = /metrics\s+\{ return 404; \}", NGINX)
