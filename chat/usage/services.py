"""What changes the ledger and the limits."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from chat.engine.tokens import estimate_tokens
from chat.models import Message
from chat.usage.limits import WHATS, require_room
from chat.usage.meter import Spent
from chat.usage.models import UsageEntry, UsageKind, UsageLimit
from collections_app.models import Collection, Provider
from config.errors import ErrorCode, VerbatimError

KEEP = timedelta(days=366)


def asker_locked(user_id: int) -> User:
    """The row of who asks, held until the transaction ends: his questions are counted one after the other.

    Take it before a session's row, as the deletion of a user does.

    Raises:
        VerbatimError: NOT_FOUND once he is deleted.
    """
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return user


def usage_open(*, answer: Message, collection: Collection) -> UsageEntry:
    """Enter an answer that is asked for, in the transaction that stores it; all doors pass through here.

    Raises:
        VerbatimError: MESSAGE_RATE_EXCEEDED, TOKEN_QUOTA_EXCEEDED; NOT_FOUND when the asker is gone.
    """
    user = answer.session.user = asker_locked(answer.session.user_id)  # as he is now
    require_room(user)
    return UsageEntry.objects.create(
        user=user,
        collection=collection,
        collection_name=collection.name,
        message_id=answer.pk,
        llm_provider=answer.llm_provider,
        llm_model_name=answer.llm_model_name,
    )


def usage_settle(*, message_id: int, spent: Spent) -> None:
    """Enter what an answer cost, however it ended, and whether or not its chat still exists."""
    UsageEntry.objects.filter(message_id=message_id).update(
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        estimated=spent.estimated,
    )


def usage_settle_lost(*, answer: Message, prompt_tokens: int, written: str) -> None:
    """Estimate what an answer cost whose process died before it could say so.

    Args:
        prompt_tokens: of its prompt, as estimated when that was made; 0 when it came not so far.
        written: what had arrived of it.
    """
    if answer.llm_provider == Provider.EXTRACTIVE:
        return
    entries = UsageEntry.objects.filter(message_id=answer.pk, prompt_tokens=0, completion_tokens=0)
    entries.update(prompt_tokens=prompt_tokens, completion_tokens=estimate_tokens(written), estimated=True)


def usage_record_evaluation(*, user: User, collection: Collection, spent: Spent) -> None:
    """Enter an answer of an evaluation run. It is neither refused nor counted towards a limit."""
    UsageEntry.objects.create(
        user=user,
        kind=UsageKind.EVALUATION,
        collection=Collection.objects.filter(pk=collection.pk).first(),  # may be deleted meanwhile
        collection_name=collection.name,
        llm_provider=collection.llm_provider,
        llm_model_name=collection.llm_model_name,
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        estimated=spent.estimated,
    )


def usage_forget() -> int:
    """Delete entries that are older than a year and a day. Returns how many."""
    return UsageEntry.objects.filter(asked_at__lt=timezone.now() - KEEP).delete()[0]


def limit_set(
    *,
    actor: User,
    user: User | None = None,
    group: Group | None = None,
    together: bool = False,
    messages_per_minute: int | None,
    tokens_per_day: int | None,
) -> None:
    """Set the limit of a user, of each member of a group, or of a group together.

    Args:
        actor: an admin; for the limit of a superadmin, a superadmin.
        user, group: whose; one of the two.
        messages_per_minute, tokens_per_day: 0 for no limit; None for what holds where this sets nothing.

    Raises:
        VerbatimError: PERMISSION_DENIED, SUPERADMIN_PROTECTED.
    """
    _require_may_limit(actor, user)
    target = user or group
    if target is None:
        raise TypeError("limit_set needs a user or a group")
    values = {"messages_per_minute": messages_per_minute, "tokens_per_day": tokens_per_day}
    whose: dict[str, Any] = {"user": user, "group": group, "together": together}
    with transaction.atomic():
        row = UsageLimit.objects.select_for_update().filter(**whose).first()
        before = {what: getattr(row, what) if row else None for what in WHATS}
        if before == values:
            return
        if set(values.values()) == {None}:
            UsageLimit.objects.filter(**whose).delete()
        else:
            UsageLimit.objects.update_or_create(**whose, defaults=values)
        audit.record(actor, "usage_limit.set", target, together=together, before=before, after=values)


def _require_may_limit(actor: User, user: User | None) -> None:
    if not (actor.is_active and actor.is_admin):
        raise VerbatimError(ErrorCode.PERMISSION_DENIED)
    if user is not None and user.is_superuser and not actor.is_superuser:
        raise VerbatimError(
            ErrorCode.SUPERADMIN_PROTECTED, next_step="Only a superadmin sets the limit of a superadmin."
        )
