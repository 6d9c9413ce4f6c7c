from django.apps import AppConfig


class CollectionsConfig(AppConfig):
    """What you may see: models (in code: collections) and who was given them."""

    name = "collections_app"
    verbose_name = "Models"
