"""Who may upload where: managers to a model, whoever may use it to a chat of his own."""

import uuid
from collections.abc import Callable

from accounts.models import User
from collections_app import access
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError

SessionCheck = Callable[[User, Collection, uuid.UUID], None]
_check: SessionCheck | None = None


def set_session_check(check: SessionCheck) -> None:
    """Let the app that knows chats say whose they are; it raises when one is not for user and model."""
    global _check
    _check = check


def require(user: User, collection_id: int, session_id: uuid.UUID | None) -> Collection:
    """The collection, if the user may upload to it, or to this chat about it.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED.
    """
    if session_id is None:
        return access.get_managed(user, collection_id)
    collection = access.get_for(user, collection_id)
    if _check is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    _check(user, collection, session_id)
    return collection
