"""Models over the API. Rules live in `access`, changes in `services`."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import caller
from collections_app import access, selectors, services
from collections_app.api.serializers import (
    AccessInput,
    CollectionInput,
    CollectionSerializer,
    GrantSerializer,
    ManagedCollectionSerializer,
)
from collections_app.models import Collection
from config.api.pagination import Pages


def as_seen_by(user: User, collection_id: int) -> dict[str, Any]:
    """The model with its numbers, with as many fields as the user may see."""
    collection = selectors.collection_with_counts(user, collection_id)
    return _serializer_for(user)(collection).data


class Collections(generics.ListAPIView):
    """GET: the models that the caller may use. POST (admins): create one."""

    search_fields = ("name", "description")
    filterset_fields = ("llm_provider",)
    ordering_fields = ("name", "created_at", "updated_at", "document_count", "user_count")

    def get_queryset(self) -> Any:
        return selectors.collections_with_counts(self.request.user)

    def get_serializer_class(self) -> type[BaseSerializer]:
        return _serializer_for(self.request.user)

    @extend_schema(request=CollectionInput, responses={201: ManagedCollectionSerializer})
    def post(self, request: Request) -> Response:
        access.require_manager(caller(request))
        body = CollectionInput(data=request.data)
        body.is_valid(raise_exception=True)
        made = services.collection_create(actor=caller(request), **body.validated_data)
        return Response(as_seen_by(caller(request), made.pk), status=status.HTTP_201_CREATED)


class CollectionDetail(APIView):
    """GET: one model. PATCH, DELETE (admins)."""

    @extend_schema(responses=ManagedCollectionSerializer)
    def get(self, request: Request, collection_id: int) -> Response:
        return Response(as_seen_by(caller(request), collection_id))

    @extend_schema(request=CollectionInput, responses=ManagedCollectionSerializer)
    def patch(self, request: Request, collection_id: int) -> Response:
        collection = access.get_managed(caller(request), collection_id)
        body = CollectionInput(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        services.collection_update(actor=caller(request), collection=collection, **body.validated_data)
        return Response(as_seen_by(caller(request), collection_id))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, collection_id: int) -> Response:
        collection = access.get_managed(caller(request), collection_id)
        services.collection_delete(actor=caller(request), collection=collection)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CollectionAccess(APIView):
    """Who may use a model (admins). GET: everybody, with the reasons. POST: set the assignment."""

    @extend_schema(responses=GrantSerializer(many=True))
    def get(self, request: Request, collection_id: int) -> Response:
        return self._explained(request, access.get_managed(caller(request), collection_id))

    @extend_schema(request=AccessInput, responses=GrantSerializer(many=True))
    def post(self, request: Request, collection_id: int) -> Response:
        collection = access.get_managed(caller(request), collection_id)
        body = AccessInput(data=request.data)
        body.is_valid(raise_exception=True)
        services.access_set(actor=caller(request), collection=collection, **body.validated_data)
        return self._explained(request, collection)

    def _explained(self, request: Request, collection: Collection) -> Response:
        """A page of people with their reasons, and the whole assignment by ids."""
        pages = Pages()
        grants = pages.paginate_queryset(selectors.access_explained(collection), request, view=self)
        response = pages.get_paginated_response(GrantSerializer(grants, many=True).data)
        response.data["user_ids"] = sorted(collection.users.values_list("pk", flat=True))
        response.data["group_ids"] = sorted(collection.groups.values_list("pk", flat=True))
        return response


def _serializer_for(user: User | AnonymousUser) -> type[BaseSerializer]:
    manages = isinstance(user, User) and user.is_admin
    return ManagedCollectionSerializer if manages else CollectionSerializer
