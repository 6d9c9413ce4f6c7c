"""Bring database, static files and the first superadmin up to date. Idempotent; run before serving."""

import hashlib
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.utils import OperationalError

MIGRATION_LOCK = 7_241_902_118  # any fixed number; two starting servers migrate one after the other


class Command(BaseCommand):
    """Used by `quickstart` and by the `migrate` service of docker-compose.yml."""

    help = "Apply migrations, collect static files, see that a superadmin exists."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="on a fresh installation, add the demo models"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        prepared = prepare(demo=options["demo"])
        if prepared["password"]:
            self.stdout.write(
                f"Superadmin {prepared['email']} was created with the password {prepared['password']}\n"
                "It is shown this once; change it after signing in."
            )


def prepare(*, demo: bool) -> dict[str, str | None]:
    """Do it.

    Args:
        demo: add the demo models when nobody existed before.

    Returns:
        `email` of the superadmin, and the `password` that was made up for him, or None.

    Raises:
        CommandError: the database does not answer, in one sentence.
    """
    from accounts.models import User
    from accounts.services import superadmin_ensure
    from chat.demo import demo_create

    for folder in (settings.MEDIA_ROOT, settings.FILE_UPLOAD_TEMP_DIR, settings.MODEL_CACHE_DIR):
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    except OperationalError as error:
        raise CommandError(f"The database does not answer: {str(error).strip().splitlines()[0]}") from error
    try:
        call_command("migrate", verbosity=0, interactive=False)
        fresh = not User.objects.exists()
        superadmin, password = superadmin_ensure(
            email=settings.SUPERADMIN_EMAIL, password=settings.SUPERADMIN_PASSWORD
        )
        if fresh and demo:
            demo_create(owner=superadmin)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
        connection.close()
    collect_static()
    return {"email": superadmin.email, "password": password}


def collect_static() -> None:
    """Collect and compress the static files, unless nothing changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    wanted = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    stamp.write_text(wanted)


def _static_fingerprint() -> str:
    """Changes with our own static files and with the installed packages."""
    digest = hashlib.sha256(settings.VERSION.encode())
    for file in sorted(Path(settings.BASE_DIR / "static").rglob("*")):
        if file.is_file():
            digest.update(f"{file}{os.stat(file).st_mtime_ns}".encode())
    digest.update((settings.BASE_DIR / "requirements.txt").read_bytes())
    return digest.hexdigest()
