from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who you are: users, sign-in, tokens, the audit log."""

    name = "accounts"
