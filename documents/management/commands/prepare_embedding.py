"""`manage.py prepare_embedding`: convert the embedding model once, so that no server has to."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.errors import VerbatimError
from documents.embedding.convert import convert
from documents.embedding.weights import locate


class Command(BaseCommand):
    """Checks the weights and writes OpenVINO's form under MODEL_CACHE_DIR; does nothing the second time."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model_id", nargs="?", default=settings.EMBEDDING_MODEL)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.EMBEDDING_BACKEND != "openvino":
            self.stdout.write(f"Nothing to prepare: EMBEDDING_BACKEND is {settings.EMBEDDING_BACKEND}.")
            return
        try:
            folder = convert(locate(options["model_id"]), settings.MODEL_CACHE_DIR)
        except VerbatimError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"The embedding model is ready in {folder}.")
