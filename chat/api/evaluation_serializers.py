"""Shapes of test questions, runs and their comparison."""

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chat.evaluation.rules import MAX_NAME_CHARS, MAX_PAGE, MAX_PASSAGE_CHARS, MAX_PLACES
from chat.evaluation.selectors import CHANGES, Pair
from chat.models import EvaluationPlace, EvaluationQuestion, EvaluationResult, EvaluationRun, Verdict
from collections_app.models import AnswerMode
from documents.retrieval.search import MAX_TOP_K

MAX_ID = 2**63 - 1


class PlaceSerializer(serializers.ModelSerializer):
    """A place where a question's answer stands, as it is kept."""

    document_id = serializers.IntegerField(allow_null=True, read_only=True)

    class Meta:
        model = EvaluationPlace
        fields = ("document_id", "document_name", "page", "passage")
        read_only_fields = fields


class TestQuestionSerializer(serializers.ModelSerializer):
    """A test question as it is kept."""

    places = PlaceSerializer(many=True, read_only=True)

    class Meta:
        model = EvaluationQuestion
        fields = ("id", "question", "answerable", "places", "created_at", "updated_at")
        read_only_fields = fields


class PlaceInput(serializers.Serializer):
    """A place as it is given; the document by id or by name."""

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


class TestQuestionInput(serializers.Serializer):
    """A test question as it is given. Each place holds the answer; one for `answerable: false` has none."""

    question = serializers.CharField(max_length=settings.MAX_MESSAGE_CHARS)
    answerable = serializers.BooleanField(required=False, default=True)
    places = PlaceInput(many=True, required=False, default=list, max_length=MAX_PLACES)  # type: ignore[call-arg]


class KeptSerializer(serializers.Serializer):
    """A question that was kept. `places_added`: how many it took; null when it is new."""

    question = TestQuestionSerializer()
    places_added = serializers.IntegerField(allow_null=True)


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
    expected = PlaceSerializer(many=True, read_only=True)
    ranks = serializers.ListField(child=serializers.IntegerField(allow_null=True), read_only=True)
    verdict = serializers.ChoiceField([*Verdict.choices, ("", "Not asked yet")], read_only=True)
    error = serializers.CharField(source="error_message", read_only=True)

    class Meta:
        model = EvaluationResult
        fields = (
            *("id", "index", "question_id", "question", "answerable", "expected", "done", "verdict", "found"),
            *("rank", "ranks", "recall", "refused", "search_ms", "answer_ms", "answer", "citations"),
            *("supported", "error"),
        )
        read_only_fields = fields


class OutcomeSerializer(serializers.ModelSerializer):
    """What became of a question in one of two runs."""

    error = serializers.CharField(source="error_message", read_only=True)

    class Meta:
        model = EvaluationResult
        fields = ("verdict", "rank", "recall", "refused", "search_ms", "citations", "supported", "error")
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
