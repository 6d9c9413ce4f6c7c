"""The contract's Documents table. Views check, call a service or selector, and answer."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from collections_app.access import get_for, get_managed
from config.api import throttling
from documents import selectors, services
from documents.api.serializers import ChunkSerializer, DocumentSerializer, ReplaceSerializer, UploadSerializer
from documents.models import Chunk, Document, MediaType, Status


class DocumentFilter(filters.FilterSet):
    """`?status=`, `?media_type=`: a known value or 400. `?has_warnings=true`: completed, but not smoothly."""

    status = filters.ChoiceFilter(choices=Status.choices)
    media_type = filters.ChoiceFilter(choices=MediaType.choices)
    has_warnings = filters.BooleanFilter(method="with_warnings")

    def with_warnings(self, rows: QuerySet[Document], name: str, wanted: bool) -> QuerySet[Document]:
        """Completed documents about which something is to be known, or all others."""
        warned = Q(status=Status.COMPLETED) & ~Q(warnings=[])
        return rows.filter(warned) if wanted else rows.exclude(warned)

    class Meta:
        model = Document
        fields = ("status", "media_type")


class CollectionDocuments(generics.ListAPIView):
    """GET: the model's documents. POST: upload one (admins)."""

    serializer_class = DocumentSerializer
    parser_classes = (MultiPartParser,)
    filterset_class = DocumentFilter
    search_fields = ("name", "title")
    ordering_fields = ("name", "status", "size", "created_at", "completed_at")
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Document]:
        if getattr(self, "swagger_fake_view", False):
            return Document.objects.none()
        collection = get_for(self.request.user, self.kwargs["collection_id"])
        rows = selectors.documents_of_collection(self.request.user, collection.pk)
        return rows.select_related("uploaded_by")

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: DocumentSerializer})
    def post(self, request: Request, collection_id: int) -> Response:
        throttling.hit("upload", str(request.user.pk), fail_closed=False)
        collection = get_managed(request.user, collection_id)  # before the body is looked at
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        document = services.document_upload(
            actor=request.user,  # type: ignore[arg-type]
            collection=collection,
            file=form.validated_data["file"],
            same_name=form.validated_data["same_name"],
        )
        return Response(DocumentSerializer(document).data, status=status.HTTP_201_CREATED)


class DocumentDetail(APIView):
    """GET: one document. DELETE: remove it, in whatever state (admins)."""

    @extend_schema(responses=DocumentSerializer)
    def get(self, request: Request, document_id: int) -> Response:
        return Response(DocumentSerializer(selectors.document_for(request.user, document_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, document_id: int) -> Response:
        document = selectors.document_for(request.user, document_id)
        services.document_delete(actor=request.user, document=document)  # type: ignore[arg-type]
        return Response(status=status.HTTP_204_NO_CONTENT)


class DocumentReplace(APIView):
    """POST: a newer file in this one's place; the old one answers until the new one is complete (admins)."""

    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": ReplaceSerializer}, responses={202: DocumentSerializer})
    def post(self, request: Request, document_id: int) -> Response:
        document = selectors.document_for(request.user, document_id)
        throttling.hit("upload", str(request.user.pk), fail_closed=False)
        if document.session_id is None:
            get_managed(request.user, document.collection_id)  # before the body is looked at
        form = ReplaceSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        document = services.document_replace(
            actor=request.user,  # type: ignore[arg-type]
            document=document,
            file=form.validated_data["file"],
        )
        return Response(DocumentSerializer(document).data, status=status.HTTP_202_ACCEPTED)


class DocumentReprocess(APIView):
    """POST: build the document's chunks anew (admins)."""

    @extend_schema(request=None, responses={202: DocumentSerializer})
    def post(self, request: Request, document_id: int) -> Response:
        document = selectors.document_for(request.user, document_id)
        document = services.document_reprocess(actor=request.user, document=document)  # type: ignore[arg-type]
        return Response(DocumentSerializer(document).data, status=status.HTTP_202_ACCEPTED)


class DocumentCancel(APIView):
    """POST: stop processing (admins)."""

    @extend_schema(request=None, responses=DocumentSerializer)
    def post(self, request: Request, document_id: int) -> Response:
        document = selectors.document_for(request.user, document_id)
        document = services.document_cancel(actor=request.user, document=document)  # type: ignore[arg-type]
        return Response(DocumentSerializer(document).data)


class DocumentChunks(generics.ListAPIView):
    """GET: the document's chunks, in its order."""

    serializer_class = ChunkSerializer
    filter_backends: Any = ()

    def get_queryset(self) -> QuerySet[Chunk]:
        if getattr(self, "swagger_fake_view", False):
            return Chunk.objects.none()
        return selectors.chunks_of(selectors.document_for(self.request.user, self.kwargs["document_id"]))
