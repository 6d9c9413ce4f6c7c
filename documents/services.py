"""What can be done to a document: upload, delete, reprocess, cancel. Each checks the actor's right itself."""

import uuid

from django.core.files import File
from django.db import IntegrityError, transaction

from accounts.models import User
from collections_app.access import get_for, get_managed
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from config.queues import enqueue
from documents import events, lifecycle
from documents.ingestion import storage
from documents.ingestion.refusals import refusal
from documents.models import UNFINISHED, Document, Status
from documents.parsing import sniff
from documents.parsing.base import ParseError
from documents.parsing.clean import clean_name
from documents.selectors import document_for


def document_upload(
    *, actor: User, collection: Collection, file: File, session_id: uuid.UUID | None = None
) -> Document:
    """Store a file and queue its processing. Identical bytes in the same scope are the same document.

    Args:
        session_id: visible to that chat session alone; the caller has checked that it is the actor's.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, FILE_EMPTY, FILE_TOO_LARGE, FILE_TYPE_UNSUPPORTED,
            STORAGE_FULL. Nothing is kept then.
    """
    _require_upload(actor, collection, session_id)
    name = (file.name or "").replace("\\", "/").rsplit("/", 1)[-1]
    stored = storage.store(file)
    return document_keep(actor=actor, collection=collection, name=name, stored=stored, session_id=session_id)


def document_keep(
    *,
    actor: User,
    collection: Collection,
    name: str,
    stored: storage.Stored,
    session_id: uuid.UUID | None = None,
    same_name: str = "keep",
) -> Document:
    """`document_upload` for bytes that are stored already; what becomes no document's is removed.

    Args:
        name: as the client calls it, with the folders that it has within what was uploaded together.
        stored: passes to the document, or is deleted.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, FILE_TYPE_UNSUPPORTED.
    """
    used = False
    try:
        _require_upload(actor, collection, session_id)
        name = clean_name(name)
        media_type = _media_type(stored.name, name)
        document, used = _create_or_reuse(actor, collection, session_id, name, media_type, stored)
    finally:
        if not used:
            storage.path_of(stored.name).unlink(missing_ok=True)
    return document


def document_replace_stored(
    *, actor: User, document: Document, name: str, stored: storage.Stored
) -> Document:
    """Not yet a version: a document of its own."""
    return document_keep(actor=actor, collection=document.collection, name=name, stored=stored)


def document_reprocess(*, actor: User, document: Document) -> Document:
    """Build the chunks anew from the kept original; readers see the old ones until the new are complete.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, DOCUMENT_BUSY, ORIGINAL_NOT_KEPT.
    """
    document = _changeable(actor, document)
    if document.status in UNFINISHED:
        raise VerbatimError(ErrorCode.DOCUMENT_BUSY)
    if not document.stored_name or not storage.path_of(document.stored_name).exists():
        raise VerbatimError(ErrorCode.ORIGINAL_NOT_KEPT)
    with transaction.atomic():
        if not lifecycle.build_begin(document_id=document.pk):
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
        Document.objects.filter(pk=document.pk).delete()
        storage.discard(document.stored_name)
        events.document_changed(collection_id=document.collection_id, document_id=document.pk)


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


def _media_type(stored_name: str, name: str) -> str:
    try:
        return sniff.media_type(str(storage.path_of(stored_name)), name)
    except ParseError as error:
        raise refusal(error, name) from error


def _create_or_reuse(
    actor: User,
    collection: Collection,
    session_id: uuid.UUID | None,
    name: str,
    media_type: str,
    stored: storage.Stored,
) -> tuple[Document, bool]:
    """The document, and whether the stored file is now its original."""
    try:
        with transaction.atomic():
            document = Document.objects.create(
                collection=collection,
                session_id=session_id,
                name=name,
                media_type=media_type,
                size=stored.size,
                sha256=stored.sha256,
                stored_name=stored.name,
                generation=1,
                building_generation=1,
                uploaded_by=actor,
            )
            _queue(document)
        return document, True
    except IntegrityError:
        same = Document.objects.filter(collection=collection, session_id=session_id, sha256=stored.sha256)
        with transaction.atomic():
            existing = same.select_for_update().first()
            if existing is None:  # deleted this very moment, or the collection is gone
                raise VerbatimError(ErrorCode.CONFLICT) from None
            return existing, _revive(existing, stored)


def _revive(document: Document, stored: storage.Stored) -> bool:
    """Give a failed or cancelled document another try with the bytes that came again."""
    missing = not document.stored_name or not storage.path_of(document.stored_name).exists()
    if document.status not in (Status.FAILED, Status.CANCELLED):
        return False
    if missing:
        Document.objects.filter(pk=document.pk).update(stored_name=stored.name)
    lifecycle.build_begin(document_id=document.pk)
    _queue(document)
    document.refresh_from_db()
    return missing


def _queue(document: Document) -> None:
    from documents.tasks import split_document

    enqueue(split_document, document.pk)
    events.document_changed(collection_id=document.collection_id, document_id=document.pk)
