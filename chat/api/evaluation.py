"""A model's test questions and runs, for those who manage it."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import caller
from chat.api import evaluation_serializers as shapes
from chat.api.negotiation import JsonOnly
from chat.evaluation import exchange, intake, rules, runs, selectors, services
from chat.evaluation.matching import Place
from chat.models import EvaluationQuestion, EvaluationResult, EvaluationRun
from collections_app import access
from config.api import throttling
from config.api.pagination import Pages
from config.errors import ErrorCode, VerbatimError


class TestQuestions(generics.ListAPIView):
    """GET: the model's test questions. POST: add one (admins)."""

    serializer_class = shapes.TestQuestionSerializer
    search_fields = ("question", "places__document_name", "places__passage")
    ordering_fields = ("id", "question", "updated_at")
    queryset = EvaluationQuestion.objects.none()

    def get_queryset(self) -> QuerySet[EvaluationQuestion]:
        return selectors.questions_of(access.get_managed(caller(self.request), self.kwargs["collection_id"]))

    @extend_schema(request=shapes.TestQuestionInput, responses={201: shapes.TestQuestionSerializer})
    def post(self, request: Request, collection_id: int) -> Response:
        collection = access.get_managed(caller(request), collection_id)
        made = services.question_create(
            actor=caller(request), collection=collection, wanted=_wanted(request.data)
        )
        return Response(shapes.TestQuestionSerializer(_fresh(made)).data, status=201)


class TestQuestionsKeep(APIView):
    """POST: keep a question that was just tried or asked."""

    @extend_schema(
        request=shapes.TestQuestionInput, responses={200: shapes.KeptSerializer, 201: shapes.KeptSerializer}
    )
    def post(self, request: Request, collection_id: int) -> Response:
        """201 when it is new. One that is there already takes the places that it lacks (200)."""
        collection = access.get_managed(caller(request), collection_id)
        kept, added = services.question_keep(
            actor=caller(request), collection=collection, wanted=_wanted(request.data)
        )
        told = {"question": _fresh(kept), "places_added": added}
        return Response(shapes.KeptSerializer(told).data, status=201 if added is None else 200)


class TestQuestion(APIView):
    """One test question."""

    @extend_schema(responses=shapes.TestQuestionSerializer)
    def get(self, request: Request, collection_id: int, question_id: int) -> Response:
        return Response(shapes.TestQuestionSerializer(self._found(collection_id, question_id)).data)

    @extend_schema(request=shapes.TestQuestionInput, responses=shapes.TestQuestionSerializer)
    def patch(self, request: Request, collection_id: int, question_id: int) -> Response:
        """Change it; what is left out stays. Places that are given replace all that were there."""
        question = self._found(collection_id, question_id)
        given = request.data if isinstance(request.data, dict) else {}
        now: dict[str, Any] = {"question": question.question, "answerable": question.answerable}
        if given.get("answerable", question.answerable) is not False:
            now["places"] = [asdict(place) for place in services.places_of(question)]
        changed = services.question_update(
            actor=caller(request), question=question, wanted=_wanted(now | given)
        )
        return Response(shapes.TestQuestionSerializer(_fresh(changed)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, collection_id: int, question_id: int) -> Response:
        services.question_delete(actor=caller(request), question=self._found(collection_id, question_id))
        return Response(status=204)

    def _found(self, collection_id: int, question_id: int) -> EvaluationQuestion:
        collection = access.get_managed(caller(self.request), collection_id)
        return selectors.question_for(collection, question_id)


class TestQuestionsImport(APIView):
    """POST: take the questions of a CSV or JSONL file; bad lines are told, the others are kept."""

    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": shapes.ImportForm}, responses=shapes.ImportedSerializer)
    def post(self, request: Request, collection_id: int) -> Response:
        """A question that is there already takes what the file says about it."""
        throttling.hit("upload", str(request.user.pk), fail_closed=False)
        collection = access.get_managed(caller(request), collection_id)  # before the body is looked at
        form = shapes.ImportForm(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        if file.size > exchange.MAX_BYTES:
            raise VerbatimError(
                ErrorCode.FILE_TOO_LARGE,
                f"A file of test questions has at most {exchange.MAX_BYTES // 1024**2} MB.",
                next_step=f"A model has at most {rules.MAX_QUESTIONS} test questions; split the file.",
            )
        found = exchange.read(file.temporary_file_path())
        done, refused = intake.questions_import(
            actor=caller(request), collection=collection, lines=found.questions
        )
        answer = {
            "added": done.added,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "refused": _lines(sorted(found.refused + refused)),
            "warnings": _lines(done.warnings),
        }
        return Response(shapes.ImportedSerializer(answer).data)


class TestQuestionsExport(APIView):
    """The test questions as a file that can be imported again."""

    content_negotiation_class = JsonOnly

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=["csv", "jsonl"])],
        responses={(200, "text/csv"): OpenApiTypes.STR, (200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def get(self, request: Request, collection_id: int) -> HttpResponse | StreamingHttpResponse:
        """`?format=csv` (the default) or `jsonl`."""
        collection = access.get_managed(caller(request), collection_id)
        form = request.query_params.get("format", "csv")
        if form not in ("csv", "jsonl"):
            raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={"format": ["Choose csv or jsonl."]})
        rows = selectors.questions_of(collection)
        if form == "jsonl":
            return _file(
                exchange.as_json_lines(rows), f"questions-{collection.pk}.jsonl", "application/x-ndjson"
            )
        return _file(exchange.as_csv(rows), f"questions-{collection.pk}.csv", "text/csv")


class Runs(generics.ListAPIView):
    """GET: the model's runs, newest first. POST: begin one (admins)."""

    serializer_class = shapes.RunSerializer
    filter_backends = ()
    queryset = EvaluationRun.objects.none()

    def get_queryset(self) -> QuerySet[EvaluationRun]:
        return selectors.runs_of(access.get_managed(caller(self.request), self.kwargs["collection_id"]))

    @extend_schema(request=shapes.RunInput, responses={202: shapes.RunSerializer})
    def post(self, request: Request, collection_id: int) -> Response:
        """All questions are asked in the background; ask GET how far it is."""
        collection = access.get_managed(caller(request), collection_id)
        given = shapes.RunInput(data=request.data)
        given.is_valid(raise_exception=True)
        tried = dict(given.validated_data)
        label = tried.pop("label")
        run = runs.run_create(
            actor=caller(request), collection=collection, trial=runs.Trial(**tried), label=label
        )
        return Response(shapes.RunSerializer(run).data, status=202)


class _OfRun(APIView):
    def _run(self, collection_id: int, run_id: int) -> EvaluationRun:
        return selectors.run_for(access.get_managed(caller(self.request), collection_id), run_id)


class Run(_OfRun):
    """GET: a run and how far it is. DELETE: forget it."""

    @extend_schema(responses=shapes.RunSerializer)
    def get(self, request: Request, collection_id: int, run_id: int) -> Response:
        return Response(shapes.RunSerializer(self._run(collection_id, run_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, collection_id: int, run_id: int) -> Response:
        runs.run_delete(actor=caller(request), run=self._run(collection_id, run_id))
        return Response(status=204)


class RunCancel(_OfRun):
    """POST: end a run; what it has found stays."""

    @extend_schema(request=None, responses=shapes.RunSerializer)
    def post(self, request: Request, collection_id: int, run_id: int) -> Response:
        """A run that has ended already stays as it is."""
        run = runs.run_cancel(actor=caller(request), run=self._run(collection_id, run_id))
        return Response(shapes.RunSerializer(run).data)


class RunResults(generics.ListAPIView):
    """A run question by question; `?verdict=right|wrong|error`."""

    serializer_class = shapes.ResultSerializer
    filterset_fields = ("verdict", "answerable", "refused")
    search_fields = ("question",)
    ordering_fields = ("index", "rank", "search_ms", "answer_ms")
    ordering = ("index",)
    queryset = EvaluationResult.objects.none()

    def get_queryset(self) -> QuerySet[EvaluationResult]:
        collection = access.get_managed(caller(self.request), self.kwargs["collection_id"])
        return selectors.run_for(collection, self.kwargs["run_id"]).results.all()


class RunExport(_OfRun):
    """A run's results as CSV."""

    content_negotiation_class = JsonOnly

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, collection_id: int, run_id: int) -> StreamingHttpResponse:
        """One line a question."""
        run = self._run(collection_id, run_id)
        lines = exchange.results_as_csv(run.results.order_by("index"))
        return _file(lines, f"evaluation-{run.pk}.csv", "text/csv")


class Compare(APIView):
    """Two runs side by side."""

    @extend_schema(
        parameters=[
            OpenApiParameter("base", int, required=True),
            OpenApiParameter("other", int, required=True),
            OpenApiParameter("change", str, enum=list(selectors.CHANGES)),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
        responses=shapes.ComparisonSerializer,
    )
    def get(self, request: Request, collection_id: int) -> Response:
        """`?base=&other=`; `?change=worse` for one kind of change."""
        collection = access.get_managed(caller(request), collection_id)
        base, other = (selectors.run_for(collection, _number(request, name)) for name in ("base", "other"))
        change = request.query_params.get("change", "")
        if change and change not in selectors.CHANGES:
            allowed = ", ".join(selectors.CHANGES)
            raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={"change": [f"Choose one of {allowed}."]})
        pairs = selectors.compared(base, other)
        pages = Pages()
        shown: Any = [pair for pair in pairs if change in ("", pair.change)]
        page: Any = pages.paginate_queryset(shown, request, view=self)
        answer = pages.get_paginated_response(shapes.ComparedSerializer(page, many=True).data).data
        return Response(
            {
                "base": shapes.RunSerializer(base).data,
                "other": shapes.RunSerializer(other).data,
                "settings": selectors.settings_apart(base, other),
                "changes": selectors.counts(pairs),
                **answer,
            }
        )


def _wanted(data: Any) -> rules.Wanted:
    given = shapes.TestQuestionInput(data=data)
    given.is_valid(raise_exception=True)
    fields = dict(given.validated_data)
    places = tuple(Place(**place) for place in fields.pop("places"))
    return rules.Wanted(**fields, places=places)


def _fresh(question: EvaluationQuestion) -> EvaluationQuestion:
    return selectors.question_for(question.collection, question.pk)


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={name: ["Give the number of a run."]})
    return int(text)


def _lines(told: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
    return [{"line": number, "message": message} for number, message in told]


def _file(lines: Iterable[str], name: str, content_type: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
