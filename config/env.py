"""Strict readers of the environment: an odd value stops the start, with a sentence that names it.

Every reader also accepts `NAME_FILE`, the path of a file that holds the value (Docker secrets).
"""

import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def env_str(name: str, default: str | None = None, *, choices: tuple[str, ...] = ()) -> str:
    """The text of a setting, stripped.

    Args:
        name: the variable; `NAME_FILE` is tried when it is not set.
        default: used when neither is set or both are empty; None makes the setting required.
        choices: the allowed values, if they are few.

    Raises:
        ImproperlyConfigured: missing and required, unreadable file, or not among the choices.
    """
    value = os.environ.get(name, "").strip()
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not value and path:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}") from error
    if not value:
        if default is None:
            raise ImproperlyConfigured(f"{name} is not set. See .env.example for what it means.")
        value = default
    if choices and value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
    return value


def env_bool(name: str, default: bool) -> bool:
    """A switch: 1/true/yes/on or 0/false/no/off."""
    value = env_str(name, "true" if default else "false").lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; write true or false.")


def env_int(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number between low and high, both included."""
    value = env_str(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number.") from None
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name} is {number}; it must be between {low} and {high}.")
    return number


def env_rate(name: str, default: str) -> str:
    """How often something may be tried, e.g. `30/min`: a number per second, minute, hour or day."""
    value = env_str(name, default)
    if not re.fullmatch(r"[1-9]\d{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", value):
        raise ImproperlyConfigured(f"{name} is {value!r}; write a rate such as 30/min, 20/hour or 5/s.")
    return value


def env_zone(name: str, default: str) -> str:
    """A time zone by its IANA name, e.g. `Europe/Berlin`."""
    value = env_str(name, default)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown; a path; a folder of zones
        raise ImproperlyConfigured(f"{name} is {value!r}; write a time zone such as Europe/Berlin.") from None
    return value


def env_list(name: str, default: str = "") -> list[str]:
    """Comma-separated values, blanks dropped."""
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


EXAMPLE_WORDS = ("change-me", "changeme", "change_me", "example", "insecure", "placeholder")
FEWEST_DISTINCT_CHARACTERS = 8


def looks_like_an_example(secret: str) -> bool:
    """Whether a secret was copied from a sample file, or is so regular that it can be guessed."""
    copied = any(word in secret.lower() for word in EXAMPLE_WORDS)
    return copied or len(set(secret)) < FEWEST_DISTINCT_CHARACTERS
