"""The chat's shapes, in and out."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chat import selectors, tree
from chat.excerpts import excerpt, marks
from chat.models import ChatSession, Message, MessageRole, MessageStatus, Rating
from chat.rendering import render_markdown
from documents.api.passages import PassageSerializer
from documents.api.serializers import DocumentSerializer

MAX_ID = 2**63 - 1


class AskSerializer(serializers.Serializer):
    """A question. How long it may be, and that it is not empty, is the service's rule."""

    model_id = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    message = serializers.CharField(allow_blank=True, trim_whitespace=False)
    session_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    client_id = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=64,
        default="",
        help_text="A random id of yours for this question: sent again with it, the question is asked once.",
    )


class ChatUploadSerializer(serializers.Serializer):
    """A file for one chat; without `session_id` a new chat is made for it."""

    file = serializers.FileField(allow_empty_file=True)
    model_id = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    session_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class SourceSerializer(PassageSerializer):
    """A numbered passage of an answer (for the schema; `selectors.source_as_dict` makes it)."""

    document_id = serializers.IntegerField(allow_null=True)
    chunk_id = serializers.IntegerField(allow_null=True)
    document_deleted = serializers.BooleanField()
    document_replaced = serializers.BooleanField(
        help_text="The document has other bytes by now; `chunk_content` is what the answer was given."
    )
    cited = serializers.BooleanField()
    likely = serializers.BooleanField()


class SourceNowSerializer(SourceSerializer):
    """A source as it is now (for the schema)."""

    document = DocumentSerializer(
        allow_null=True, help_text="Null when it was deleted, or has other bytes than those that were cited."
    )


class SourceLinesSerializer(serializers.Serializer):
    """Cited lines of a text, with some before and after them (for the schema)."""

    first = serializers.IntegerField(help_text="The number of the first of `lines`, from 1.")

    def get_fields(self) -> dict[str, serializers.Field]:
        """With `from`, which is no name in Python."""
        return super().get_fields() | {
            "from": serializers.IntegerField(help_text="The number of the first cited line."),
            "to": serializers.IntegerField(help_text="The number of the last cited line."),
            "lines": serializers.ListField(child=serializers.CharField(allow_blank=True)),
        }


class StretchSerializer(serializers.Serializer):
    """A stretch of the answer's text: characters of `content`, the end not included."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()


class SentenceSerializer(StretchSerializer):
    """A sentence that cites, and the verdict; `why` is empty when it is supported."""

    markers = serializers.ListField(child=serializers.IntegerField())
    supported = serializers.BooleanField()
    unsupported_markers = serializers.ListField(child=serializers.IntegerField())
    missing = serializers.ListField(child=serializers.CharField())
    why = serializers.CharField(allow_blank=True)


class NotReadySerializer(serializers.Serializer):
    """Documents that were being processed for the first time when an answer was written."""

    count = serializers.IntegerField()
    names = serializers.ListField(
        child=serializers.CharField(), help_text="At most five; files of the chat itself come first."
    )


class FactsSerializer(serializers.Serializer):
    """What is known of a finished answer (for the schema; `selectors.answer_facts` makes it)."""

    searched_for = serializers.CharField(
        allow_blank=True, help_text="A follow-up as it was searched for; empty when that is the question."
    )
    uncited = serializers.BooleanField(help_text="It claims something that no passage backs.")
    general_knowledge = serializers.BooleanField(
        help_text="Nothing in it comes from the documents: the model was allowed to answer without them."
    )
    general_parts = StretchSerializer(many=True, help_text="Sentences that come from no passage.")
    sentences = SentenceSerializer(many=True)
    not_ready = NotReadySerializer(
        allow_null=True, help_text="What it could not be answered from yet; null when there was nothing."
    )
    trimmed = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="How many `history`, `neighbours`, `passages`, and characters of the `answer` that was "
        "continued, did not fit the window; empty for none.",
    )
    can_continue = serializers.BooleanField(help_text="It ended before its end, and can go on from there.")


class AnswerSerializer(FactsSerializer):
    """What a question that was not streamed gets."""

    session_id = serializers.UUIDField()
    message_id = serializers.IntegerField()
    parent = serializers.IntegerField(help_text="The question's id.")  # type: ignore[assignment]
    answer = serializers.CharField()
    html = serializers.CharField()
    sources = SourceSerializer(many=True)
    finish_reason = serializers.CharField()
    usage = serializers.DictField()


class HitSerializer(serializers.Serializer):
    """The message of a conversation that fits a search best (for the schema)."""

    message_id = serializers.IntegerField()
    role = serializers.ChoiceField(choices=MessageRole.choices)
    excerpt = serializers.CharField(help_text="Plain text on one line, never markup.")
    marks = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="[start, end] of the words found, in code points of `excerpt`, the end not included.",
    )


class AgainSerializer(serializers.Serializer):
    """How an answer that is written anew, or goes on, is handed out."""

    stream = serializers.BooleanField(
        default=False, help_text="As server-sent events, as /api/chat/stream; else the whole answer."
    )


class FollowSerializer(serializers.Serializer):
    """Where an answer is read on."""

    after_seq = serializers.IntegerField(
        min_value=0, max_value=MAX_ID, default=0, help_text="The last `seq` that you have."
    )


class EditSerializer(AgainSerializer):
    """A question in other words."""

    message = serializers.CharField(allow_blank=True, trim_whitespace=False)
    client_id = serializers.CharField(required=False, allow_blank=True, max_length=64, default="")


class SessionSerializer(serializers.ModelSerializer):
    """A conversation in a list."""

    model_id = serializers.IntegerField(source="collection_id", read_only=True)
    model_name = serializers.CharField(source="collection.name", read_only=True)
    title = serializers.CharField(max_length=200)
    head = serializers.IntegerField(
        source="head_id",
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_ID,
        help_text="The last message of the path that is shown.",
    )
    hit = serializers.SerializerMethodField()
    title_marks = serializers.SerializerMethodField()

    class Meta:
        model = ChatSession
        fields = (
            *("id", "model_id", "model_name", "title", "head", "created_at", "updated_at"),
            *("hit", "title_marks"),
        )
        read_only_fields = ("id", "created_at", "updated_at")

    @extend_schema_field(HitSerializer(allow_null=True))
    def get_hit(self, session: ChatSession) -> dict[str, Any] | None:
        """With `?search=`: where in the conversation the words stand; null where only the title has them."""
        message = self.context.get("hits", {}).get(session.pk)
        if message is None:
            return None
        found = excerpt(message.content, self.context["words"])
        return {"message_id": message.pk, "role": message.role, "excerpt": found.text, "marks": found.marks}

    @extend_schema_field(serializers.ListField(child=serializers.ListField(child=serializers.IntegerField())))
    def get_title_marks(self, session: ChatSession) -> list[list[int]]:
        """With `?search=`: where in the title the words stand, as in `hit.marks`."""
        words = self.context.get("words")
        return marks(session.title, words) if words else []

    def validate_head(self, value: int | None) -> int:
        """Null is read, where nothing was asked yet, and never written."""
        if value is None:
            raise serializers.ValidationError("Name a message of this chat.")
        return value


class SiblingsSerializer(serializers.Serializer):
    """A message among its versions."""

    index = serializers.IntegerField(
        allow_null=True, help_text="Its place in `ids`, from 0; null for one that another one continues."
    )
    ids = serializers.ListField(child=serializers.IntegerField(), help_text="Oldest first.")


class ErrorSerializer(serializers.Serializer):
    """Why an answer failed, and whether trying again may help."""

    code = serializers.CharField()
    message = serializers.CharField()
    next_step = serializers.CharField()
    retryable = serializers.BooleanField()


class FeedbackSerializer(serializers.Serializer):
    """A reader's opinion of an answer."""

    rating = serializers.ChoiceField(choices=Rating.choices)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class MessageSerializer(serializers.ModelSerializer):
    """One turn. `error.retryable` says whether regenerating may help."""

    session_id = serializers.UUIDField(read_only=True)
    html = serializers.SerializerMethodField()
    parent = serializers.IntegerField(  # type: ignore[assignment]
        source="parent_id",
        read_only=True,
        allow_null=True,
        help_text="An answer's question; a question's answer before it, null for a first one.",
    )
    siblings = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    sources = serializers.SerializerMethodField()
    searched_for = serializers.SerializerMethodField()
    uncited = serializers.SerializerMethodField()
    general_knowledge = serializers.SerializerMethodField()
    general_parts = serializers.SerializerMethodField()
    sentences = serializers.SerializerMethodField()
    not_ready = serializers.SerializerMethodField()
    trimmed = serializers.SerializerMethodField()
    can_continue = serializers.SerializerMethodField()
    continues = serializers.IntegerField(
        source="continues_id",
        read_only=True,
        allow_null=True,
        help_text="The answer that this one began with and took the place of.",
    )
    feedback = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = (
            "id",
            "session_id",
            "role",
            "status",
            "content",
            "html",
            "parent",
            "siblings",
            "client_id",
            "llm_provider",
            "llm_model_name",
            "finish_reason",
            "error",
            "usage",
            "sources",
            "searched_for",
            "uncited",
            "general_knowledge",
            "general_parts",
            "sentences",
            "not_ready",
            "trimmed",
            "can_continue",
            "continues",
            "feedback",
            "created_at",
            "completed_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_html(self, message: Message) -> str | None:
        """Answers rendered and sanitised; questions are plain text and have none."""
        return render_markdown(message.content) if message.role == MessageRole.ASSISTANT else None

    @extend_schema_field(SiblingsSerializer)
    def get_siblings(self, message: Message) -> dict[str, Any]:
        return tree.siblings(message)

    @extend_schema_field(ErrorSerializer(allow_null=True))
    def get_error(self, message: Message) -> dict[str, Any] | None:
        return error_of(message)

    @extend_schema_field(SourceSerializer(many=True))
    def get_sources(self, message: Message) -> list[dict[str, Any]]:
        if message.status == MessageStatus.STREAMING:
            return [selectors.source_as_dict(source) for source in message.sources.all()]
        return selectors.shown_sources(message)

    def get_searched_for(self, message: Message) -> str:
        return selectors.searched_for(message)

    def get_uncited(self, message: Message) -> bool:
        return selectors.uncited(message)

    def get_general_knowledge(self, message: Message) -> bool:
        return selectors.general_knowledge(message)

    @extend_schema_field(StretchSerializer(many=True))
    def get_general_parts(self, message: Message) -> list[dict[str, Any]]:
        return selectors.traced(message, "general_parts") or []

    @extend_schema_field(SentenceSerializer(many=True))
    def get_sentences(self, message: Message) -> list[dict[str, Any]]:
        return selectors.traced(message, "sentences") or []

    @extend_schema_field(NotReadySerializer(allow_null=True))
    def get_not_ready(self, message: Message) -> dict[str, Any] | None:
        return selectors.traced(message, "not_ready")

    def get_trimmed(self, message: Message) -> dict[str, int]:
        return selectors.trimmed(message)

    def get_can_continue(self, message: Message) -> bool:
        return selectors.can_continue(message)

    @extend_schema_field(FeedbackSerializer(allow_null=True))
    def get_feedback(self, message: Message) -> dict[str, str] | None:
        feedback = getattr(message, "feedback", None)
        return {"rating": feedback.rating, "comment": feedback.comment} if feedback else None


def error_of(message: Message) -> dict[str, Any] | None:
    """The refusal that a message ended with, or None."""
    refusal = selectors.refusal_of(message)
    if refusal is None:
        return None
    return {
        "code": str(refusal.code),
        "message": refusal.message,
        "next_step": refusal.next_step,
        "retryable": refusal.retryable,
    }
