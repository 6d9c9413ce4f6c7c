"""Numbered system checks: what must hold before Verbatim serves anybody. docs/deployment.md lists them.

`manage.py check` runs them; those about the database run with `--database default`, those about a production
server with `--deploy`. What would make every request wrong is refused earlier, while settings are read.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections, models

from config import outbound

OLDEST_PGVECTOR = (0, 8)  # iterative scans: a filtered search returns as many rows as it was asked for
LONGEST_ACCESS = timedelta(hours=1)
LONGEST_REFRESH = timedelta(days=30)


@register(Tags.database)
def check_pgvector(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """E001, E002: the extension is there, or can be created by the migrations, and is new enough."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    "SELECT installed_version, default_version FROM pg_available_extensions"
                    " WHERE name = 'vector'"
                )
                row = cursor.fetchone()
        except OperationalError as error:
            found.append(_unreachable(error))
            continue
        found += pgvector_messages(*(row or (None, None)))
    return found


def pgvector_messages(installed: str | None, available: str | None) -> list[CheckMessage]:
    """What to say about a server's pgvector.

    Args:
        installed: its version in this database, None before the first migration.
        available: the version that `CREATE EXTENSION` would give, None when the server has none.
    """
    version = installed or available
    if version is None:
        return [
            Error(
                "This PostgreSQL server does not have the extension pgvector.",
                hint="Install pgvector 0.8 or newer on the server, or use the image pgvector/pgvector.",
                id="verbatim.E001",
            )
        ]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_PGVECTOR:
        return [
            Error(
                f"pgvector {version} is too old; 0.8 is the oldest that filters searches right.",
                hint="Upgrade pgvector on the server, then run: ALTER EXTENSION vector UPDATE;",
                id="verbatim.E002",
            )
        ]
    return []


@register(Tags.models)
def check_embedding_models(**kwargs: Any) -> list[CheckMessage]:
    """E003: what the embedding model produces fits the columns as the code declares them."""
    return [
        Error(
            f"{model._meta.label}.{field.name} holds vectors of {field.dimensions} numbers, but "
            f"EMBEDDING_DIMENSION is {settings.EMBEDDING_DIMENSION}.",
            id="verbatim.E003",
        )
        for model, field in _vector_fields()
        if field.dimensions != settings.EMBEDDING_DIMENSION
    ]


@register(Tags.database)
def check_embedding_columns(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """E004: the columns in the database are as wide as the code declares them."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        try:
            with connections[alias].cursor() as cursor:
                for model, field in _vector_fields():
                    cursor.execute(
                        "SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass(%s)"
                        " AND attname = %s AND NOT attisdropped",
                        [model._meta.db_table, field.column],
                    )
                    row = cursor.fetchone()
                    if row is not None and row[0] != field.dimensions:
                        found.append(_wrong_width(model, field, row[0]))
        except OperationalError as error:
            return [*found, _unreachable(error)]
    return found


@register(Tags.files)
def check_directories(**kwargs: Any) -> list[CheckMessage]:
    """E005: the directories that uploads go to exist and can be written."""
    found: list[CheckMessage] = []
    for name in ("DATA_DIR", "MEDIA_ROOT", "FILE_UPLOAD_TEMP_DIR"):
        path = Path(getattr(settings, name))
        problem = "" if path.is_dir() else "does not exist"
        if not problem and not os.access(path, os.W_OK | os.X_OK):
            problem = "cannot be written by this user"
        if problem:
            found.append(
                Error(
                    f"{name} ({path}) {problem}.",
                    hint="Make it, owned by the user that runs Verbatim, with mode 700.",
                    id="verbatim.E005",
                )
            )
    return found


@register(Tags.security)
def check_tokens(**kwargs: Any) -> list[CheckMessage]:
    """E006: tokens end soon, refresh tokens are used once, and a used one is refused."""
    jwt: dict[str, Any] = settings.SIMPLE_JWT
    access, refresh = jwt["ACCESS_TOKEN_LIFETIME"], jwt["REFRESH_TOKEN_LIFETIME"]
    wrong = []
    if not timedelta(0) < access <= LONGEST_ACCESS:
        wrong.append(f"ACCESS_TOKEN_LIFETIME is {access}; at most {LONGEST_ACCESS} is right")
    if not access < refresh <= LONGEST_REFRESH:
        wrong.append(f"REFRESH_TOKEN_LIFETIME is {refresh}; more than the access token's, at most 30 days")
    if not (jwt["ROTATE_REFRESH_TOKENS"] and jwt["BLACKLIST_AFTER_ROTATION"]):
        wrong.append("refresh tokens must rotate, and the used one must be blacklisted")
    if jwt["SIGNING_KEY"] == settings.SECRET_KEY:
        wrong.append("SIGNING_KEY must differ from SECRET_KEY")
    return [Error(f"SIMPLE_JWT: {sentence}.", id="verbatim.E006") for sentence in wrong]


@register(Tags.security)
def check_outbound(**kwargs: Any) -> list[CheckMessage]:
    """E007: the list of private networks that may be called can be read."""
    try:
        outbound.check_settings()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="verbatim.E007")]
    return []


@register(Tags.security, deploy=True)
def check_production_settings(**kwargs: Any) -> list[CheckMessage]:
    """E008: a server for others runs with the production settings (they refuse DEBUG and `*`)."""
    if settings.DEBUG or "*" in settings.ALLOWED_HOSTS:
        return [
            Error(
                "DEBUG is on or ALLOWED_HOSTS holds '*'.",
                hint="Set DJANGO_SETTINGS_MODULE=config.settings.prod, DEBUG=false and the host names.",
                id="verbatim.E008",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_hosts(**kwargs: Any) -> list[CheckMessage]:
    """W001: nobody else can use a production server that answers to loopback names only."""
    if all(_is_loopback(host) for host in settings.ALLOWED_HOSTS):
        return [
            Warning(
                "ALLOWED_HOSTS names this machine only; browsers elsewhere get 400.",
                hint="List the host names under which people reach Verbatim, e.g. chat.example.org.",
                id="verbatim.W001",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_proxy(**kwargs: Any) -> list[CheckMessage]:
    """W002: without a trusted proxy, nothing tells us that the browser's connection was encrypted."""
    if settings.SECURE_SSL_REDIRECT and not settings.TRUSTED_PROXY_HOPS:
        return [
            Warning(
                "BEHIND_TLS is true and TRUSTED_PROXY_HOPS is 0: behind a proxy every request is redirected "
                "for ever, and everybody shares one address for throttling.",
                hint="Set TRUSTED_PROXY_HOPS to the number of proxies in front (1 for the shipped nginx).",
                id="verbatim.W002",
            )
        ]
    return []


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "[::1]", "::1") or host.startswith("127.")


def _vector_fields() -> list[tuple[type[models.Model], Any]]:
    """Every column of embeddings, whichever app it belongs to."""
    return [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.local_fields
        if getattr(field, "dimensions", None)
    ]


def _wrong_width(model: type[models.Model], field: Any, width: int) -> Error:
    return Error(
        f"The column {model._meta.db_table}.{field.column} holds vectors of {width} numbers; "
        f"the code wants {field.dimensions}.",
        hint="Run the migrations of this version: manage.py migrate.",
        id="verbatim.E004",
    )


def _unreachable(error: OperationalError) -> Error:
    lines = str(error).strip().splitlines() or ["no answer"]
    return Error(f"The database does not answer: {lines[0]}", id="verbatim.E009")
