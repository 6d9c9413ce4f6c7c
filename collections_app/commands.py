"""Who and what a management command is about, from its arguments."""

from django.core.management.base import CommandError

from accounts.models import Role, User
from collections_app import access
from collections_app.models import Collection

WRONG_USE = 2  # exit code


def named_actor(email: str | None) -> User:
    """The active person of that address, else the first superadmin.

    Raises:
        CommandError: nobody; the exit code is WRONG_USE.
    """
    people = User.objects.filter(is_active=True)
    if email:
        actor = people.filter(email__iexact=email).first()
    else:
        actor = people.filter(role=Role.SUPERADMIN).order_by("pk").first()
    if actor is None:
        raise CommandError(
            f"There is no active user {email}."
            if email
            else "There is no superadmin; name somebody by --as.",
            returncode=WRONG_USE,
        )
    return actor


def named_collection(actor: User, named: str) -> Collection:
    """A model that the actor manages, by name, else by id.

    Raises:
        CommandError: none; the exit code is WRONG_USE.
    """
    rows = access.manageable_by(actor)
    collection = rows.filter(name=named).first()
    if collection is None and named.isascii() and named.isdigit() and len(named) < 19:
        collection = rows.filter(pk=int(named)).first()
    if collection is None:
        raise CommandError(
            f"{actor.email} manages no model {named!r}. Check its name; --as names another person.",
            returncode=WRONG_USE,
        )
    return collection
