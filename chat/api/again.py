"""Going back in a conversation: an answer written anew or continued, a question in other words."""

from collections.abc import Coroutine
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.permissions import caller, shown_by
from chat import selectors
from chat.api.ask import answer_streamed, answer_whole
from chat.api.negotiation import JsonOnly
from chat.api.serializers import AgainSerializer, AnswerSerializer, EditSerializer
from chat.engine import runs

ANSWERS = {200: AnswerSerializer, (200, "text/event-stream"): OpenApiTypes.STR}


class RegenerateView(APIView):
    """Answer the same question again."""

    api_key_methods = ("POST",)
    content_negotiation_class = JsonOnly

    @extend_schema(request=AgainSerializer, responses=ANSWERS)
    def post(self, request: Request, message_id: int) -> HttpResponseBase:
        """Another version of the answer, from a new search; the older one stays beside it."""
        user = caller(request)
        selectors.answer_for(user, message_id)
        given = _given(AgainSerializer, request)
        return _handed_out(runs.regenerate(user=user, message_id=message_id), request, **given)


class ContinueView(APIView):
    """Go on with an answer that ended early."""

    api_key_methods = ("POST",)
    content_negotiation_class = JsonOnly

    @extend_schema(request=AgainSerializer, responses=ANSWERS)
    def post(self, request: Request, message_id: int) -> HttpResponseBase:
        """An answer that begins with the other's text, from the same passages, and takes its place."""
        user = caller(request)
        selectors.answer_for(user, message_id)
        given = _given(AgainSerializer, request)
        return _handed_out(runs.go_on(user=user, message_id=message_id), request, **given)


class EditView(APIView):
    """Ask a question in other words."""

    api_key_methods = ("POST",)
    content_negotiation_class = JsonOnly

    @extend_schema(request=EditSerializer, responses=ANSWERS)
    def post(self, request: Request, message_id: int) -> HttpResponseBase:
        """Another version of the question, with its answer; what was asked before stays beside it."""
        user = caller(request)
        selectors.question_for(user, message_id)
        given = _given(EditSerializer, request)
        stream = given.pop("stream")
        return _handed_out(runs.edit(user=user, message_id=message_id, **given), request, stream=stream)


def _given(serializer: type[AgainSerializer], request: Request) -> dict[str, Any]:
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def _handed_out(
    begin: Coroutine[Any, Any, runs.Started], request: Request, *, stream: bool
) -> HttpResponseBase:
    shown = shown_by(request)
    return answer_streamed(begin, shown=shown) if stream else answer_whole(begin, shown=shown)
