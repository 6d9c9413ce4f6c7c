"""The whole product as a newcomer starts it: `manage.py quickstart` in a directory of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CORPORA = ROOT.parent / "shared" / "corpora"
ARTIFACTS = ROOT / "test-artifacts"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EMAIL, PASSWORD = "root@example.com", "an-unguessable-passphrase"
ADDRESS = re.compile(r"runs at (http://\S+)/")


@dataclass
class Product:
    """A running quickstart."""

    process: subprocess.Popen
    data_dir: Path
    url: str = ""
    lines: list[str] = field(default_factory=list)
    seconds_to_serve: float = 0.0

    def family(self) -> list[psutil.Process]:
        """The supervisor's children and theirs, and the embedded PostgreSQL of this data directory."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        pid_file = self.data_dir / "postgres" / "postmaster.pid"
        if pid_file.exists():
            children.append(psutil.Process(int(pid_file.read_text().splitlines()[0])))
        return children

    def stop(self, number: int = signal.SIGINT, seconds: float = 40) -> int:
        """Press Ctrl-C and wait."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)


def start_product(data_dir: Path, seconds: float = 120, **environment: str) -> Product:
    """Start quickstart and wait for its address."""
    scrubbed = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS"}
    }
    scrubbed |= {
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "DATA_DIR": str(data_dir),
        "PYTHONUNBUFFERED": "1",
    }
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "quickstart"],
        cwd=ROOT,
        env=scrubbed | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    product = Product(process, data_dir)
    assert process.stdout is not None

    def read() -> None:
        for line in process.stdout:
            product.lines.append(line.rstrip("\n"))
            if not product.url and (found := ADDRESS.search(line)):
                product.url = found.group(1)
                product.seconds_to_serve = time.monotonic() - started

    threading.Thread(target=read, daemon=True).start()
    while not product.url and process.poll() is None and time.monotonic() - started < seconds:
        time.sleep(0.05)
    return product


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short path, so that unix sockets fit."""
    path = Path(tempfile.mkdtemp(prefix="vq-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """One running product for all journeys of this session."""
    path = Path(tempfile.mkdtemp(prefix="vj-"))
    settings = {"SUPERADMIN_EMAIL": EMAIL, "SUPERADMIN_PASSWORD": PASSWORD, "PORT": "8765"}
    running = start_product(path, **settings, MESSAGES_PER_MINUTE="300")  # one person asks for all tests
    assert running.url, "\n".join(running.lines)
    yield running
    running.stop()
    if os.environ.get("KEEP_LOGS"):
        shutil.copytree(path / "logs", ARTIFACTS / "logs", dirs_exist_ok=True)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def api(product: Product) -> Iterator[httpx.Client]:
    """The superadmin over JWT."""
    with httpx.Client(base_url=product.url, timeout=60, trust_env=False) as client:
        answer = client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD})
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        yield client


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """The system's Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; install it to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            + ["--disable-component-update", "--disable-sync"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def superadmin_state(product: Product, browser) -> dict:
    """Cookies of the signed-in superadmin, for as many browser contexts as wanted."""
    from tests.e2e.people import sign_in

    context = browser.new_context(base_url=product.url)
    sign_in(context.new_page())
    state = context.storage_state()
    context.close()
    return state
