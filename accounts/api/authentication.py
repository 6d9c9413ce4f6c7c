"""Bearer tokens for the API."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import tokens
from accounts.models import User


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access>`; `request.auth` is the token's expiry (epoch seconds)."""

    def authenticate(self, request: Request) -> tuple[User, int] | None:
        scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return tokens.authenticate_until(raw.strip())

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401, not 403, to the anonymous."""
        return "Bearer"
