"""The ledger of what was asked for and what it cost, and the limits that admins set."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone

from collections_app.models import Collection


class UsageKind(models.TextChoices):
    """What an answer was for. Limits count chats alone; evaluation is an admin's batch work."""

    CHAT = "chat", "Chat"
    EVALUATION = "evaluation", "Evaluation"


class UsageEntry(models.Model):
    """One answer that was asked for, and the tokens of all LLM calls for it. Holds nothing that was said.

    It outlives the chat, the message and the model: deleting these gives nobody his allowance back.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, db_index=False, on_delete=models.CASCADE, related_name="usage_entries"
    )
    kind = models.CharField(max_length=10, choices=UsageKind.choices, default=UsageKind.CHAT)
    collection = models.ForeignKey(Collection, null=True, on_delete=models.SET_NULL, related_name="+")
    collection_name = models.CharField(max_length=200, blank=True, help_text="As it was when it was asked.")
    message_id = models.BigIntegerField(
        null=True, unique=True, help_text="Of the answer, also when that is deleted; null for evaluation."
    )
    llm_provider = models.CharField(max_length=16, blank=True)
    llm_model_name = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    estimated = models.BooleanField(
        default=False, help_text="The provider did not say; we counted what was sent and what came."
    )

    class Meta:
        ordering = ("-asked_at", "-id")
        indexes = [
            models.Index(fields=["user", "asked_at"], name="usage_user_asked"),
            models.Index(fields=["asked_at"], name="usage_asked"),
        ]
        verbose_name_plural = "usage entries"

    def __str__(self) -> str:
        return f"usage {self.pk}"


class UsageLimit(models.Model):
    """How much somebody may ask. Null: not set here, what stands behind it holds; 0: no limit.

    A row is for one user, for each member of a group, or (`together`) for a group as a whole.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="usage_limits",
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, related_name="usage_limits"
    )
    together = models.BooleanField(default=False, help_text="All members of the group share it.")
    messages_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: not set here. 0: no limit."
    )
    tokens_per_day = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Empty: not set here. 0: no limit."
    )

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True, together=False)
                | Q(user__isnull=True, group__isnull=False),
                name="usage_limit_of_one",
            ),
            models.UniqueConstraint(fields=["user"], name="usage_limit_once_per_user"),
            models.UniqueConstraint(fields=["group", "together"], name="usage_limit_once_per_group"),
        ]

    def __str__(self) -> str:
        if self.user_id:
            return f"limit of {self.user}"
        return f"limit of {'' if self.together else 'each in '}group {self.group}"
