"""What can be done with one answer: judge it, ask why."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import caller
from chat import selectors, services
from chat.api.serializers import FeedbackSerializer
from config.errors import ErrorCode, VerbatimError
from documents.api.sources import AnyAccept, MarkedPassage, page_response
from documents.selectors import document_for


class FeedbackView(APIView):
    """Thumbs up or down."""

    api_key_methods = ("POST",)

    @extend_schema(request=FeedbackSerializer, responses=FeedbackSerializer)
    def post(self, request: Request, message_id: int) -> Response:
        """A second opinion replaces the first."""
        answer = selectors.answer_for(caller(request), message_id)
        given = FeedbackSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        feedback = services.feedback_set(answer=answer, **given.validated_data)
        return Response({"rating": feedback.rating, "comment": feedback.comment})


class TraceView(APIView):
    """Why this answer."""

    api_key_methods = ("GET",)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, message_id: int) -> Response:
        """The rewritten question, the candidates with their ranks, what was cut, tokens, milliseconds."""
        answer = selectors.answer_for(caller(request), message_id)
        return Response({"message_id": answer.pk, "trace": selectors.trace_of(answer)})


class SourcePageView(APIView):
    """A page of a cited PDF as an image, with the passage marked as it was given to the answer."""

    api_key_methods = ("GET",)
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, message_id: int, marker: int, page: int) -> HttpResponse:
        """Also when the document was read anew since; not when it was replaced or deleted."""
        source = selectors.source_for(caller(request), message_id, marker)
        if source.document_id is None:
            raise VerbatimError(ErrorCode.NOT_FOUND, "The document has been deleted since.")
        document = document_for(caller(request), source.document_id)
        if document.sha256 != source.document_sha256:
            raise VerbatimError(ErrorCode.NOT_FOUND, "The document has been replaced since.")
        key = f"m{message_id}.{marker}"
        near = source.chunk.char_start if source.chunk else 0
        passage = MarkedPassage(key, source.content, source.page, source.page_to, near)
        return page_response(request, document, page, passage)
