"""THE rules: who may see and who may manage a collection. Nobody else filters by user.

superadmin and admin see and manage all; a user sees what was given to him or to a group of his. Access to
a collection covers its documents, their passages and their originals, and nothing else does.
"""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from accounts.models import User
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError


def visible_to(user: User | AnonymousUser) -> QuerySet[Collection]:
    """The collections that the user may use, each once. Empty for the anonymous and the deactivated."""
    if not isinstance(user, User) or not user.is_active:
        return Collection.objects.none()
    if user.is_admin:
        return Collection.objects.all()
    granted = Q(users=user) | Q(groups__in=user.groups.all())
    return Collection.objects.filter(
        pk__in=Collection.objects.filter(granted).values("pk")  # no duplicates, and no DISTINCT to carry on
    )


def allowed(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Of pairs of a user's and a collection's id those in which `visible_to` has the collection for the user.

    Four statements, however many pairs; a test holds both functions together.
    """
    users, collections = {user for user, _ in pairs}, {collection for _, collection in pairs}
    active = User.objects.filter(pk__in=users, is_active=True)
    admins = {user.pk for user in active if user.is_admin}
    existing = Collection.objects.filter(pk__in=collections)
    by_role = set(existing.values_list("pk", flat=True)) if admins else set()
    granted = set(existing.filter(users__in=active).values_list("users", "pk"))
    granted |= set(existing.filter(groups__user__in=active).values_list("groups__user", "pk"))
    return {
        (user, one) for user, one in pairs if (user, one) in granted or (user in admins and one in by_role)
    }


def manageable_by(user: User | AnonymousUser) -> QuerySet[Collection]:
    """The collections whose settings, documents and access the user may change."""
    visible = visible_to(user)
    return visible if isinstance(user, User) and user.is_admin else visible.none()


def get_for(user: User | AnonymousUser, collection_id: int) -> Collection:
    """The collection, for use.

    Raises:
        VerbatimError: NOT_FOUND, for a stranger as for an id that does not exist.
    """
    collection = visible_to(user).filter(pk=collection_id).first()
    if collection is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return collection


def get_managed(user: User | AnonymousUser, collection_id: int) -> Collection:
    """The collection, for a change.

    Raises:
        VerbatimError: NOT_FOUND for a stranger, PERMISSION_DENIED for a member without the right.
    """
    collection = get_for(user, collection_id)
    require_manager(user)
    return collection


def require_manager(user: User | AnonymousUser) -> None:
    """Let admins pass, for actions that name no collection yet (creating one).

    Raises:
        VerbatimError: PERMISSION_DENIED.
    """
    if not (isinstance(user, User) and user.is_active and user.is_admin):
        raise VerbatimError(ErrorCode.PERMISSION_DENIED)
