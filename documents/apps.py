from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """From bytes to ranked passages: uploads, parsing, chunking, embedding, retrieval."""

    name = "documents"

    def ready(self) -> None:
        from config.api.health import add_check
        from documents.embedding.registry import readiness

        add_check("embedding_model", readiness)
