"""The pages about usage: one's own, and for admins everybody's sums."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.permissions import caller
from chat.usage import selectors
from chat.usage.days import zone
from chat.usage.limits import LimitState, in_words, states_of
from chat.usage.models import UsageKind
from collections_app.models import Provider
from config.errors import ErrorCode, VerbatimError
from config.pages import page

TITLES = {
    "messages_per_minute": "Questions{of} in the last minute",
    "tokens_per_day": "Tokens{of} today",
}


@page
@require_GET
def own(request: HttpRequest) -> HttpResponse:
    """What I asked in 30 days, and how much of my limits is used."""
    user, now = caller(request), timezone.now()
    days = [_with_tokens(row) for row in selectors.usage_by_day(user, now=now)]
    today = now.astimezone(zone()).date()
    context = {
        "nav": "usage",
        "time_zone": settings.DAY_TIME_ZONE,
        "limits": [_limit(state, now) for state in states_of(user, now=now)],
        "today": next((row for row in days if row["day"] == today), None),
        "today_date": today,
        "days": days,
        "most": max((row["tokens"] for row in days), default=0),
        "evaluated": any(row["evaluation_tokens"] for row in days),
        "models": [_model(row) for row in selectors.usage_by_model(user, now=now)],
    }
    return render(request, "usage.html", context)


@page
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """Sums of users and groups, for admins."""
    user = caller(request)
    if not user.is_admin:
        raise VerbatimError(ErrorCode.PERMISSION_DENIED)
    data = {"is_superadmin": user.is_superuser, "days": selectors.DAYS}
    return render(request, "usage_people.html", {"nav": "users", "tab": "usage", "page_data": data})


def _limit(state: LimitState, now: Any) -> dict[str, Any]:
    bound = state.bound
    waits = bound.what == "tokens_per_day" or state.is_reached
    return {
        "title": TITLES[bound.what].format(of=f" of {bound.group}" if bound.is_shared else ""),
        "is_day": bound.what == "tokens_per_day",
        "used": f"{state.used:,}",
        "of": f"{bound.limit:,}",
        "value": min(state.used, bound.limit),
        "limit": bound.limit,
        "percent": state.used * 100 // bound.limit,
        "look": "bad" if state.is_reached else "warn" if state.is_near else "",
        "source": {
            "user": "Your own limit",
            "group": f"For each member of {bound.group}",
            "default": "For everybody here",
            "group_together": f"Shared by all members of {bound.group}",
        }[bound.source],
        "wait": in_words(state.resets_at - now) if waits else "",
    }


def _with_tokens(row: dict[str, Any]) -> dict[str, Any]:
    tokens = row["prompt_tokens"] + row["completion_tokens"]
    return row | {
        "tokens": tokens,
        "tokens_shown": f"{tokens:,}",
        "questions_shown": f"{row['questions']:,}",
        "evaluation_shown": f"{row['evaluation_tokens']:,}",
    }


def _model(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["collection_name"],
        "deleted": row["collection_id"] is None,
        "evaluation": row["kind"] == UsageKind.EVALUATION,
        "llm": Provider.in_words(row["llm_provider"], row["llm_model_name"]),
        "questions": f"{row['questions']:,}",
        "prompt": f"{row['prompt_tokens']:,}",
        "completion": f"{row['completion_tokens']:,}",
        "estimated": f"{row['estimated']:,}" if row["estimated"] else "",
    }
