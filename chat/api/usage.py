"""What was asked and what it cost: one's own, for admins everybody's sums; and the limits that they set."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import IsAdmin, caller
from accounts.selectors import group_for, user_for
from chat.api.usage_serializers import (
    TOTALS,
    GroupLimitsSerializer,
    GroupUsageSerializer,
    OwnUsageSerializer,
    UserLimitsInput,
    UserLimitsSerializer,
    UserUsageSerializer,
)
from chat.usage import selectors, services
from chat.usage.limits import states_of

DAYS = OpenApiParameter("days", int, description="How many days back, today included: 1 to 366, else 30.")


class _Days(serializers.Serializer):
    days = serializers.IntegerField(min_value=1, max_value=366, default=selectors.DAYS)


class OwnUsage(APIView):
    """What I asked, what it cost, and what limits bind me."""

    api_key_methods = ("GET",)

    @extend_schema(parameters=[DAYS], responses=OwnUsageSerializer)
    def get(self, request: Request) -> Response:
        """By day and by model, with the limits and how much of each is used."""
        given = _Days(data=request.query_params)
        given.is_valid(raise_exception=True)
        user, days = caller(request), given.validated_data["days"]
        return Response(
            OwnUsageSerializer(
                {
                    "time_zone": settings.DAY_TIME_ZONE,
                    "limits": [state.as_dict() for state in states_of(user)],
                    "days": selectors.usage_by_day(user, days=days),
                    "models": selectors.usage_by_model(user, days=days),
                }
            ).data
        )


class UsersUsage(ListAPIView):
    """Everybody's questions and tokens of today and of 30 days; nothing about what was asked."""

    permission_classes = (IsAuthenticated, IsAdmin)
    queryset = User.objects.none()  # tells the schema's generator the model
    serializer_class = UserUsageSerializer
    search_fields = ("email", "full_name")
    filterset_fields = ("role",)
    ordering_fields = ("email", "full_name", *TOTALS)

    def get_queryset(self) -> Any:
        return selectors.users_with_usage(caller(self.request))


class GroupsUsage(ListAPIView):
    """The same for groups: of those who are in them now."""

    permission_classes = (IsAuthenticated, IsAdmin)
    queryset = Group.objects.none()
    serializer_class = GroupUsageSerializer
    search_fields = ("name",)
    filterset_fields = ()
    ordering_fields = ("name", *TOTALS)

    def get_queryset(self) -> Any:
        return selectors.groups_with_usage(caller(self.request))


class UserLimits(APIView):
    """The limit that is one user's alone."""

    permission_classes = (IsAuthenticated, IsAdmin)

    @extend_schema(responses=UserLimitsSerializer)
    def get(self, request: Request, user_id: int) -> Response:
        """Also what binds him, wherever it comes from, and how much of it he has used."""
        return Response(_of_user(user_for(caller(request), user_id)))

    @extend_schema(request=UserLimitsInput, responses=UserLimitsSerializer)
    def put(self, request: Request, user_id: int) -> Response:
        """Set it; with null for both it is removed. Not of a superadmin, unless one does it."""
        user = user_for(caller(request), user_id)
        body = UserLimitsInput(data=request.data)
        body.is_valid(raise_exception=True)
        services.limit_set(actor=caller(request), user=user, **body.validated_data["own"])
        return Response(_of_user(user))


class GroupLimits(APIView):
    """What a group sets for each member, and what it has together."""

    permission_classes = (IsAuthenticated, IsAdmin)

    @extend_schema(responses=GroupLimitsSerializer)
    def get(self, request: Request, group_id: int) -> Response:
        return Response(_of_group(group_for(caller(request), group_id)))

    @extend_schema(request=GroupLimitsSerializer, responses=GroupLimitsSerializer)
    def put(self, request: Request, group_id: int) -> Response:
        """Set those that are named; one that is not named stays."""
        group = group_for(caller(request), group_id)
        body = GroupLimitsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        for name, values in body.validated_data.items():
            services.limit_set(actor=caller(request), group=group, together=name == "together", **values)
        return Response(_of_group(group))


def _of_user(user: User) -> dict[str, Any]:
    own = selectors.limits_of_user(user)
    in_force = [state.as_dict() for state in states_of(user)]
    return dict(UserLimitsSerializer({"own": own, "in_force": in_force}).data)


def _of_group(group: Group) -> dict[str, Any]:
    return dict(GroupLimitsSerializer(selectors.limits_of_group(group)).data)
