"""A model's rebuild: all its documents built anew beside what is served, swapped in at the end."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from collections_app.access import get_managed
from documents import rebuild


class RebuildRequest(serializers.Serializer):
    """Which embedding model and language to go to; the present ones when they are left out."""

    embedding_model = serializers.CharField(required=False, max_length=200)
    text_search_config = serializers.CharField(required=False, max_length=63)


class ChoiceSerializer(serializers.Serializer):
    """An embedding model on the list; one without a fitting dimension cannot be chosen."""

    id = serializers.CharField()
    dimension = serializers.IntegerField(allow_null=True)
    note = serializers.CharField(allow_blank=True)


class LanguageSerializer(serializers.Serializer):
    """A text search configuration that this PostgreSQL has, and its English name."""

    id = serializers.CharField()
    name = serializers.CharField()


class FailedSerializer(serializers.Serializer):
    """A document that could not be built anew, and why."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    error = serializers.DictField(child=serializers.CharField())


class RebuildSerializer(serializers.Serializer):
    """How far a rebuild is; without one, what could be chosen."""

    running = serializers.BooleanField()
    embedding_model = serializers.CharField()
    current_embedding_model = serializers.CharField()
    text_search_config = serializers.CharField()
    current_text_search_config = serializers.CharField()
    available_languages = LanguageSerializer(many=True)
    documents_total = serializers.IntegerField()
    documents_done = serializers.IntegerField()
    documents_failed = FailedSerializer(many=True)
    percent = serializers.IntegerField()
    seconds_left = serializers.IntegerField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    started_by = serializers.DictField(allow_null=True)
    available_models = ChoiceSerializer(many=True)


class RebuildView(APIView):
    """GET: state and choices. POST: begin, or try again what failed. DELETE: abandon (admins)."""

    @extend_schema(responses=RebuildSerializer)
    def get(self, request: Request, collection_id: int) -> Response:
        collection = get_managed(request.user, collection_id)
        return Response(RebuildSerializer(rebuild.rebuild_state(collection)).data)

    @extend_schema(request=RebuildRequest, responses={202: RebuildSerializer})
    def post(self, request: Request, collection_id: int) -> Response:
        collection = get_managed(request.user, collection_id)
        form = RebuildRequest(data=request.data)
        form.is_valid(raise_exception=True)
        rebuild.rebuild_start(
            actor=request.user,  # type: ignore[arg-type]
            collection=collection,
            **form.validated_data,
        )
        collection.refresh_from_db()
        answer = RebuildSerializer(rebuild.rebuild_state(collection)).data
        return Response(answer, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, collection_id: int) -> Response:
        collection = get_managed(request.user, collection_id)
        rebuild.rebuild_abandon(actor=request.user, collection=collection)  # type: ignore[arg-type]
        return Response(status=status.HTTP_204_NO_CONTENT)
