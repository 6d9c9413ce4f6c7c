"""Bearer credentials for the API: access tokens open all that their user may do, API keys a part of it."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import tokens
from accounts.models import User
from accounts.tokens import Credential
from config.errors import ErrorCode, VerbatimError


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token or API key>`; `request.auth` is the `Credential`.

    A key is refused by every view that does not name the request's method in its `api_key_methods`: a view
    that nobody thought of is closed. It must never reach passwords, keys, people or models' settings.
    """

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        shown = tokens.authenticate(raw.strip())
        if shown.key_id is not None and not _accepts_keys(request):
            raise VerbatimError(ErrorCode.API_KEY_NOT_ACCEPTED)
        return shown.user, shown

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401, not 403, to the anonymous."""
        return "Bearer"


def _accepts_keys(request: Request) -> bool:
    view = (request.parser_context or {}).get("view")
    return request.method in getattr(view, "api_key_methods", ())
