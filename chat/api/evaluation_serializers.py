"""Shapes of test questions, runs and their comparison."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chat.evaluation.rules import MAX_NAME_CHARS, MAX_PAGE, MAX_PASSAGE_CHARS
from chat.evaluation.selectors import CHANGES, Pair
from chat.models import EvaluationQuestion, EvaluationResult, EvaluationRun, Verdict
from collections_app.models import AnswerMode
from documents.retrieval.search import MAX_TOP_K

MAX_ID = 2**63 - 1


class TestQuestionSerializer(serializers.ModelSerializer):
    """A test question as it is kept."""

    document_id = serializers.IntegerField(allow_null=True, read_only=True)

    class Meta:
        model = EvaluationQuestion
        fields = (
            *("id", "question", "answerable", "document_id", "document_name", "page", "passage"),
            *("created_at", "updated_at"),
        )
        read_only_fields = fields


class TestQuestionInput(serializers.Serializer):
    """A test question as it is given; the document by id or by name."""

    question = serializers.CharField(max_length=settings.MAX_MESSAGE_CHARS)
    answerable = serializers.BooleanField(required=False, default=True)
    document_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MAX_ID
    )
    document_name = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_NAME_CHARS
    )
    page = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MAX_PAGE
    )
    passage = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_PASSAGE_CHARS, trim_whitespace=False
    )


class LineSerializer(serializers.Serializer):
    """Something about one line of a file."""

    line = serializers.IntegerField()
    message = serializers.CharField()


class ImportForm(serializers.Serializer):
    """CSV with a header, or one JSON object a line."""

    file = serializers.FileField(allow_empty_file=True)


class ImportedSerializer(serializers.Serializer):
    """What became of a file's questions."""

    added = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = LineSerializer(many=True)
    warnings = LineSerializer(many=True)


class RunInput(serializers.Serializer):
    """Settings to try; what is left out is the model's own."""

    label = serializers.CharField(  # type: ignore[assignment]
        required=False, allow_blank=True, default="", max_length=120
    )
    top_k = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MAX_TOP_K
    )
    similarity_threshold = serializers.FloatField(
        required=False, allow_null=True, default=None, min_value=0, max_value=1
    )
    answer_mode = serializers.ChoiceField(AnswerMode.choices, required=False, allow_null=True, default=None)
    answers = serializers.BooleanField(required=False, default=False)


class RunSerializer(serializers.ModelSerializer):
    """A run: what was in force, how far it is, what it measured (at its end)."""

    answers = serializers.BooleanField(source="with_answers", read_only=True)
    created_by = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    class Meta:
        model = EvaluationRun
        fields = (
            *("id", "label", "status", "settings", "answers", "questions_total", "questions_done", "metrics"),
            *("error", "created_by", "created_at", "started_at", "completed_at"),
        )
        read_only_fields = fields

    def get_created_by(self, run: EvaluationRun) -> str:
        return (run.created_by.full_name or run.created_by.email) if run.created_by else ""

    @extend_schema_field(serializers.DictField(child=serializers.CharField(), allow_null=True))
    def get_error(self, run: EvaluationRun) -> dict[str, str] | None:
        if not run.error_code:
            return None
        return {"code": run.error_code, "message": run.error_message, "next_step": run.error_next_step}


class ResultSerializer(serializers.ModelSerializer):
    """One question of a run: expected, found, measured."""

    question_id = serializers.IntegerField(source="source_id", allow_null=True, read_only=True)
    expected = serializers.SerializerMethodField()
    verdict = serializers.ChoiceField([*Verdict.choices, ("", "Not asked yet")], read_only=True)
    error = serializers.CharField(source="error_message", read_only=True)

    class Meta:
        model = EvaluationResult
        fields = (
            *("id", "index", "question_id", "question", "answerable", "expected", "done", "verdict", "found"),
            *("rank", "recall", "refused", "search_ms", "answer_ms", "answer", "citations", "supported"),
            "error",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_expected(self, result: EvaluationResult) -> dict[str, Any]:
        return {
            "document_id": result.expected_document,
            "document_name": result.expected_name,
            "page": result.expected_page,
            "passage": result.expected_passage,
        }


class OutcomeSerializer(serializers.ModelSerializer):
    """What became of a question in one of two runs."""

    error = serializers.CharField(source="error_message", read_only=True)

    class Meta:
        model = EvaluationResult
        fields = ("verdict", "rank", "refused", "search_ms", "citations", "supported", "error")
        read_only_fields = fields


class ComparedSerializer(serializers.Serializer):
    """One question in two runs; null where a run did not ask it."""

    question = serializers.SerializerMethodField()
    answerable = serializers.SerializerMethodField()
    change = serializers.ChoiceField([(name, name) for name in CHANGES])
    base = OutcomeSerializer(allow_null=True)
    other = OutcomeSerializer(allow_null=True)

    def get_question(self, pair: Pair) -> str:
        return (pair.other or pair.base).question  # type: ignore[union-attr]

    def get_answerable(self, pair: Pair) -> bool:
        return (pair.other or pair.base).answerable  # type: ignore[union-attr]


class ComparisonSerializer(serializers.Serializer):
    """Two runs side by side. `settings` holds only what differs: name -> [base, other]."""

    base = RunSerializer()
    other = RunSerializer()
    settings = serializers.DictField(child=serializers.ListField())
    changes = serializers.DictField(child=serializers.IntegerField())
    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ComparedSerializer(many=True)
