"""Models as JSON: what everybody may see, what managers see besides, and what a body may hold."""

from typing import Any

from rest_framework import serializers

from collections_app.models import Collection
from collections_app.selectors import Grant
from collections_app.validation import EDITABLE, MAX_KEY_CHARS, MAX_QUESTION_CHARS, MAX_QUESTIONS

PUBLIC = [
    "id",
    "name",
    "description",
    "suggested_questions",
    "llm_provider",
    "llm_model_name",
    "answer_mode",
    "user_count",
    "document_count",
    "chunk_count",
    "created_at",
    "updated_at",
]
FOR_MANAGERS = [
    "llm_base_url",
    "has_api_key",
    "api_key_hint",
    "api_key_unreadable",
    "system_prompt",
    "temperature",
    "max_tokens",
    "context_tokens",
    "top_k",
    "similarity_threshold",
    "history_length",
    "chunk_strategy",
    "chunk_size",
    "chunk_overlap",
    "text_search_config",
    "embedding_model",
    "embedding_dimension",
    "created_by",
]


class CollectionSerializer(serializers.ModelSerializer):
    """What somebody may see who may use the model."""

    user_count = serializers.IntegerField(read_only=True)
    document_count = serializers.IntegerField(read_only=True)
    chunk_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Collection
        fields = PUBLIC
        read_only_fields = fields


class ManagedCollectionSerializer(CollectionSerializer):
    """What managers see. The key itself has no field here and none anywhere else."""

    has_api_key = serializers.BooleanField(read_only=True)
    api_key_unreadable = serializers.BooleanField(read_only=True)

    class Meta(CollectionSerializer.Meta):
        fields = PUBLIC + FOR_MANAGERS
        read_only_fields = fields


class CollectionInput(serializers.ModelSerializer):
    """The body of POST and PATCH. Names are checked for uniqueness in the service, under its lock."""

    name = serializers.CharField(max_length=120)
    suggested_questions = serializers.ListField(
        child=serializers.CharField(max_length=MAX_QUESTION_CHARS), max_length=MAX_QUESTIONS, required=False
    )
    api_key = serializers.CharField(
        required=False,
        allow_blank=True,
        write_only=True,
        max_length=MAX_KEY_CHARS,
        style={"input_type": "password"},
    )

    class Meta:
        model = Collection
        fields = sorted(EDITABLE | {"api_key"})


class AccessInput(serializers.Serializer):
    """The body that sets the assignment; what is absent stays as it is."""

    user_ids = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=10_000)
    group_ids = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=1_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Send user_ids, group_ids or both.")
        return attrs


class GrantSerializer(serializers.Serializer):
    """Who may use the model, and why: given directly, through these groups, by role."""

    id = serializers.IntegerField(source="user.pk")
    email = serializers.EmailField(source="user.email")
    full_name = serializers.CharField(source="user.full_name")
    role = serializers.CharField(source="user.role")
    direct = serializers.BooleanField()
    groups = serializers.ListField(child=serializers.CharField())
    by_role = serializers.BooleanField()
    why = serializers.SerializerMethodField()

    def get_why(self, grant: Grant) -> list[str]:
        """The reasons as words: `direct`, `group: Sales`, `role: admin`."""
        reasons = ["direct"] if grant.direct else []
        reasons += [f"group: {name}" for name in grant.groups]
        return reasons + ([f"role: {grant.user.role}"] if grant.by_role else [])
