"""What can be read about people."""

from importlib import import_module

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet

from accounts.models import User
from config.errors import ErrorCode, VerbatimError


def users_visible_to(actor: User) -> QuerySet[User]:
    """Everybody for admins; oneself for the others."""
    return User.objects.all() if actor.is_admin else User.objects.filter(pk=actor.pk)


def user_for(actor: User, user_id: int) -> User:
    """A user whom the actor may see.

    Raises:
        VerbatimError: NOT_FOUND, for a stranger as for an id that does not exist.
    """
    user = users_visible_to(actor).filter(pk=user_id).first()
    if user is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return user


def groups_with_users(actor: User) -> QuerySet[Group]:
    """The groups, each with its people and `user_count`; none for plain users."""
    if not actor.is_admin:
        return Group.objects.none()
    return Group.objects.annotate(user_count=Count("user")).prefetch_related("user_set").order_by("name")


def group_for(actor: User, group_id: int) -> Group:
    """A group that the actor manages.

    Raises:
        VerbatimError: NOT_FOUND.
    """
    group = groups_with_users(actor).filter(pk=group_id).first()
    if group is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return group


def page_session_ended(session_key: str) -> bool:
    """Whether a page session was signed out of, or ran out; an empty key stands for none that could end."""
    if not session_key:
        return False
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    store.load()  # `exists` would still find one that ran out
    return store.session_key is None
