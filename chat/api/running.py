"""An answer that is being written: read on from any frame, and stopped, over HTTP."""

from asgiref.sync import async_to_sync
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import open_sockets
from accounts.permissions import caller, shown_by
from chat import selectors
from chat.api.ask import frames_streamed
from chat.api.negotiation import JsonOnly
from chat.api.serializers import FollowSerializer
from chat.engine import runs
from chat.engine.follow import resume_point
from config.database import release_connections


class FollowView(APIView):
    """Replay an answer's frames, and follow it to its end."""

    api_key_methods = ("GET",)
    content_negotiation_class = JsonOnly

    @extend_schema(parameters=[FollowSerializer], responses={(200, "text/event-stream"): OpenApiTypes.STR})
    def get(self, request: Request, message_id: int) -> HttpResponseBase:
        """All frames where the answer never had so many; of one that ended long ago only the last ones."""
        answer = selectors.answer_for(caller(request), message_id)
        given = FollowSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        shown = shown_by(request)
        release_connections()  # none is held while Redis is asked and the answer is read
        place = async_to_sync(open_sockets.enter)(shown.user.pk)
        after = async_to_sync(resume_point)(answer, given.validated_data["after_seq"])
        return frames_streamed(answer.session_id, answer.pk, shown=shown, place=place, after_seq=after)


class StopView(APIView):
    """End an answer that is being written."""

    api_key_methods = ("POST",)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, message_id: int) -> Response:
        """What has arrived is kept; refused with 409 when nothing is being written any more."""
        user = caller(request)
        release_connections()
        async_to_sync(runs.stop_answer)(user=user, message_id=message_id)
        return Response(status=204)
