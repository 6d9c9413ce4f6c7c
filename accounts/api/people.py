"""Users and groups over the API."""

from typing import Any

from django.contrib.auth.models import Group
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import groups, selectors, services
from accounts.api.serializers import (
    GroupInput,
    GroupSerializer,
    NewPasswordSerializer,
    UserCreatedSerializer,
    UserCreateInput,
    UserSerializer,
    UserUpdateInput,
)
from accounts.models import User
from accounts.permissions import IsAdmin, caller


class Users(generics.ListAPIView):
    """GET: everybody. POST: create somebody."""

    permission_classes = (IsAuthenticated, IsAdmin)
    queryset = User.objects.none()  # tells the schema's generator the model
    serializer_class = UserSerializer
    search_fields = ("email", "full_name")
    filterset_fields = ("role", "is_active")
    ordering_fields = ("email", "full_name", "role", "is_active", "created_at")

    def get_queryset(self) -> Any:
        return selectors.users_visible_to(caller(self.request))

    @extend_schema(request=UserCreateInput, responses={201: UserCreatedSerializer})
    def post(self, request: Request) -> Response:
        body = UserCreateInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data.pop("password", None)
        password = given or services.password_made_up()
        user = services.user_create(actor=caller(request), password=password, **body.validated_data)
        told = None if given else password
        return Response(
            {**UserSerializer(user).data, "initial_password": told}, status=status.HTTP_201_CREATED
        )


class UserDetail(APIView):
    """One person: read (oneself, or anybody for admins), change as far as one's rank allows, delete."""

    @extend_schema(responses=UserSerializer)
    def get(self, request: Request, user_id: int) -> Response:
        return Response(UserSerializer(selectors.user_for(caller(request), user_id)).data)

    @extend_schema(request=UserUpdateInput, responses=UserSerializer)
    def patch(self, request: Request, user_id: int) -> Response:
        user = selectors.user_for(caller(request), user_id)
        body = UserUpdateInput(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        user = services.user_update(actor=caller(request), user=user, **body.validated_data)
        return Response(UserSerializer(user).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, user_id: int) -> Response:
        services.user_delete(actor=caller(request), user=selectors.user_for(caller(request), user_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class UserPassword(APIView):
    """A made-up password for somebody who forgot his. Told this once; all his tokens and sessions end."""

    permission_classes = (IsAuthenticated, IsAdmin)

    @extend_schema(request=None, responses=NewPasswordSerializer)
    def post(self, request: Request, user_id: int) -> Response:
        user = selectors.user_for(caller(request), user_id)
        return Response({"new_password": services.password_reset(actor=caller(request), user=user)})


class Groups(generics.ListAPIView):
    """GET: the groups with their people. POST: create one."""

    permission_classes = (IsAuthenticated, IsAdmin)
    queryset = Group.objects.none()  # tells the schema's generator the model
    serializer_class = GroupSerializer
    search_fields = ("name",)
    filterset_fields = ()
    ordering_fields = ("name", "user_count")

    def get_queryset(self) -> Any:
        return selectors.groups_with_users(caller(self.request))

    @extend_schema(request=GroupInput, responses={201: GroupSerializer})
    def post(self, request: Request) -> Response:
        body = GroupInput(data=request.data)
        body.is_valid(raise_exception=True)
        group = groups.group_create(actor=caller(request), **body.validated_data)
        seen = selectors.group_for(caller(request), group.pk)
        return Response(GroupSerializer(seen).data, status=status.HTTP_201_CREATED)


class GroupDetail(APIView):
    """One group: read, change, delete."""

    permission_classes = (IsAuthenticated, IsAdmin)

    @extend_schema(responses=GroupSerializer)
    def get(self, request: Request, group_id: int) -> Response:
        return Response(GroupSerializer(selectors.group_for(caller(request), group_id)).data)

    @extend_schema(request=GroupInput, responses=GroupSerializer)
    def patch(self, request: Request, group_id: int) -> Response:
        group = selectors.group_for(caller(request), group_id)
        body = GroupInput(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        groups.group_update(actor=caller(request), group=group, **body.validated_data)
        return Response(GroupSerializer(selectors.group_for(caller(request), group_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, group_id: int) -> Response:
        groups.group_delete(actor=caller(request), group=selectors.group_for(caller(request), group_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
