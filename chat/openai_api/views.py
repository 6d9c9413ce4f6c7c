"""`/v1`: what the clients of the OpenAI protocol call. The same engine as behind every other door."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tokens
from accounts.api.authentication import BearerAuthentication
from accounts.permissions import caller, shown_by
from accounts.tokens import Credential
from chat import selectors
from chat.api.negotiation import JsonOnly
from chat.api.pauses import frames_or_pauses
from chat.engine import runs
from chat.openai_api import catalogue, errors
from chat.openai_api.chunks import PAUSE, Writer, refusal_in
from chat.openai_api.requests import ChatCompletionInput, parse
from config.database import release_connections
from config.errors import ErrorCode, VerbatimError


class OpenAIView(APIView):
    """Bearer only, JSON only, refusals in the protocol's shape."""

    authentication_classes = (BearerAuthentication,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JsonOnly

    def get_exception_handler(self) -> Callable[..., Response]:
        return errors.handle


class ModelsView(OpenAIView):
    """The models that the caller may use."""

    api_key_methods = ("GET",)

    @extend_schema(responses=OpenApiTypes.OBJECT, tags=["v1"], operation_id="v1_models_list")
    def get(self, request: Request) -> Response:
        return Response({"object": "list", "data": catalogue.models_for(caller(request))})


class ModelView(OpenAIView):
    """One of them, by name or id."""

    api_key_methods = ("GET",)

    @extend_schema(responses=OpenApiTypes.OBJECT, tags=["v1"])
    def get(self, request: Request, model_name: str) -> Response:
        return Response(catalogue.as_model(catalogue.model_named(caller(request), model_name)))


class ChatCompletionsView(OpenAIView):
    """Ask, in the words of the OpenAI protocol."""

    api_key_methods = ("POST",)

    @extend_schema(
        request=ChatCompletionInput,
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/event-stream"): OpenApiTypes.STR,
        },
        tags=["v1"],
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Whoever leaves before the end stops the answer: nobody else waits for it."""
        asked = parse(request.data)
        collection = catalogue.model_named(caller(request), asked.model)
        release_connections()  # none is held while the LLM writes
        started = async_to_sync(runs.ask)(
            user=caller(request), model_id=collection.pk, message=asked.question, given=asked.given
        )
        release_connections()
        writer = Writer(started, asked, catalogue.public_id(collection))
        shown = shown_by(request)
        if not asked.stream:
            async_to_sync(_to_the_end)(started.message_id, shown)
            return Response(writer.completion(_answer(started.message_id, shown)))
        response = StreamingHttpResponse(_events(writer, shown), content_type="text/event-stream")
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"
        return response


async def _to_the_end(message_id: int, shown: Credential) -> None:
    try:
        async for _ in frames_or_pauses(message_id, shown):
            pass
    finally:
        runs.leave(message_id)


def _answer(message_id: int, shown: Credential) -> dict[str, Any]:
    """The stored answer.

    Raises:
        VerbatimError: what it ended with; TOKEN_INVALID when the caller's credential ended meanwhile,
            ACCESS_REVOKED when his access did, or the chat is gone.
    """
    if not tokens.still_holds(shown):
        raise VerbatimError(ErrorCode.TOKEN_INVALID)
    mine = selectors.messages_visible_to(shown.user).filter(pk=message_id)
    answer = selectors.messages_with_details(mine).first()
    if answer is None:
        raise VerbatimError(ErrorCode.ACCESS_REVOKED)
    if (error := selectors.refusal_of(answer)) is not None:
        raise error
    return {
        "content": answer.content,
        "sources": selectors.shown_sources(answer),
        "finish_reason": answer.finish_reason,
        "usage": answer.usage,
        **selectors.answer_facts(answer),
    }


async def _events(writer: Writer, shown: Credential) -> AsyncIterator[bytes]:
    message_id = writer.started.message_id
    try:
        yield writer.first()
        async with aclosing(frames_or_pauses(message_id, shown)) as frames:  # type: ignore[type-var]
            async for text in frames:
                if text is None:
                    yield PAUSE
                    continue
                frame = json.loads(text)
                if frame["type"] == "error":
                    yield writer.error(refusal_in(frame))
                    return
                for chunk in writer.chunks(frame):
                    yield chunk
    except VerbatimError as error:
        yield writer.error(error)
    finally:
        runs.leave(message_id)
