"""What can be read about models: with their numbers, and who may use one and why."""

from dataclasses import dataclass, field

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from accounts.models import Role, User
from collections_app import access
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError


@dataclass
class Grant:
    """Somebody who may use a model, and why.

    Attributes:
        user: who.
        direct: it was given to him.
        groups: names of his groups to which it was given.
        by_role: he is an admin or superadmin, who may use every model.
    """

    user: User
    direct: bool = False
    groups: list[str] = field(default_factory=list)
    by_role: bool = False


def collections_with_counts(user: User | AnonymousUser) -> QuerySet[Collection]:
    """The models that the user may use, with `user_count`, `document_count` and `chunk_count`.

    `user_count` counts the active people to whom the model was given, directly or through a group, each once;
    admins, who may use every model, count only if it was given to them. Documents of chats do not count.
    """
    own = Q(documents__session_id__isnull=True)
    counted = access.visible_to(user).annotate(
        user_count=Coalesce(Subquery(_number_of_people(), output_field=IntegerField()), 0),
        document_count=Count("documents", filter=own),
        chunk_count=Coalesce(Sum("documents__chunk_count", filter=own), 0),
    )
    return counted.order_by("name")  # Django drops a model's own ordering where it groups


def collection_with_counts(user: User | AnonymousUser, collection_id: int) -> Collection:
    """One of them.

    Raises:
        VerbatimError: NOT_FOUND.
    """
    collection = collections_with_counts(user).filter(pk=collection_id).first()
    if collection is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return collection


def access_explained(collection: Collection) -> list[Grant]:
    """Everybody who may use the model and why, by e-mail address; three queries, however many they are.

    The deactivated are left out: they may use nothing.
    """
    direct = set(collection.users.values_list("pk", flat=True))
    names: dict[int, list[str]] = {}
    for user_id, name in collection.groups.order_by("name").values_list("user", "name"):
        names.setdefault(user_id, []).append(name)
    people = User.objects.filter(
        Q(pk__in=direct) | Q(pk__in=names) | Q(role__in=(Role.ADMIN, Role.SUPERADMIN)), is_active=True
    )
    return [
        Grant(user=user, direct=user.pk in direct, groups=names.get(user.pk, []), by_role=user.is_admin)
        for user in people.order_by("email")
    ]


def _number_of_people() -> QuerySet:
    """A subquery for each collection: how many active people it was given to."""
    collection_id = OuterRef(OuterRef("pk"))
    direct = Collection.users.through.objects.filter(collection_id=collection_id).values("user_id")
    by_group = User.groups.through.objects.filter(group__granted_collections=collection_id).values("user_id")
    people = User.objects.filter(Q(pk__in=direct) | Q(pk__in=by_group), is_active=True).order_by()
    return people.annotate(one=Value(1)).values("one").annotate(number=Count("pk")).values("number")
