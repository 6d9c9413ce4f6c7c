"""What a role lets through, as DRF permissions. Rules about single rows live in services and selectors."""

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from accounts.tokens import Credential
from config.errors import ErrorCode, VerbatimError


def caller(request: HttpRequest | Request) -> User:
    """Who asks, where only the signed-in get through.

    Raises:
        VerbatimError: NOT_AUTHENTICATED, should a view have let the anonymous in.
    """
    if not isinstance(request.user, User):
        raise VerbatimError(ErrorCode.NOT_AUTHENTICATED)
    return request.user


def shown_by(request: Request) -> Credential:
    """What the caller of a view for the signed-in showed: his bearer, else his page session."""
    if isinstance(request.auth, Credential):
        return request.auth
    return Credential(caller(request), None, session_key=request.session.session_key or "")


class IsAdmin(BasePermission):
    """Admins and superadmins."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return isinstance(user, User) and user.is_active and user.is_admin
