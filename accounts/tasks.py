"""What accounts does by the clock."""

from importlib import import_module

from celery import shared_task
from django.conf import settings

from accounts.tokens import tokens_forget_expired


@shared_task(ignore_result=True)
def forget_expired() -> None:
    """Delete expired refresh tokens and page sessions; nothing depends on their rows."""
    tokens_forget_expired()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
