"""Models as clients of the OpenAI protocol name them: by the collection's name, or by its id."""

from typing import Any

from accounts.models import User
from collections_app import access
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError

MAX_ID_DIGITS = 18


def models_for(user: User) -> list[dict[str, Any]]:
    """The models that the user may use."""
    return [as_model(collection) for collection in access.visible_to(user).order_by("name")]


def as_model(collection: Collection) -> dict[str, Any]:
    """The protocol's model object, with the collection's own id and description beside it."""
    return {
        "id": public_id(collection),
        "object": "model",
        "created": int(collection.created_at.timestamp()),
        "owned_by": "verbatim",
        "verbatim": {"id": collection.pk, "description": collection.description},
    }


def public_id(collection: Collection) -> str:
    """What `model_named` finds it by: the name, but the id where the name could be another's id."""
    return str(collection.pk) if collection.name.isdecimal() else collection.name


def model_named(user: User, name: str) -> Collection:
    """The collection of this name or id.

    Raises:
        VerbatimError: MODEL_NOT_FOUND, for one that the user may not use as for one that does not exist;
            VALIDATION_ERROR when the number is one's id and another's name.
    """
    visible = access.visible_to(user)
    found = list(visible.filter(name=name))
    if name.isdecimal() and name.isascii() and len(name) <= MAX_ID_DIGITS:
        found += [one for one in visible.filter(pk=int(name)) if one not in found]
    if not found:
        raise VerbatimError(ErrorCode.MODEL_NOT_FOUND, details={"model": [repr(name[:120])]})
    if len(found) > 1:
        ways = " or ".join(f"{public_id(one)!r} (id {one.pk})" for one in found)
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={"model": [f"It fits two: say {ways}."]})
    return found[0]
