"""pytest plugin, loaded before Django's settings: this session's own PostgreSQL, Redis and data directory.

Everything lives in a temporary directory, so that several runs do not meet, and is gone at the end.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from config.embedded import postgres, redis

ROOT = Path(tempfile.mkdtemp(prefix="vt-"))
_running: dict = {}


def _prepare_environment() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    os.environ["DATA_DIR"] = str(ROOT)
    os.environ["DATABASE_URL"] = postgres.url(ROOT)
    os.environ["REDIS_URL"] = redis.url(ROOT)
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS"):
        os.environ[name] = secrets.token_urlsafe(64)
    for name in ("SUPERADMIN_EMAIL", "SUPERADMIN_PASSWORD", "DEBUG", "HF_HUB_OFFLINE"):
        os.environ.pop(name, None)
    os.environ["HF_HUB_OFFLINE"] = "1"
    # converting the embedding model takes seconds; every run of this checkout shares the result
    os.environ["MODEL_CACHE_DIR"] = str(Path(__file__).resolve().parent.parent / ".data" / "models")
    for folder in ("files", "tmp", "logs", "static"):
        (ROOT / folder).mkdir()


_prepare_environment()


def pytest_configure(config) -> None:
    """Start both servers before pytest-django makes the test database."""
    if config.option.collectonly or config.option.help:
        return
    _running["postgres"] = postgres.start(ROOT)
    process = subprocess.Popen(redis.command(ROOT), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _running["redis"] = process
    redis.wait_until_ready(ROOT, process)


def pytest_unconfigure(config) -> None:
    """Stop both and remove the directory."""
    if process := _running.pop("redis", None):
        process.terminate()
        process.wait(10)
    if server := _running.pop("postgres", None):
        postgres.stop(server)
    shutil.rmtree(ROOT, ignore_errors=True)
