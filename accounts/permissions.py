"""What a role lets through, as DRF permissions. Rules about single rows live in services and selectors."""

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from config.errors import ErrorCode, VerbatimError


def caller(request: HttpRequest | Request) -> User:
    """Who asks, where only the signed-in get through.

    Raises:
        VerbatimError: NOT_AUTHENTICATED, should a view have let the anonymous in.
    """
    if not isinstance(request.user, User):
        raise VerbatimError(ErrorCode.NOT_AUTHENTICATED)
    return request.user


class IsAdmin(BasePermission):
    """Admins and superadmins."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return isinstance(user, User) and user.is_active and user.is_admin
