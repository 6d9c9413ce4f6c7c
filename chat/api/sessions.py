"""A user's own conversations: list, rename, delete, read."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import caller
from chat import branching, selectors, services
from chat.api.searching import WordSearch
from chat.api.serializers import MAX_ID, MessageSerializer, SessionSerializer
from chat.engine import repair
from chat.models import ChatSession, Message
from chat.search import WordQuery, best_messages, messages_matching, sessions_matching
from collections_app import access
from config.api.ordering import WholeOrdering

OF_PROGRAMS = OpenApiParameter(
    "of_programs", bool, description="true: the chats that programs asked through /v1, which are not listed."
)
MODEL_ID = OpenApiParameter("model_id", int, description="Only chats with this model.")


class SessionFilter(filters.FilterSet):
    """`?model_id=`."""

    model_id = filters.NumberFilter(field_name="collection_id", min_value=1, max_value=2**63 - 1)

    class Meta:
        model = ChatSession
        fields = ("model_id",)


class SessionBegin(serializers.Serializer):
    """Which model the conversation is to be with."""

    model_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


@extend_schema_view(get=extend_schema(parameters=[OF_PROGRAMS]))
class SessionsView(ListAPIView):
    """GET: the caller's conversations, the last used first. POST: begin one.

    With `?search=` those whose title holds all the words (the last one may be incomplete), then those with a
    message that holds them in sequence, then the others; the last used first among each.
    """

    api_key_methods = ("GET", "POST")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    filter_backends = (DjangoFilterBackend, WordSearch, WholeOrdering)
    ordering_fields = ("updated_at", "created_at", "title")
    queryset = ChatSession.objects.none()

    def get_queryset(self) -> QuerySet[ChatSession]:
        of_programs = self.request.query_params.get("of_programs") == "true"
        listed = selectors.sessions_listed(caller(self.request), of_programs=of_programs)
        return listed.select_related("collection")

    def find(self, sessions: QuerySet[ChatSession], words: WordQuery) -> QuerySet[ChatSession]:
        """For `WordSearch`."""
        self.words = words
        return sessions_matching(sessions, selectors.messages_shown_to(caller(self.request)), words)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """A page of results with the message of each that fits best: one query for all."""
        if (words := getattr(self, "words", None)) and kwargs.get("many"):
            messages = selectors.messages_shown_to(caller(self.request))
            hits = best_messages(messages, words, [session.pk for session in args[0]])
            kwargs["context"] = {**self.get_serializer_context(), "words": words, "hits": hits}
        return super().get_serializer(*args, **kwargs)

    @extend_schema(request=SessionBegin, responses={201: SessionSerializer})
    def post(self, request: Request) -> Response:
        """An empty conversation with a model that the caller may use."""
        given = SessionBegin(data=request.data)
        given.is_valid(raise_exception=True)
        collection = access.get_for(caller(request), given.validated_data["model_id"])
        session = services.session_create(user=caller(request), collection=collection)
        return Response(SessionSerializer(session).data, status=201)


class SessionView(APIView):
    """One conversation."""

    api_key_methods = ("GET", "PATCH", "DELETE")

    @extend_schema(responses=SessionSerializer)
    def get(self, request: Request, session_id: uuid.UUID) -> Response:
        """Its title and model."""
        return Response(SessionSerializer(selectors.session_for(caller(request), session_id)).data)

    @extend_schema(request=SessionSerializer, responses=SessionSerializer)
    def patch(self, request: Request, session_id: uuid.UUID) -> Response:
        """Rename it; `head` shows another branch, down to the newest message below the one that is named."""
        session = selectors.session_for(caller(request), session_id)
        given = SessionSerializer(session, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        if "head_id" in given.validated_data:  # first: it may be refused, and then nothing is done
            repair.repair_session(session.pk)
            message_id = given.validated_data["head_id"]
            session = branching.branch_choose(session=session, message_id=message_id)
        if "title" in given.validated_data:
            session = services.session_rename(session=session, title=given.validated_data["title"])
        return Response(SessionSerializer(session).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, session_id: uuid.UUID) -> Response:
        """Delete it with its messages and files; an answer that is being written ends."""
        services.session_delete(session=selectors.session_for(caller(request), session_id))
        return Response(status=204)


class MessagesQuery(serializers.Serializer):
    """Which of a conversation's messages; without anything those that are shown."""

    all = serializers.BooleanField(default=False, help_text="Those of all branches.")
    head = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_ID, help_text="The path down to this message instead."
    )


@extend_schema_view(get=extend_schema(parameters=[MessagesQuery]))
class SessionMessagesView(ListAPIView):
    """The messages of one conversation as it is shown, oldest first, each with its versions."""

    api_key_methods = ("GET",)
    serializer_class = MessageSerializer
    filter_backends = ()
    queryset = Message.objects.none()

    def get_queryset(self) -> QuerySet[Message]:
        session = selectors.session_for(caller(self.request), self.kwargs["session_id"])
        asked = MessagesQuery(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        repair.repair_session(session.pk)
        if asked.validated_data["all"]:
            messages = selectors.messages_visible_to(caller(self.request)).filter(session=session)
        else:
            messages = selectors.messages_of(session, head_id=asked.validated_data.get("head"))
        return selectors.messages_with_details(messages)


class HistoryFilter(filters.FilterSet):
    """`?model_id=`."""

    model_id = filters.NumberFilter(field_name="session__collection_id", min_value=1, max_value=2**63 - 1)

    class Meta:
        model = Message
        fields = ("model_id",)


@extend_schema_view(get=extend_schema(parameters=[MODEL_ID]))
class HistoryView(ListAPIView):
    """The listed conversations as they are shown, oldest first; `?ordering=-id` turns it round."""

    api_key_methods = ("GET",)
    serializer_class = MessageSerializer
    filterset_class = HistoryFilter
    filter_backends = (DjangoFilterBackend, WordSearch, WholeOrdering)
    ordering_fields = ("id", "created_at")
    queryset = Message.objects.none()

    def get_queryset(self) -> QuerySet[Message]:
        messages = selectors.messages_shown_to(caller(self.request)).filter(session__given__isnull=True)
        return selectors.messages_with_details(messages)

    def find(self, messages: QuerySet[Message], words: WordQuery) -> QuerySet[Message]:
        """For `WordSearch`."""
        return messages_matching(messages, words)
