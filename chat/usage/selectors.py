"""What may be read of the ledger: one's own in full, for admins sums of everybody. Never what was said."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import BigIntegerField, Count, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from accounts.models import User
from accounts.selectors import groups_with_users, users_visible_to
from chat.usage.days import day_start, zone
from chat.usage.limits import TOKENS
from chat.usage.models import UsageEntry, UsageKind, UsageLimit

DAYS = 30
CHAT = Q(kind=UsageKind.CHAT)


def usage_by_day(user: User, *, days: int = DAYS, now: datetime | None = None) -> list[dict[str, Any]]:
    """The days on which a user asked something, newest first."""
    rows = (
        _entries(user, days, now)
        .annotate(day=TruncDate("asked_at", tzinfo=zone()))
        .values("day")
        .annotate(
            questions=Count("pk", filter=CHAT),
            # before the two below, whose names would be taken for its columns
            evaluation_tokens=Coalesce(Sum(TOKENS, filter=~CHAT), 0, output_field=BigIntegerField()),
            prompt_tokens=Coalesce(Sum("prompt_tokens", filter=CHAT), 0, output_field=BigIntegerField()),
            completion_tokens=Coalesce(
                Sum("completion_tokens", filter=CHAT), 0, output_field=BigIntegerField()
            ),
        )
        .order_by("-day")
    )
    return [dict(row) for row in rows]


def usage_by_model(user: User, *, days: int = DAYS, now: datetime | None = None) -> list[dict[str, Any]]:
    """The models that a user asked, with the LLM that answered, the dearest first.

    A model has the name that it had when it was asked.
    """
    rows = (
        _entries(user, days, now)
        .values("kind", "collection_id", "collection_name", "llm_provider", "llm_model_name")
        .annotate(
            questions=Count("pk"),
            prompt_tokens=Sum("prompt_tokens"),
            completion_tokens=Sum("completion_tokens"),
            estimated=Count("pk", filter=Q(estimated=True)),
        )
        .order_by("-completion_tokens", "-prompt_tokens", "-questions", "collection_name", "collection_id")
    )
    return [dict(row) for row in rows]


def users_with_usage(actor: User) -> QuerySet[User]:
    """Everybody with what he asked today and in DAYS days; nobody for plain users."""
    if not actor.is_admin:
        return User.objects.none()
    own = UsageLimit.objects.filter(user__isnull=False)
    return (
        users_visible_to(actor)
        .annotate(**_sums("user", "pk"))
        .prefetch_related(Prefetch("usage_limits", own, to_attr="own_limits"))
    )


def groups_with_usage(actor: User) -> QuerySet[Group]:
    """The groups with what those who are in them now asked; none for plain users."""
    return (
        groups_with_users(actor)
        .prefetch_related(None)
        .annotate(**_sums("user__groups", "pk"))
        .prefetch_related("usage_limits")
    )


def limits_of_user(user: User) -> UsageLimit:
    """The limit that is his alone; one that sets nothing where there is none."""
    return UsageLimit.objects.filter(user=user).first() or UsageLimit(user=user)


def limits_of_group(group: Group) -> dict[str, UsageLimit]:
    """The limits that a group sets, under `each` and `together`, in the same way."""
    found = {row.together: row for row in group.usage_limits.all()}  # type: ignore[attr-defined]
    return {
        name: found.get(together) or UsageLimit(group=group, together=together)
        for name, together in (("each", False), ("together", True))
    }


def _entries(user: User, days: int, now: datetime | None) -> QuerySet[UsageEntry]:
    since = day_start(now or timezone.now(), back=days - 1)
    return UsageEntry.objects.filter(user=user, asked_at__gte=since).order_by()


def _sums(owner: str, of: str) -> dict[str, Any]:
    """Questions and tokens of today and of DAYS days, and what evaluation cost, per owner."""
    now = timezone.now()
    today, month = day_start(now), day_start(now, back=DAYS - 1)
    return {
        "questions_today": _sum(owner, of, today, CHAT, Count("pk")),
        "tokens_today": _sum(owner, of, today, CHAT, Sum(TOKENS)),
        "questions_30_days": _sum(owner, of, month, CHAT, Count("pk")),
        "tokens_30_days": _sum(owner, of, month, CHAT, Sum(TOKENS)),
        "evaluation_tokens_30_days": _sum(owner, of, month, ~CHAT, Sum(TOKENS)),
    }


def _sum(owner: str, of: str, since: datetime, kind: Q, total: Any) -> Coalesce:
    entries = UsageEntry.objects.filter(kind, asked_at__gte=since, **{owner: OuterRef(of)}).order_by()
    rows = entries.values(owner).annotate(total=total).values("total")
    return Coalesce(Subquery(rows), 0, output_field=BigIntegerField())
