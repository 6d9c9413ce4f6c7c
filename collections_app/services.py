"""What changes models (in code: collections): creating, changing, deleting, giving access, rotating keys."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import User
from collections_app import access, keys, signals, validation
from collections_app.models import Collection
from collections_app.validation import EDITABLE
from config import events
from config.deletion import until_deleted
from config.errors import ErrorCode, VerbatimError

LONG_TEXTS = {"description", "system_prompt", "suggested_questions"}  # the ledger says only that they changed


def collection_create(*, actor: User, api_key: str = "", **fields: Any) -> Collection:
    """Create a model. It is private until `access_set` gives it to somebody.

    Args:
        actor: an admin.
        api_key: for the LLM; stored encrypted.
        fields: any of EDITABLE; `name` is required.

    Raises:
        VerbatimError: PERMISSION_DENIED; VALIDATION_ERROR with one entry per field.
    """
    access.require_manager(actor)
    collection = Collection(
        created_by=actor,
        embedding_model=settings.EMBEDDING_MODEL,
        embedding_dimension=settings.EMBEDDING_DIMENSION,
    )
    _assign(collection, fields)
    if api_key:
        validation.check_key(api_key)
        keys.put(collection, api_key)
    validation.check(collection)
    with transaction.atomic():
        _save(collection)
        audit.record(actor, "model.created", collection, provider=collection.llm_provider)
        if api_key:
            audit.record(actor, "model.key_set", collection)
    return collection


def collection_update(*, actor: User, collection: Collection, **changes: Any) -> Collection:
    """Change a model.

    Args:
        actor: an admin.
        collection: which.
        changes: any of EDITABLE, and `api_key`: "" clears it, absent leaves it. A change of the provider or
            of the base URL's scheme, host or port clears it too, unless a new one comes along. Another
            `text_search_config` holds at once where there are no documents, else when they are rebuilt.

    Raises:
        VerbatimError: PERMISSION_DENIED, NOT_FOUND, VALIDATION_ERROR; for another language also
            REBUILD_RUNNING and ORIGINALS_MISSING.
    """
    api_key = changes.pop("api_key", None)
    with transaction.atomic():
        current = _locked(actor, collection)
        before = {name: getattr(current, name) for name in changes}
        goes_to = keys.destination(current.llm_provider, current.llm_base_url)
        _assign(current, changes)
        if api_key:
            validation.check_key(api_key)
        validation.check(current)
        language = _language_apart(current, before)
        moved = keys.destination(current.llm_provider, current.llm_base_url) != goes_to
        key_event = _apply_key(current, api_key, moved=moved)
        changed = [name for name, value in before.items() if getattr(current, name) != value]
        columns = [*changed, "updated_at", *(["api_key", "api_key_hint"] if key_event else [])]
        _save(current, update_fields=columns)
        if changed:
            audit.record(actor, "model.updated", current, **_facts(before, current, changed))
        if key_event:
            audit.record(actor, key_event, current)
        if language:
            signals.language_wanted.send(
                Collection, actor=actor, collection=current, text_search_config=language
            )
    return current


def collection_delete(*, actor: User, collection: Collection) -> None:
    """Delete a model with its documents, their passages, and the chats held with it.

    Raises:
        VerbatimError: PERMISSION_DENIED, NOT_FOUND.
    """

    def delete() -> None:
        current = _locked(actor, collection)
        audit.record(actor, "model.deleted", current)
        current.delete()
        events.publish(events.ACCESS_GROUP, "access.changed", collection_id=collection.pk)

    until_deleted(delete)


def access_set(
    *,
    actor: User,
    collection: Collection,
    user_ids: Iterable[int] | None = None,
    group_ids: Iterable[int] | None = None,
) -> Collection:
    """Set who may use a model. Whoever loses it loses it at once, on open sockets too.

    Args:
        actor: an admin.
        collection: which.
        user_ids: all the people to whom it is given directly; None leaves them as they are.
        group_ids: all the groups to which it is given; None leaves them as they are.

    Raises:
        VerbatimError: PERMISSION_DENIED, NOT_FOUND; VALIDATION_ERROR that names the unknown ids.
    """
    with transaction.atomic():
        current = _locked(actor, collection)
        details: dict[str, list[str]] = {}
        users = None if user_ids is None else _known(User, user_ids, "user", details)
        groups = None if group_ids is None else _known(Group, group_ids, "group", details)
        if details:
            raise VerbatimError(ErrorCode.VALIDATION_ERROR, details=details)
        if users is not None:
            current.users.set(users)
        if groups is not None:
            current.groups.set(groups)
        audit.record(
            actor,
            "model.access_set",
            current,
            user_ids=sorted(current.users.values_list("pk", flat=True)),
            group_ids=sorted(current.groups.values_list("pk", flat=True)),
        )
        events.publish(events.ACCESS_GROUP, "access.changed", collection_id=current.pk)
    return current


def keys_rotate() -> tuple[int, list[Collection]]:
    """Encrypt every stored key anew with the first of FERNET_KEYS, all in one transaction.

    Returns:
        How many were encrypted anew, and the models whose key none of FERNET_KEYS opens (left as they are).
    """
    done, unreadable = 0, []
    with transaction.atomic():
        for collection in Collection.objects.select_for_update().filter(api_key__isnull=False):
            if collection.api_key_unreadable:
                unreadable.append(collection)
                continue
            collection.save(update_fields=["api_key"])
            done += 1
        audit.record(None, "model.keys_rotated", "", done=done, unreadable=[c.pk for c in unreadable])
    return done, unreadable


def _assign(collection: Collection, fields: dict[str, Any]) -> None:
    unknown = set(fields) - EDITABLE
    if unknown:
        raise TypeError(f"a model has no editable {sorted(unknown)}")
    for name, value in fields.items():
        setattr(collection, name, value.strip() if name in ("name", "llm_base_url") else value)


def _language_apart(current: Collection, before: dict[str, Any]) -> str:
    """The language that was set, if it is another one; the row keeps its own until the documents follow."""
    wanted, present = current.text_search_config, before.get("text_search_config")
    if present is None or wanted == present:
        return ""
    current.text_search_config = present
    return wanted


def _apply_key(collection: Collection, api_key: str | None, *, moved: bool) -> str:
    """Set, clear or keep the key; the name of what happened, empty when nothing did."""
    stored = collection.has_api_key or collection.api_key_unreadable
    if api_key:
        keys.put(collection, api_key)
        return "model.key_set"
    if stored and (api_key == "" or moved):
        keys.put(collection, "")
        return "model.key_cleared"
    return ""


def _facts(before: dict[str, Any], current: Collection, changed: list[str]) -> dict[str, Any]:
    return {
        name: "changed" if name in LONG_TEXTS else {"from": before[name], "to": getattr(current, name)}
        for name in changed
    }


def _locked(actor: User, collection: Collection) -> Collection:
    access.get_managed(actor, collection.pk)
    current = Collection.objects.select_for_update().filter(pk=collection.pk).first()
    if current is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return current


def _save(collection: Collection, **options: Any) -> None:
    try:
        with transaction.atomic():
            collection.save(**options)
    except IntegrityError as error:  # somebody took the name since it was checked
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"name": ["A model with this name exists."]}
        ) from error


def _known(model: Any, ids: Iterable[int], kind: str, details: dict[str, list[str]]) -> list[Any]:
    wanted = set(ids)
    found = list(model.objects.filter(pk__in=wanted))
    missing = sorted(wanted - {row.pk for row in found})
    if missing:
        details[f"{kind}_ids"] = [f"No such {kind}: {pk}" for pk in missing]
    return found
