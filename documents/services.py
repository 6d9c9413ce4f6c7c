"""What can be done to a document: upload, replace, reprocess, cancel, delete. Each checks the right."""

import uuid

from django.core.files import File
from django.db import transaction

from accounts.models import User
from collections_app.access import get_for, get_managed
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from config.queues import enqueue
from documents import events, lifecycle
from documents.ingestion import storage, versions
from documents.ingestion.source import own_source, source_of
from documents.models import UNFINISHED, Document, SameName, Status
from documents.parsing.clean import clean_name
from documents.selectors import document_for


def document_upload(
    *,
    actor: User,
    collection: Collection,
    file: File,
    session_id: uuid.UUID | None = None,
    same_name: str = SameName.KEEP,
) -> Document:
    """Store a file and queue its processing. Identical bytes in the same scope are the same document.

    Args:
        session_id: visible to that chat session alone; the caller has checked that it is the actor's.
        same_name: one of `SameName`, for new bytes under a name that is taken.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, FILE_EMPTY, FILE_TOO_LARGE, FILE_TYPE_UNSUPPORTED,
            STORAGE_FULL, DOCUMENT_NAME_TAKEN, DOCUMENT_BUSY, CHAT_FILES_FULL. Nothing is kept then.
    """
    _require_upload(actor, collection, session_id)
    return document_keep(
        actor=actor,
        collection=collection,
        name=_name_of(file),
        stored=storage.store(file),
        session_id=session_id,
        same_name=same_name,
    )


def document_keep(
    *,
    actor: User,
    collection: Collection,
    name: str,
    stored: storage.Stored,
    session_id: uuid.UUID | None = None,
    same_name: str = SameName.KEEP,
) -> Document:
    """`document_upload` for bytes that are stored already; what becomes no document's is removed.

    Args:
        name: as the client calls it, with the folders that it has within what was uploaded together.
        stored: passes to the document, or is deleted.
        same_name: one of `SameName`.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, FILE_TYPE_UNSUPPORTED, DOCUMENT_NAME_TAKEN,
            DOCUMENT_BUSY, CHAT_FILES_FULL.
    """
    with versions.kept_or_removed(stored) as keeping:
        _require_upload(actor, collection, session_id)
        newer = versions.newer_source(actor, clean_name(name), stored)
        scope = versions.Scope(collection.pk, session_id)
        with transaction.atomic():
            document, keeping.used = versions.take_in(scope, newer, same_name)
            _queue(document)
    document.refresh_from_db()
    return document


def document_replace(*, actor: User, document: Document, file: File) -> Document:
    """Build a newer file in place of a document's; the old one serves until the new one is complete.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, DOCUMENT_BUSY, DOCUMENT_BYTES_TAKEN, and what is wrong
            with the file as for `document_upload`. Nothing is kept then.
    """
    document = _changeable(actor, document)
    return document_replace_stored(
        actor=actor, document=document, name=_name_of(file), stored=storage.store(file)
    )


def document_replace_stored(
    *, actor: User, document: Document, name: str, stored: storage.Stored
) -> Document:
    """`document_replace` for bytes that are stored already; what becomes no document's is removed."""
    with versions.kept_or_removed(stored) as keeping:
        document = _changeable(actor, document)
        newer = versions.newer_source(actor, clean_name(name), stored)
        with transaction.atomic():
            document, keeping.used = versions.put_in_place(document, newer)
            _queue(document)
    document.refresh_from_db()
    return document


def document_reprocess(*, actor: User, document: Document) -> Document:
    """Build the chunks anew from the kept original; readers see the old ones until the new are complete.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, DOCUMENT_BUSY, ORIGINAL_NOT_KEPT.
    """
    document = _changeable(actor, document)
    if document.status in UNFINISHED and not document.building_standby:
        raise VerbatimError(ErrorCode.DOCUMENT_BUSY)
    if not own_source(document).is_there:
        raise VerbatimError(ErrorCode.ORIGINAL_NOT_KEPT)
    with transaction.atomic():
        model = lifecycle.model_locked(document.collection_id)
        if not lifecycle.build_begin(document_id=document.pk, model=model):
            raise VerbatimError(ErrorCode.DOCUMENT_BUSY)
        _queue(document)
    document.refresh_from_db()
    return document


def document_cancel(*, actor: User, document: Document) -> Document:
    """Stop an unfinished build. What it had written goes; older chunks stay. Finished ones are left alone.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; CONFLICT when there is nothing to cancel.
    """
    document = _changeable(actor, document)
    cancelled = document.building_generation is not None and lifecycle.build_cancel(
        document_id=document.pk,
        generation=document.building_generation,
        error=VerbatimError(ErrorCode.CANCELLED),
    )
    if not cancelled:
        raise VerbatimError(ErrorCode.CONFLICT, "The document is not being processed.")
    document.refresh_from_db()
    return document


def document_delete(*, actor: User, document: Document) -> None:
    """Remove a document in whatever state: row, parts, chunks and file.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED.
    """
    document = _changeable(actor, document)
    with transaction.atomic():
        row = Document.objects.select_for_update().filter(pk=document.pk).first()
        if row is not None:
            _delete(row)


def session_documents_delete(*, session_id: uuid.UUID) -> int:
    """Remove all files of a chat session, whoever may still use its model: the session itself is going.

    Returns:
        How many there were.
    """
    with transaction.atomic():
        rows = list(Document.objects.select_for_update().filter(session_id=session_id))
        for row in rows:
            _delete(row)
    return len(rows)


def _delete(row: Document) -> None:
    """The row, which is locked, and its files; PostgreSQL takes parts and chunks along."""
    document_id = row.pk
    for source in (own_source(row), source_of(row)):
        storage.discard(source.stored_name)
    row.delete()
    lifecycle.rebuild_nudge(row.collection_id)
    events.document_changed(collection_id=row.collection_id, document_id=document_id)


def _require_upload(actor: User, collection: Collection, session_id: uuid.UUID | None) -> None:
    """Managers upload to a collection, whoever may use it to a chat session of his own."""
    if session_id is None:
        get_managed(actor, collection.pk)
    else:
        get_for(actor, collection.pk)


def _changeable(actor: User, document: Document) -> Document:
    """The document as it is now, if the actor may change it: a manager, or whose chat it belongs to."""
    current = document_for(actor, document.pk)
    if current.session_id is None:
        get_managed(actor, current.collection_id)
    return current


def _name_of(file: File) -> str:
    return (file.name or "").replace("\\", "/").rsplit("/", 1)[-1]


def _queue(document: Document) -> None:
    """Ring for its splitting, if it waits for that."""
    if document.status != Status.QUEUED:
        return
    from documents.tasks import split_document

    enqueue(split_document, document.pk)
    events.document_changed(collection_id=document.collection_id, document_id=document.pk)
