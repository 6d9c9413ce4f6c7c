"""Which limits bind somebody, how much of each is used, and the refusal when one is reached."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import User
from chat.usage.days import day_end, day_start
from chat.usage.models import UsageEntry, UsageKind, UsageLimit
from config.errors import ErrorCode, VerbatimError

What = Literal["messages_per_minute", "tokens_per_day"]
WHATS: tuple[What, ...] = ("messages_per_minute", "tokens_per_day")
MINUTE = timedelta(seconds=60)
WARN_FROM = 0.8
TOKENS = F("prompt_tokens") + F("completion_tokens")


@dataclass(frozen=True)
class Bound:
    """A limit that binds somebody.

    Attributes:
        source: where it comes from: `user` (his own), `group` (each member of a group), `default` (the
            deployment), or `group_together` (shared with the other members).
        group: the group's name, where a group sets it.
    """

    what: What
    limit: int
    source: Literal["user", "group", "default", "group_together"]
    group_id: int | None = None
    group: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether what others ask counts too."""
        return self.source == "group_together"


@dataclass(frozen=True)
class LimitState:
    """How much of a limit is used.

    Attributes:
        resets_at: when there is room again: the next day's begin, or for the minute the moment at which
            one more message may be sent (now, while there is room).
    """

    bound: Bound
    used: int
    resets_at: datetime

    @property
    def is_reached(self) -> bool:
        return self.used >= self.bound.limit

    @property
    def is_near(self) -> bool:
        """Whether to warn: four fifths of a day's tokens are used. A minute is over too soon for that."""
        return self.bound.what == "tokens_per_day" and self.used >= WARN_FROM * self.bound.limit

    def as_dict(self) -> dict[str, Any]:
        """For clients."""
        return {
            "what": self.bound.what,
            "limit": self.bound.limit,
            "used": self.used,
            "source": self.bound.source,
            "group": self.bound.group or None,
            "reached": self.is_reached,
            "warning": self.is_near,
            "resets_at": self.resets_at,
        }


def bounds_of(user: User) -> list[Bound]:
    """The limits that bind a user, whatever his role.

    For messages and for tokens: what is set for him, else the most generous of what his groups set for each
    member, else the deployment's default. What a group has together always binds as well.
    """
    of_his_groups = Q(group__in=user.groups.all())
    rows = list(UsageLimit.objects.filter(Q(user=user) | of_his_groups).select_related("group"))
    own = [row for row in rows if row.user_id]
    each = [row for row in rows if row.group_id and not row.together]
    found: list[Bound] = []
    for what in WHATS:
        own_set, each_set = _that_set(what, own), _that_set(what, each)
        if own_set:
            found.append(_bound(what, own_set[0], "user"))
        elif each_set:
            most = max(each_set, key=lambda row: getattr(row, what) or math.inf)
            found.append(_bound(what, most, "group"))
        else:
            found.append(Bound(what, int(getattr(settings, what.upper())), "default"))
        found += [_bound(what, row, "group_together") for row in _that_set(what, rows) if row.together]
    return [bound for bound in found if bound.limit]  # 0: no limit


def states_of(user: User, *, now: datetime | None = None) -> list[LimitState]:
    """The limits that bind a user, and how much of each is used."""
    return _states(bounds_of(user), user, now or timezone.now())


def require_room(user: User) -> None:
    """Let one more question pass. Called with the user's row locked, in the transaction that records it.

    What a group has together per minute is counted with the group's row locked: the questions of its members
    wait for each other for the few milliseconds that storing one takes.

    Raises:
        VerbatimError: MESSAGE_RATE_EXCEEDED or TOKEN_QUOTA_EXCEEDED, with `retry_after`.
    """
    bounds = bounds_of(user)
    shared = [bound for bound in bounds if bound.is_shared and bound.what == "messages_per_minute"]
    if shared:
        rows = UsageLimit.objects.filter(together=True, group__in=[bound.group_id for bound in shared])
        list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    now = timezone.now()  # after the locks: what others have recorded meanwhile is not in the future
    reached = [state for state in _states(bounds, user, now) if state.is_reached]
    if reached:
        raise _refusal(max(reached, key=lambda state: state.resets_at), now)


def in_words(wait: timedelta) -> str:
    """How long that is: "40 seconds", "5 minutes", "7 hours"."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    if seconds < 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = math.ceil(seconds / 60)
    if minutes < 90:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{round(minutes / 60)} hours"


def _that_set(what: What, rows: list[UsageLimit]) -> list[UsageLimit]:
    return [row for row in rows if getattr(row, what) is not None]


def _bound(what: What, row: UsageLimit, source: Any) -> Bound:
    return Bound(what, getattr(row, what), source, row.group_id, row.group.name if row.group else "")


def _states(bounds: list[Bound], user: User, now: datetime) -> list[LimitState]:
    """One query for what is his own, one for each group that has something together."""
    states = []
    for group_id in dict.fromkeys(bound.group_id if bound.is_shared else None for bound in bounds):
        mine = [one for one in bounds if (one.group_id if one.is_shared else None) == group_id]
        begun, minute = day_start(now), now - MINUTE
        since = min(begun, minute) if any(one.what == "tokens_per_day" for one in mine) else minute
        used = (
            _counted(mine[0], user)
            .filter(asked_at__gte=since)
            .aggregate(
                messages_per_minute=Count("pk", filter=Q(asked_at__gt=minute)),
                tokens_per_day=Sum(TOKENS, filter=Q(asked_at__gte=begun)),
            )
        )
        states += [_state(bound, user, now, used[bound.what] or 0) for bound in mine]
    return states


def _state(bound: Bound, user: User, now: datetime, used: int) -> LimitState:
    if bound.what == "tokens_per_day":
        return LimitState(bound, used, day_end(now))
    if used < bound.limit:
        return LimitState(bound, used, now)
    asked = _counted(bound, user).filter(asked_at__gt=now - MINUTE).order_by("-asked_at")
    # the first place becomes free when this one of the newest is a minute old
    oldest = asked.values_list("asked_at", flat=True)[bound.limit - 1 : bound.limit]
    return LimitState(bound, used, max(oldest, default=now) + MINUTE)


def _counted(bound: Bound, user: User) -> QuerySet[UsageEntry]:
    """What counts towards a limit. For what a group has together: of those who are in it now."""
    whose = Q(user__groups=bound.group_id) if bound.is_shared else Q(user=user)
    return UsageEntry.objects.filter(whose, kind=UsageKind.CHAT)


def _refusal(state: LimitState, now: datetime) -> VerbatimError:
    bound = state.bound
    wait = max(1, math.ceil((state.resets_at - now).total_seconds()))
    who, whose = (f"The group “{bound.group}” has", "its") if bound.is_shared else ("You have", "your")
    if bound.what == "messages_per_minute":
        code = ErrorCode.MESSAGE_RATE_EXCEEDED
        questions = "1 question" if bound.limit == 1 else f"{bound.limit:,} questions"
        message = f"{who} asked {questions} within a minute, as many as {whose} limit allows."
        step = f"Ask again in {wait} s."
    else:
        code = ErrorCode.TOKEN_QUOTA_EXCEEDED
        message = f"{who} used {state.used:,} of {whose} {bound.limit:,} tokens for today."
        begins = f"{state.resets_at:%H:%M} ({settings.DAY_TIME_ZONE})"
        left = in_words(state.resets_at - now)
        step = f"The next day begins at {begins}, in {left}; an administrator can raise the limit."
    details = {
        "limit": bound.limit,
        "used": state.used,
        "scope": "group" if bound.is_shared else "yours",
        "resets_at": state.resets_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "retry_after": wait,
    }
    if bound.is_shared:
        details["group"] = bound.group
    return VerbatimError(code, message, details=details, next_step=step, retry_after=wait)
