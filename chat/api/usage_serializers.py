"""Usage and limits as JSON."""

from typing import Any

from django.contrib.auth.models import Group
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from chat.usage.limits import WHATS
from chat.usage.models import UsageKind, UsageLimit
from chat.usage.selectors import limits_of_group

MOST_TOKENS = 2**53 - 1  # what JavaScript counts exactly
MOST_MESSAGES = 100_000


class LimitValues(serializers.ModelSerializer):
    """What a limit says. null: not set here, what stands behind it holds; 0: no limit."""

    messages_per_minute = serializers.IntegerField(min_value=0, max_value=MOST_MESSAGES, allow_null=True)
    tokens_per_day = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, allow_null=True)

    class Meta:
        model = UsageLimit
        fields = WHATS


class LimitState(serializers.Serializer):
    """A limit that binds somebody, and how much of it is used."""

    what = serializers.ChoiceField(WHATS)
    limit = serializers.IntegerField()
    used = serializers.IntegerField()
    source = serializers.ChoiceField(  # type: ignore[assignment]
        ["user", "group", "default", "group_together"],
        help_text="His own, each member's of a group, the deployment's, or shared by all of a group.",
    )
    group = serializers.CharField(allow_null=True)
    reached = serializers.BooleanField()
    warning = serializers.BooleanField(help_text="Four fifths of a day's tokens are used.")
    resets_at = serializers.DateTimeField(help_text="When there is room again; now while there is.")


class UsageDay(serializers.Serializer):
    """A day on which something was asked."""

    day = serializers.DateField()
    questions = serializers.IntegerField(help_text="In chats.")
    prompt_tokens = serializers.IntegerField(help_text="In chats.")
    completion_tokens = serializers.IntegerField(help_text="In chats.")
    evaluation_tokens = serializers.IntegerField(help_text="Prompts and answers of evaluation runs.")


class UsageModel(serializers.Serializer):
    """A model that was asked, under the name that it had then; `collection_id` null: deleted since."""

    kind = serializers.ChoiceField(UsageKind.choices)
    model_id = serializers.IntegerField(source="collection_id", allow_null=True)
    model_name = serializers.CharField(source="collection_name")
    llm_provider = serializers.CharField()
    llm_model_name = serializers.CharField()
    questions = serializers.IntegerField()
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    estimated = serializers.IntegerField(help_text="Questions whose tokens are our estimate.")


class OwnUsageSerializer(serializers.Serializer):
    """One's own usage."""

    time_zone = serializers.CharField(help_text="Where a day begins at midnight.")
    limits = LimitState(many=True)
    days = UsageDay(many=True)
    models = UsageModel(many=True)


class _Totals(serializers.ModelSerializer):
    questions_today = serializers.IntegerField(read_only=True)
    tokens_today = serializers.IntegerField(read_only=True)
    questions_30_days = serializers.IntegerField(read_only=True)
    tokens_30_days = serializers.IntegerField(read_only=True)
    evaluation_tokens_30_days = serializers.IntegerField(read_only=True)


TOTALS = (
    *("questions_today", "tokens_today", "questions_30_days", "tokens_30_days"),
    "evaluation_tokens_30_days",
)


class UserUsageSerializer(_Totals):
    """Somebody's sums, and the limit that is his alone."""

    own_limit = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "email", "full_name", "role", *TOTALS, "own_limit")
        read_only_fields = fields

    @extend_schema_field(LimitValues)
    def get_own_limit(self, user: User) -> dict[str, Any]:
        own: list[UsageLimit] = user.own_limits  # type: ignore[attr-defined]
        return dict(LimitValues(own[0] if own else UsageLimit()).data)


class GroupLimitsSerializer(serializers.Serializer):
    """What a group sets: for each member, and for all together."""

    each = LimitValues(required=False)
    together = LimitValues(required=False)


class UserLimitsInput(serializers.Serializer):
    """What is set for one user alone."""

    own = LimitValues()


class UserLimitsSerializer(UserLimitsInput):
    """What is set for him alone, and what binds him, with what he has used."""

    in_force = LimitState(many=True)


class GroupUsageSerializer(_Totals):
    """The sums of those who are in a group now, and its limits."""

    user_count = serializers.IntegerField(read_only=True)
    limits = serializers.SerializerMethodField()

    class Meta:
        model = Group
        fields = ("id", "name", "user_count", *TOTALS, "limits")
        read_only_fields = fields

    @extend_schema_field(GroupLimitsSerializer)
    def get_limits(self, group: Group) -> dict[str, Any]:
        return dict(GroupLimitsSerializer(limits_of_group(group)).data)
