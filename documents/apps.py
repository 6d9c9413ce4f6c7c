from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """From bytes to ranked passages: uploads, parsing, chunking, embedding, retrieval."""

    name = "documents"

    def ready(self) -> None:
        from collections_app.signals import language_wanted
        from config.api.health import add_check
        from documents.embedding.registry import readiness
        from documents.rebuild import language_set

        add_check("embedding_model", readiness)
        language_wanted.connect(language_set)
