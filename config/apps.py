from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The composition root as an app: it brings the commands and the system checks."""

    name = "config"

    def ready(self) -> None:
        from config import celery, checks  # noqa: F401  (every process rings on our broker; registers the checks)
        from config.api import schema  # noqa: F401  (registers how the schema describes bearer tokens)
