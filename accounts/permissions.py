"""What a role lets through, as DRF permissions. Rules about single rows live in services and selectors."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User


class IsAdmin(BasePermission):
    """Admins and superadmins."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return isinstance(user, User) and user.is_active and user.is_admin


class IsSuperadmin(BasePermission):
    """Superadmins alone."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return isinstance(user, User) and user.is_active and user.is_superuser
