"""POST /api/models/{id}/search: what the chat would find, with ranks and scores."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from collections_app import access
from documents.api.passages import PassageSerializer
from documents.retrieval.search import MAX_TOP_K, search
from documents.retrieval.types import Passage


class SearchRequestSerializer(serializers.Serializer):
    """What to look for."""

    query = serializers.CharField(max_length=settings.MAX_MESSAGE_CHARS)
    top_k = serializers.IntegerField(
        min_value=1, max_value=MAX_TOP_K, required=False, help_text="The model's own setting when absent."
    )


class SearchHitSerializer(PassageSerializer):
    """A passage, with how it was found."""

    score = serializers.FloatField()
    dense_rank = serializers.IntegerField(allow_null=True)
    lexical_rank = serializers.IntegerField(allow_null=True)
    lexical_score = serializers.FloatField(allow_null=True)
    title_boost = serializers.FloatField()
    document_boost = serializers.FloatField()


class NearestSerializer(serializers.Serializer):
    """A document that came near, for when nothing passed."""

    document_id = serializers.IntegerField()
    document_name = serializers.CharField()
    similarity_score = serializers.FloatField()


class SearchResponseSerializer(serializers.Serializer):
    """The answer; `trace` holds every candidate and why it was cut."""

    query = serializers.CharField()
    rewritten = serializers.CharField()
    passed = serializers.BooleanField()
    results = SearchHitSerializer(many=True)
    nearest = NearestSerializer(many=True)
    trace = serializers.DictField()
    took_ms = serializers.FloatField()


def as_hit(passage: Passage, marker: int) -> dict[str, Any]:
    """The passage as the contract's source, with its ranks and scores."""
    return passage.as_source(marker) | {
        "score": round(passage.score, 6),
        "dense_rank": passage.dense_rank,
        "lexical_rank": passage.lexical_rank,
        "lexical_score": passage.lexical_score and round(passage.lexical_score, 4),
        "title_boost": round(passage.title_boost, 5),
        "document_boost": round(passage.document_boost, 5),
    }


class ModelSearchView(APIView):
    """Search a model's documents without asking its LLM."""

    api_key_methods = ("POST",)

    @extend_schema(request=SearchRequestSerializer, responses=SearchResponseSerializer, tags=["models"])
    def post(self, request: Request, model_id: int) -> Response:
        """The passages that the chat would be given, best first."""
        collection = access.get_for(request.user, model_id)
        asked = SearchRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        result = search(user=request.user, collection=collection, **asked.validated_data)  # type: ignore[arg-type]
        return Response(
            {
                "query": result.query,
                "rewritten": result.rewritten,
                "passed": result.passed,
                "results": [as_hit(one, marker) for marker, one in enumerate(result.passages, start=1)],
                "nearest": list(result.nearest),
                "trace": result.trace,
                "took_ms": result.took_ms,
            }
        )
