"""What can be done with one answer: judge it, ask why, look its sources up."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import caller
from chat import selectors, services
from chat.api.serializers import FeedbackSerializer, SourceLinesSerializer, SourceNowSerializer
from chat.models import MessageSource
from config.errors import ErrorCode, VerbatimError
from documents.api.serializers import DocumentSerializer
from documents.api.sources import AnyAccept, MarkedPassage, lines_around, page_response
from documents.models import Document
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


class SourceView(APIView):
    """A source as it is now."""

    api_key_methods = ("GET",)

    @extend_schema(responses=SourceNowSerializer)
    def get(self, request: Request, message_id: int, marker: int) -> Response:
        """What became of its document, and the document itself while it is the one that was cited."""
        source = _source(request, message_id, marker)
        told = selectors.source_as_dict(source)
        is_same = not (told["document_deleted"] or told["document_replaced"])
        return Response(told | {"document": DocumentSerializer(source.document).data if is_same else None})


class SourceLinesView(APIView):
    """The cited lines of a text, numbered, with some before and after them."""

    api_key_methods = ("GET",)

    @extend_schema(responses=SourceLinesSerializer)
    def get(self, request: Request, message_id: int, marker: int) -> Response:
        """Decoded and counted as they were read; not when the document was replaced or deleted."""
        source = _source(request, message_id, marker)
        document = _document_cited(source)
        if source.lines is None:
            raise VerbatimError(ErrorCode.NOT_FOUND)
        first, last = source.lines
        start, lines = lines_around(document, first, last, source.content)
        return Response({"first": start, "from": first, "to": last, "lines": lines})


class SourcePageView(APIView):
    """A page of a cited PDF as an image, with the passage marked as it was given to the answer."""

    api_key_methods = ("GET",)
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, message_id: int, marker: int, page: int) -> HttpResponse:
        """Also when the document was read anew since; not when it was replaced or deleted."""
        source = _source(request, message_id, marker)
        document = _document_cited(source)
        key = f"m{message_id}.{marker}"
        passage = MarkedPassage(key, source.content, source.page, source.page_to, source.char_start or 0)
        return page_response(request, document, page, passage)


def _source(request: Request, message_id: int, marker: int) -> MessageSource:
    """A source of the caller's, with its document as it is now; NOT_FOUND."""
    source = selectors.source_for(caller(request), message_id, marker)
    if source.document_id is not None:
        source.document = document_for(caller(request), source.document_id)
    return source


def _document_cited(source: MessageSource) -> Document:
    """The document, which is still the one that was cited; else NOT_FOUND, which says what became of it."""
    if source.document is None:
        raise VerbatimError(ErrorCode.NOT_FOUND, "The document has been deleted since.")
    if selectors.source_replaced(source):
        raise VerbatimError(ErrorCode.NOT_FOUND, "The document has been replaced since.")
    return source.document
