"""The languages that a model's documents may be searched in: PostgreSQL's text search configurations."""

import functools
from collections.abc import Iterable

from django.db import connection

NO_LANGUAGE = "simple"
NO_LANGUAGE_NAME = "Other, or several: words as they stand"
IDENTIFIER = "^[a-z_][a-z0-9_]*$"


@functools.cache
def choices() -> tuple[tuple[str, str], ...]:
    """(configuration, English name) of all that this PostgreSQL has, by name; `simple` comes last.

    Configurations that an operator added to his own server are among them. Read once per process.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT cfgname FROM pg_ts_config WHERE pg_ts_config_is_visible(oid) AND cfgname ~ %s",
            [IDENTIFIER],
        )
        names = {name for (name,) in cursor.fetchall()} - {NO_LANGUAGE}
    return (*((name, name_of(name)) for name in sorted(names)), (NO_LANGUAGE, NO_LANGUAGE_NAME))


def name_of(config: str) -> str:
    """The English name of a configuration."""
    return NO_LANGUAGE_NAME if config == NO_LANGUAGE else config.replace("_", " ").capitalize()


def complaints(config: str) -> Iterable[str]:
    """Why a model cannot be searched in this language; nothing when it can."""
    known = [name for name, _ in choices()]
    if config not in known:
        yield f"Choose one of: {', '.join(known)}."
