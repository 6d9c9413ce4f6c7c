from django.apps import AppConfig


class ChatConfig(AppConfig):
    """From a question to a cited answer."""

    name = "chat"

    def ready(self) -> None:
        from chat.selectors import require_session
        from documents.uploads.scope import set_session_check

        set_session_check(require_session)
