"""Feedback on a model's answers, for those who manage it."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from accounts.permissions import caller
from chat.feedback.selectors import feedback_of, hidden_passages, passages_of
from chat.models import Feedback, Rating
from collections_app import access


class RatedPassageSerializer(serializers.Serializer):
    """A passage of the model's documents that a rated answer was given (for the schema)."""

    marker = serializers.IntegerField()
    document_id = serializers.IntegerField()
    document_name = serializers.CharField()
    chunk_id = serializers.IntegerField(allow_null=True)
    section = serializers.CharField(allow_blank=True)
    page = serializers.IntegerField(allow_null=True)
    page_to = serializers.IntegerField(allow_null=True)
    rows = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    lines = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    similarity_score = serializers.FloatField()
    cited = serializers.BooleanField()
    likely = serializers.BooleanField()
    supported = serializers.BooleanField(allow_null=True)


class ModelFeedbackSerializer(serializers.ModelSerializer):
    """One opinion. Neither who gave it, nor the question, nor the answer."""

    id = serializers.IntegerField(source="pk", read_only=True)
    llm_provider = serializers.CharField(source="message.llm_provider")
    llm_model_name = serializers.CharField(source="message.llm_model_name")
    status = serializers.CharField(source="message.status")
    refused = serializers.SerializerMethodField()
    passages = serializers.SerializerMethodField()
    hidden_passages = serializers.SerializerMethodField()

    class Meta:
        model = Feedback
        fields = (
            *("id", "rating", "comment", "updated_at", "llm_provider", "llm_model_name", "status"),
            *("refused", "passages", "hidden_passages"),
        )
        read_only_fields = fields

    def get_refused(self, feedback: Any) -> bool:
        """Whether the answer was that the documents do not hold it."""
        return bool(feedback.refused)

    @extend_schema_field(RatedPassageSerializer(many=True))
    def get_passages(self, feedback: Feedback) -> list[dict[str, Any]]:
        """The cited ones first."""
        return passages_of(feedback.message)

    def get_hidden_passages(self, feedback: Feedback) -> int:
        """Of files attached to the chat, or of documents that are gone."""
        return hidden_passages(feedback.message)


class FeedbackFilter(filters.FilterSet):
    """`?rating=`."""

    rating = filters.ChoiceFilter(choices=Rating.choices)

    class Meta:
        model = Feedback
        fields = ("rating",)


class ModelFeedbackView(ListAPIView):
    """What readers thought of the model's answers, the newest first (admins)."""

    serializer_class = ModelFeedbackSerializer
    filterset_class = FeedbackFilter
    search_fields = ("comment",)
    ordering_fields = ("updated_at",)
    queryset = Feedback.objects.none()

    def get_queryset(self) -> QuerySet[Feedback]:
        return feedback_of(access.get_managed(caller(self.request), self.kwargs["collection_id"]))
