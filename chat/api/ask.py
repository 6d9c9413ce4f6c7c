"""Asking over HTTP: at once (`/api/chat/chat`), as server-sent events (`/api/chat/stream`), with a file."""

import json
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, ExitStack, aclosing
from typing import Any

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import open_sockets, tokens
from accounts.permissions import caller, shown_by
from accounts.tokens import Credential
from chat import selectors, services
from chat.api.negotiation import JsonOnly
from chat.api.pauses import frames_or_pauses
from chat.api.serializers import AnswerSerializer, AskSerializer, ChatUploadSerializer
from chat.engine import runs
from chat.models import Message
from chat.protocol import error_frame
from chat.rendering import render_markdown
from collections_app import access
from config.api import throttling
from config.database import release_connections
from config.errors import ErrorCode, VerbatimError


class ChatView(APIView):
    """Ask, and get the whole answer."""

    api_key_methods = ("POST",)

    @extend_schema(request=AskSerializer, responses=AnswerSerializer)
    def post(self, request: Request) -> Response:
        """Waits for the answer. If the client leaves, the answer is written and stored all the same."""
        asked = runs.ask(user=caller(request), **_asked(request))
        return answer_whole(asked, shown=shown_by(request))


class StreamView(APIView):
    """Ask, and get the socket's frames as server-sent events; the event's id is the frame's `seq`."""

    api_key_methods = ("POST",)
    content_negotiation_class = JsonOnly

    @extend_schema(request=AskSerializer, responses={(200, "text/event-stream"): OpenApiTypes.STR})
    def post(self, request: Request) -> HttpResponseBase:
        """Refusals come as JSON before the stream begins. Leaving does not end the answer."""
        asked = runs.ask(user=caller(request), **_asked(request))
        return answer_streamed(asked, shown=shown_by(request))


class UploadView(APIView):
    """A file that one chat alone can see."""

    api_key_methods = ("POST",)
    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={"multipart/form-data": ChatUploadSerializer}, responses={202: OpenApiTypes.OBJECT}
    )
    def post(self, request: Request) -> Response:
        """Stored and queued; the document carries the chat's `session_id`. A refused file begins no chat."""
        from documents.api.serializers import DocumentSerializer
        from documents.services import document_upload

        throttling.hit("upload", str(caller(request).pk), fail_closed=False)
        given = ChatUploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        collection = access.get_for(caller(request), data["model_id"])
        with ExitStack() as undo:
            if data["session_id"] is None:
                session = services.session_create(user=caller(request), collection=collection)
                undo.callback(services.session_delete, session=session)
            else:
                session = selectors.session_for(caller(request), data["session_id"])
                runs.require_same_model(session, collection)
            document = document_upload(
                actor=caller(request), collection=collection, file=data["file"], session_id=session.pk
            )
            undo.pop_all()
        shown = DocumentSerializer(document).data
        return Response(shown | {"session_id": str(session.pk)}, status=202)


def answer_whole(begin: Coroutine[Any, Any, runs.Started], *, shown: Credential) -> Response:
    """Begin an answer, wait for its end, and hand it out; what it failed with is raised.

    Args:
        shown: what its reader showed, which has to hold to the end.

    Raises:
        VerbatimError: TOO_MANY_SOCKETS before it is begun; also, with nothing of it, TOKEN_INVALID when what
            he showed has ended meanwhile, and ACCESS_REVOKED when he may not read it any more.
    """
    release_connections()  # none is held while the LLM writes
    message_id = async_to_sync(_ended)(begin, shown)
    if not tokens.still_holds(shown):
        raise VerbatimError(ErrorCode.TOKEN_INVALID)
    mine = selectors.messages_visible_to(shown.user).filter(pk=message_id)
    answer = selectors.messages_with_details(mine).first()
    if answer is None:
        is_kept = Message.objects.filter(pk=message_id).exists()
        raise VerbatimError(ErrorCode.ACCESS_REVOKED if is_kept else ErrorCode.NOT_FOUND)
    if (error := selectors.refusal_of(answer)) is not None:
        error.details = {
            "session_id": str(answer.session_id),
            "message_id": answer.pk,
            "answer": answer.content,
        }
        raise error
    return Response(
        {
            "session_id": str(answer.session_id),
            "message_id": answer.pk,
            "parent": answer.parent_id,
            "answer": answer.content,
            "html": render_markdown(answer.content),
            "sources": selectors.shown_sources(answer),
            **selectors.answer_facts(answer),
            "finish_reason": answer.finish_reason,
            "usage": answer.usage,
        }
    )


def answer_streamed(begin: Coroutine[Any, Any, runs.Started], *, shown: Credential) -> StreamingHttpResponse:
    """Begin an answer, and hand out its frames as server-sent events. Refusals are raised before that.

    Args:
        shown: what its reader showed; soon after that has ended the stream ends with an `error`.

    Raises:
        VerbatimError: also TOO_MANY_SOCKETS; then nothing is begun.
    """
    release_connections()  # none is held while the answer is begun and read
    started, place = async_to_sync(_begun)(begin, shown)
    return frames_streamed(started.session_id, started.message_id, shown=shown, place=place)


def frames_streamed(
    session_id: uuid.UUID,
    message_id: int,
    *,
    shown: Credential,
    place: open_sockets.Place,
    after_seq: int = 0,
) -> StreamingHttpResponse:
    """The frames of an answer after a sequence number as server-sent events, as for `answer_streamed`.

    Args:
        place: the reader's, which is left when the stream ends or its client goes.
    """
    events = _events(session_id, message_id, shown, place, after_seq)
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def _begun(
    begin: Coroutine[Any, Any, runs.Started], shown: Credential
) -> tuple[runs.Started, open_sockets.Place]:
    async with AsyncExitStack() as undo:
        undo.callback(begin.close)
        place = await open_sockets.enter(shown.user.pk)
        undo.push_async_callback(place.leave)
        started = await begin
        undo.pop_all()
    return started, place


async def _ended(begin: Coroutine[Any, Any, runs.Started], shown: Credential) -> int:
    started, place = await _begun(begin, shown)
    async with place:
        async for _ in frames_or_pauses(started.message_id, shown):
            pass
    return started.message_id


async def _events(
    session_id: uuid.UUID, message_id: int, shown: Credential, place: open_sockets.Place, seq: int
) -> AsyncIterator[bytes]:
    """The frames as events; a comment now and then, so that no proxy gives up on a slow LLM."""
    async with place, aclosing(frames_or_pauses(message_id, shown, seq)) as frames:  # type: ignore[type-var]
        try:
            async for text in frames:
                if text is None:
                    yield b": waiting\n\n"
                    continue
                seq += 1
                yield f"id: {seq}\ndata: {text}\n\n".encode()
        except VerbatimError as error:  # it belongs to this stream, not to the answer: without a number
            frame = error_frame(error, session_id=str(session_id), message_id=message_id)
            yield f"data: {json.dumps(frame)}\n\n".encode()


def _asked(request: Request) -> dict[str, Any]:
    given = AskSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
