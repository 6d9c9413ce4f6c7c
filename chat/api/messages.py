"""What can be done with one answer: judge it, ask why."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import caller
from chat import selectors, services
from chat.api.serializers import FeedbackSerializer


class FeedbackView(APIView):
    """Thumbs up or down."""

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

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, message_id: int) -> Response:
        """The rewritten question, the candidates with their ranks, what was cut, tokens, milliseconds."""
        answer = selectors.answer_for(caller(request), message_id)
        return Response({"message_id": answer.pk, "trace": selectors.trace_of(answer)})
