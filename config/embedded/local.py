"""What one machine needs before Django's settings can be read: `.env`, secrets, service addresses."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values, load_dotenv

from config.embedded import postgres, redis

BASE_DIR = Path(__file__).resolve().parent.parent.parent
SECRETS_FILE = "secrets.env"


def data_dir() -> Path:
    """The directory that holds everything this installation stores."""
    return Path(os.environ.get("DATA_DIR") or BASE_DIR / ".data").resolve()


def prepare_environment() -> None:
    """Fill the environment with what nobody set: `.env`, this installation's secrets, local services.

    Values already in the environment win over `.env`, and `.env` wins over what is made here.

    Raises:
        ImproperlyConfigured: the data directory cannot be used.
    """
    load_dotenv(BASE_DIR / ".env")
    root = data_dir()
    try:
        for name in ("", "files", "tmp", "logs", "models", "static"):
            (root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        known = local_secrets(root)
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR cannot be used: {error}") from error
    for name, value in known.items():
        if not (os.environ.get(name) or os.environ.get(f"{name}_FILE")):
            os.environ[name] = value
    os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or postgres.url(root)
    os.environ["REDIS_URL"] = os.environ.get("REDIS_URL") or redis.url(root)


def local_secrets(root: Path) -> dict[str, str]:
    """This installation's own secrets, made on first use and readable by its user alone."""
    path = root / SECRETS_FILE
    if not path.exists():
        lines = [
            f"{name}={secrets.token_urlsafe(64)}\n"
            for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS")
        ]
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(lines)
        try:
            os.link(draft, path)  # the first of several starting processes wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return {name: value for name, value in dotenv_values(path).items() if value}


def embedded_services() -> tuple[bool, bool]:
    """Whether PostgreSQL and Redis are the embedded ones (they are, unless an address was given)."""
    root = data_dir()
    return (
        os.environ["DATABASE_URL"] == postgres.url(root),
        os.environ["REDIS_URL"] == redis.url(root),
    )
