"""What every template may use."""

from django.conf import settings
from django.http import HttpRequest


def product(request: HttpRequest) -> dict:
    """The product's version and the switches that pages show or hide things by."""
    return {
        "verbatim_version": settings.VERSION,
        "signup_enabled": settings.SIGNUP_ENABLED,
        "max_file_mb": settings.MAX_FILE_SIZE_MB,
        "max_message_chars": settings.MAX_MESSAGE_CHARS,
        "chat_retention_days": settings.CHAT_RETENTION_DAYS,
    }
