"""The product's own PostgreSQL and Redis in a temporary directory, for benchmarks."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def start() -> Iterator[Path]:
    """Django set up on fresh, migrated services; everything is gone at the end."""
    from config.embedded import postgres, redis

    folder = Path(tempfile.mkdtemp(prefix="vb-"))
    for name in ("files", "tmp", "logs", "static"):
        (folder / name).mkdir()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "DATA_DIR": str(folder),
        "DATABASE_URL": postgres.url(folder),
        "REDIS_URL": redis.url(folder),
        "MODEL_CACHE_DIR": str(ROOT / ".data" / "models"),
        "HF_HUB_OFFLINE": "1",
    }
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS"):
        os.environ[name] = secrets.token_urlsafe(64)
    server = postgres.start(folder)
    broker = subprocess.Popen(redis.command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        redis.wait_until_ready(folder, broker)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield folder
    finally:
        broker.terminate()
        broker.wait(10)
        postgres.stop(server)
        shutil.rmtree(folder, ignore_errors=True)
