"""Groups of people (Django's own), to whom models are given. Only admins change them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import User
from config import events, names
from config.errors import ErrorCode, VerbatimError


def group_create(*, actor: User, name: str, user_ids: Iterable[int] = ()) -> Group:
    """Create a group with these people in it.

    Raises:
        VerbatimError: PERMISSION_DENIED; VALIDATION_ERROR for a name that is taken or ids that do not exist.
    """
    _require_admin(actor)
    people = _people(user_ids)
    with transaction.atomic():
        group = Group(name=name)
        _save(group)
        group.user_set.set(people)
        audit.record(actor, "group.created", group, user_ids=sorted(user.pk for user in people))
    return group


def group_update(*, actor: User, group: Group, **changes: Any) -> Group:
    """Change a group's `name` or `user_ids` (the whole set). Access follows at once.

    Raises:
        VerbatimError: as `group_create`.
    """
    _require_admin(actor)
    with transaction.atomic():
        if "name" in changes:
            group.name = changes["name"]
            _save(group)
        if "user_ids" in changes:
            group.user_set.set(_people(changes["user_ids"]))
            events.publish(events.ACCESS_GROUP, "access.changed")
        audit.record(
            actor, "group.updated", group, user_ids=sorted(group.user_set.values_list("pk", flat=True))
        )
    return group


def group_delete(*, actor: User, group: Group) -> None:
    """Delete a group; its people lose what was given to it.

    Raises:
        VerbatimError: PERMISSION_DENIED.
    """
    _require_admin(actor)
    with transaction.atomic():
        audit.record(actor, "group.deleted", group)
        group.delete()
        events.publish(events.ACCESS_GROUP, "access.changed")


def user_groups_set(*, actor: User, user: User, groups: Iterable[Group]) -> None:
    """Set which groups a user is in. Access follows at once.

    Raises:
        VerbatimError: PERMISSION_DENIED.
    """
    _require_admin(actor)
    with transaction.atomic():
        user.groups.set(groups)
        joined = list(user.groups.order_by("name").values_list("name", flat=True))
        audit.record(actor, "user.groups_set", user, groups=joined)
        events.publish(events.ACCESS_GROUP, "access.changed")


def _require_admin(actor: User) -> None:
    if not (actor.is_active and actor.is_admin):
        raise VerbatimError(ErrorCode.PERMISSION_DENIED)


def _people(user_ids: Iterable[int]) -> list[User]:
    wanted = set(user_ids)
    found = list(User.objects.filter(pk__in=wanted))
    missing = sorted(wanted - {user.pk for user in found})
    if missing:
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"user_ids": [f"No such user: {pk}" for pk in missing]}
        )
    return found


def _save(group: Group) -> None:
    if names.is_deceptive(group.name):
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={"name": [names.REFUSAL]})
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"name": ["A group with this name exists."]}
        ) from error
