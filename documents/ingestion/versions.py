"""Which document new bytes belong to: one that is there already, a new one, or a newer version of one.

All of it happens under the collection's lock, so that the same bytes are never taken twice, neither as a
document's own nor as those that are about to take their place.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet, Sum

from accounts.models import User
from config.errors import ErrorCode, VerbatimError
from documents import lifecycle
from documents.ingestion import storage
from documents.ingestion.refusals import refusal
from documents.ingestion.source import own_source
from documents.models import Document, SameName, Status
from documents.parsing import sniff
from documents.parsing.base import ParseError


@dataclass(frozen=True)
class Scope:
    """Where bytes and names are compared: a collection's own documents, or those of one chat session."""

    collection_id: int
    session_id: uuid.UUID | None

    def documents(self) -> QuerySet[Document]:
        """Its rows."""
        return Document.objects.filter(collection_id=self.collection_id, session_id=self.session_id)


@dataclass
class Keeping:
    """Whether the stored file has become some document's."""

    used: bool = False


@contextmanager
def kept_or_removed(stored: storage.Stored) -> Iterator[Keeping]:
    """Remove the stored file at the end, unless it was said that a document uses it.

    Raises:
        VerbatimError: STORAGE_FULL, when the database has no room for the document's row.
    """
    keeping, ended = Keeping(), False
    try:
        with storage.full_disk_is_an_answer():
            yield keeping
        ended = True
    finally:
        if not (ended and keeping.used):
            storage.path_of(stored.name).unlink(missing_ok=True)


def newer_source(actor: User, name: str, stored: storage.Stored) -> dict[str, Any]:
    """What `Document.next_source` holds, or a new document begins with.

    Raises:
        VerbatimError: FILE_TYPE_UNSUPPORTED.
    """
    try:
        media_type = sniff.media_type(str(storage.path_of(stored.name)), name)
    except ParseError as error:
        raise refusal(error, name) from error
    return {
        "name": name,
        "media_type": media_type,
        "size": stored.size,
        "sha256": stored.sha256,
        "stored_name": stored.name,
        "uploaded_by": actor.pk,
    }


def take_in(scope: Scope, newer: dict[str, Any], same_name: str) -> tuple[Document, bool]:
    """The document of these bytes, and whether their stored file is now its.

    Raises:
        VerbatimError: DOCUMENT_NAME_TAKEN, DOCUMENT_BUSY, CHAT_FILES_FULL; NOT_FOUND when collection or
            session is gone.
    """
    model = lifecycle.model_locked(scope.collection_id)
    existing = _with_bytes(scope, newer["sha256"]).first()
    if existing is not None:
        return existing, _revived(existing, newer, model)
    if same_name != SameName.KEEP:
        named = scope.documents().filter(name=newer["name"]).order_by("-created_at", "-pk").first()
        if named is not None and same_name == SameName.REFUSE:
            raise _taken(ErrorCode.DOCUMENT_NAME_TAKEN, named)
        if named is not None:
            return _begin_version(named, newer, model), True
    return _created(scope, newer, model), True


def put_in_place(document: Document, newer: dict[str, Any]) -> tuple[Document, bool]:
    """Begin the document's next version; its own bytes again change nothing (a failed one is tried again).

    Raises:
        VerbatimError: DOCUMENT_BUSY; DOCUMENT_BYTES_TAKEN, when another document has these bytes;
            NOT_FOUND.
    """
    model = lifecycle.model_locked(document.collection_id)
    same = _with_bytes(Scope(document.collection_id, document.session_id), newer["sha256"])
    other = same.exclude(pk=document.pk).first()
    if other is not None:
        raise _taken(ErrorCode.DOCUMENT_BYTES_TAKEN, other)
    current = same.filter(pk=document.pk).first()
    if current is not None:
        return current, _revived(current, newer, model)
    return _begin_version(document, newer, model), True


def _with_bytes(scope: Scope, sha256: str) -> QuerySet[Document]:
    """Documents whose own bytes these are, before those of whom they are about to become the own."""
    rows = scope.documents().filter(Q(sha256=sha256) | Q(next_source__sha256=sha256))
    return rows.select_for_update(no_key=True, of=("self",)).order_by("pk")


def require_room(scope: Scope, size: int) -> None:
    """Let one more file into the scope: a chat session holds so many files, and so many bytes, a model any.

    Raises:
        VerbatimError: CHAT_FILES_FULL.
    """
    if scope.session_id is None:
        return
    held = scope.documents().aggregate(files=Count("pk"), bytes=Sum("size"))
    details = {"max_files": settings.CHAT_MAX_FILES, "max_mb": settings.CHAT_MAX_FILES_MB}
    if held["files"] >= settings.CHAT_MAX_FILES:
        files = "1 file" if settings.CHAT_MAX_FILES == 1 else f"{settings.CHAT_MAX_FILES} files"
        raise VerbatimError(ErrorCode.CHAT_FILES_FULL, f"A chat may hold {files}, no more.", details=details)
    if (held["bytes"] or 0) + size > settings.CHAT_MAX_FILES_MB * 1024 * 1024:
        message = f"The files of a chat may have {settings.CHAT_MAX_FILES_MB} MB together, no more."
        raise VerbatimError(ErrorCode.CHAT_FILES_FULL, message, details=details)


def _created(scope: Scope, newer: dict[str, Any], model: str) -> Document:
    require_room(scope, newer["size"])
    try:
        with transaction.atomic():
            return Document.objects.create(
                collection_id=scope.collection_id,
                session_id=scope.session_id,
                generation=1,
                building_generation=1,
                building_model=model,
                uploaded_by_id=newer["uploaded_by"],
                **{key: value for key, value in newer.items() if key != "uploaded_by"},
            )
    except IntegrityError as error:  # the chat session was deleted in this moment
        raise VerbatimError(ErrorCode.NOT_FOUND) from error


def _begin_version(document: Document, newer: dict[str, Any], model: str) -> Document:
    if not lifecycle.build_begin(document_id=document.pk, model=model, next_source=newer):
        if not Document.objects.filter(pk=document.pk).exists():
            raise VerbatimError(ErrorCode.NOT_FOUND)
        raise VerbatimError(ErrorCode.DOCUMENT_BUSY, details={"document_id": document.pk})
    return Document.objects.get(pk=document.pk)


def _revived(document: Document, newer: dict[str, Any], model: str) -> bool:
    """Give a failed or cancelled document another try with the bytes that came again."""
    if document.status not in (Status.FAILED, Status.CANCELLED):
        return False
    missing = not own_source(document).is_there
    if missing:
        Document.objects.filter(pk=document.pk).update(stored_name=newer["stored_name"])
    lifecycle.build_begin(document_id=document.pk, model=model)
    document.refresh_from_db()
    return missing


def _taken(code: ErrorCode, document: Document) -> VerbatimError:
    return VerbatimError(code, details={"document_id": document.pk, "name": document.name})
