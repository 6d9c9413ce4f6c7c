from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """From bytes to ranked passages: uploads, parsing, chunking, embedding, retrieval."""

    name = "documents"
