from django.apps import AppConfig


class ChatConfig(AppConfig):
    """From a question to a cited answer."""

    name = "chat"
