"""Uploads in pieces: begun, carried on from where they stopped, and turned into documents at the end."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone

from accounts.models import User
from collections_app.access import visible_to
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from documents import selectors, services
from documents.ingestion import storage, versions
from documents.ingestion.refusals import refusal
from documents.models import Document, SameName, Upload
from documents.parsing import sniff
from documents.parsing.base import ParseError
from documents.parsing.clean import clean_name
from documents.uploads import bulk, drafts, lock, scope
from documents.uploads.names import is_zip

EXPIRES_AFTER = timedelta(hours=24)
MAX_UNFINISHED = 20  # per user
MAX_ANNOUNCED_FILES = 10  # per user: as many bytes as this many of the largest files
ORPHAN_SECONDS = 3600
HEAD = 4  # bytes that tell a zip


@dataclass(frozen=True)
class Appended:
    """What an upload is after a piece: how much has arrived, and at the end what became of it."""

    received: int
    document: Document | None = None
    many: bulk.Bulk | None = None


def uploads_of(user: User) -> QuerySet[Upload]:
    """One's own unfinished uploads to what one may still use."""
    return Upload.objects.filter(
        user=user, collection__in=visible_to(user).values("pk"), touched_at__gt=timezone.now() - EXPIRES_AFTER
    )


def upload_for(user: User, upload_id: uuid.UUID) -> Upload:
    """One's own upload.

    Raises:
        VerbatimError: NOT_FOUND, for another's as for one that is not there; UPLOAD_EXPIRED.
    """
    upload = Upload.objects.filter(user=user, pk=upload_id).select_related("user").first()
    if upload is None:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    if expires_at(upload) <= timezone.now():
        raise VerbatimError(ErrorCode.UPLOAD_EXPIRED)
    return upload


def expires_at(upload: Upload) -> datetime:
    """When the upload is given up, unless a piece arrives before."""
    return upload.touched_at + EXPIRES_AFTER


def upload_create(
    *,
    actor: User,
    collection_id: int,
    name: str,
    size: int,
    session_id: uuid.UUID | None = None,
    same_name: str = SameName.KEEP,
    document_id: int | None = None,
) -> Upload:
    """Announce a file of `size` bytes.

    Args:
        document_id: the document whose newer version the file is.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, FILE_EMPTY, FILE_TOO_LARGE, STORAGE_FULL,
            UPLOADS_UNFINISHED, CHAT_FILES_FULL.
    """
    collection = scope.require(actor, collection_id, session_id)
    replaces = _to_replace(actor, collection, session_id, document_id)
    storage.require_size(size)
    if replaces is None:
        versions.require_room(versions.Scope(collection.pk, session_id), size)
    storage.require_space(size)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # two at once count each other
        mine = Upload.objects.filter(user=actor, touched_at__gt=timezone.now() - EXPIRES_AFTER)
        announced = mine.aggregate(total=Sum("size"))["total"] or 0
        if mine.count() >= MAX_UNFINISHED or announced + size > MAX_ANNOUNCED_FILES * storage.max_bytes():
            raise VerbatimError(ErrorCode.UPLOADS_UNFINISHED, retry_after=10)
        return Upload.objects.create(
            user=actor,
            collection=collection,
            session_id=session_id,
            name=clean_name(name),
            size=size,
            same_name=same_name,
            replaces=replaces,
        )


def upload_append(*, actor: User, upload_id: uuid.UUID, offset: int, blocks: Iterable[bytes]) -> Appended:
    """Add a piece; the last one turns the upload into a document, or a zip into several.

    A piece counts when its bytes are on the disk and the row says so; until then it can be sent again.

    Args:
        offset: where the piece begins.
        blocks: the piece.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED, UPLOAD_EXPIRED, UPLOAD_BUSY, UPLOAD_OFFSET, STORAGE_FULL.
            FILE_TYPE_UNSUPPORTED and whatever else is wrong with the file itself: the upload is gone then.
    """
    _usable(actor, upload_id)
    with lock.held(upload_id):
        upload = _usable(actor, upload_id)  # as it is now that nobody else writes
        if offset != upload.received:
            raise VerbatimError(ErrorCode.UPLOAD_OFFSET, details={"received": upload.received})
        storage.require_space(0)
        piece = _at_most(upload.size - offset, blocks)
        try:
            end = offset + drafts.append(upload_id, at=offset, blocks=piece)
        except drafts.DraftLostError:
            _forget(upload)
            raise VerbatimError(ErrorCode.UPLOAD_EXPIRED, "What had arrived of the file was lost.") from None
        try:
            _look(upload, before=offset, now=end)
            if end == upload.size:
                return _finish(actor, upload)
        except VerbatimError as error:
            if not error.retryable:
                _forget(upload)
            raise
        _record(upload, offset, end)
        return Appended(end)


def upload_cancel(*, actor: User, upload_id: uuid.UUID) -> None:
    """Give an upload up, also when its model is out of reach by now.

    Raises:
        VerbatimError: NOT_FOUND, UPLOAD_EXPIRED, UPLOAD_BUSY.
    """
    upload = upload_for(actor, upload_id)
    with lock.held(upload_id):
        _forget(upload)


def uploads_expire() -> int:
    """Give up what stood still for a day, and remove drafts that belong to nothing. Returns how many."""
    removed = 0
    still = Upload.objects.filter(touched_at__lte=timezone.now() - EXPIRES_AFTER)
    for upload in still:
        try:
            with lock.held(upload.pk):
                if still.filter(pk=upload.pk).exists():  # not carried on since it was found
                    _forget(upload)
                    removed += 1
        except VerbatimError:
            continue  # somebody is writing to it
    for upload_id in drafts.older_than(ORPHAN_SECONDS):
        if not Upload.objects.filter(pk=upload_id).exists():
            drafts.remove(upload_id)
            removed += 1
    return removed


def _usable(actor: User, upload_id: uuid.UUID) -> Upload:
    upload = upload_for(actor, upload_id)
    scope.require(actor, upload.collection_id, upload.session_id)
    return upload


def _to_replace(
    actor: User, collection: Collection, session_id: uuid.UUID | None, document_id: int | None
) -> Document | None:
    if document_id is None:
        return None
    document = selectors.document_for(actor, document_id)
    if document.collection_id != collection.pk or document.session_id != session_id:
        raise VerbatimError(ErrorCode.NOT_FOUND)
    return document


def _at_most(limit: int, blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        limit -= len(block)
        if limit < 0:
            raise VerbatimError(
                ErrorCode.MALFORMED_REQUEST,
                "There are more bytes than the upload announced.",
                next_step="Announce the file's real size in Upload-Length.",
            )
        yield block


def _look(upload: Upload, *, before: int, now: int) -> None:
    """Refuse what cannot be read as soon as enough has arrived to tell.

    Raises:
        VerbatimError: FILE_TYPE_UNSUPPORTED.
    """
    if before >= sniff.HEAD or now < min(sniff.HEAD, upload.size) or _unpacks(upload):
        return
    try:
        sniff.media_type(str(drafts.path_of(upload.pk)), upload.name)
    except ParseError as error:
        raise refusal(error, upload.name) from error


def _unpacks(upload: Upload) -> bool:
    """Whether it is a zip whose files become documents: of a model, not of a chat or as a new version."""
    if upload.session_id is not None or upload.replaces_id is not None:
        return False
    with drafts.path_of(upload.pk).open("rb") as file:
        return is_zip(upload.name, file.read(HEAD))


def _finish(actor: User, upload: Upload) -> Appended:
    """All bytes are there. What they become and the end of the upload are one transaction.

    A zip's files are one each: cut short, the last piece can be sent again and finds those that exist.
    """
    draft = drafts.path_of(upload.pk)
    if _unpacks(upload):
        made = bulk.zip_keep(
            actor=actor, collection=upload.collection, path=draft, same_name=upload.same_name
        )
        _forget(upload)
        return Appended(upload.size, many=made)
    stored = storage.store_draft(draft)
    with transaction.atomic():
        document = _keep(actor, upload, stored)
        Upload.objects.filter(pk=upload.pk).delete()
    drafts.remove(upload.pk)
    return Appended(upload.size, document=document)


def _keep(actor: User, upload: Upload, stored: storage.Stored) -> Document:
    if upload.replaces is not None:
        return services.document_replace_stored(
            actor=actor, document=upload.replaces, name=upload.name, stored=stored
        )
    return services.document_keep(
        actor=actor,
        collection=upload.collection,
        name=upload.name,
        stored=stored,
        session_id=upload.session_id,
        same_name=upload.same_name,
    )


def _record(upload: Upload, before: int, now: int) -> None:
    """Make the bytes count, if nobody else made other bytes count meanwhile."""
    rows = Upload.objects.filter(pk=upload.pk, received=before)
    if not rows.update(received=F("received") + now - before, touched_at=timezone.now()):
        raise VerbatimError(ErrorCode.NOT_FOUND)


def _forget(upload: Upload) -> None:
    Upload.objects.filter(pk=upload.pk).delete()
    drafts.remove(upload.pk)
