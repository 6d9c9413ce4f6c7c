"""Encrypt the models' API keys anew after a new key was put in front of FERNET_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand

from collections_app.services import keys_rotate


class Command(BaseCommand):
    """Run it before the old key is taken out of FERNET_KEYS."""

    help = "Encrypt every stored API key anew with the first of FERNET_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        done, unreadable = keys_rotate()
        self.stdout.write(f"{done} keys encrypted anew, {len(unreadable)} unreadable.")
        for collection in unreadable:
            self.stdout.write(
                f"model {collection.pk} ({collection.name}): no key in FERNET_KEYS opens it; enter it again."
            )
