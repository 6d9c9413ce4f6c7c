"""The last part's last act: make the new chunks the ones that readers see."""

from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from config.errors import ErrorCode, PermanentError
from config.queues import enqueue
from documents import lifecycle
from documents.ingestion import storage
from documents.ingestion.notices import for_people, no_text
from documents.ingestion.profile import drop_partial
from documents.ingestion.source import facts_of, own_source, source_of
from documents.models import Document, DocumentPart, MediaType, Rebuild, Status


def document_finalise(document: Document, generation: int) -> None:
    """End the finished build, inside the transaction that marked its last part done.

    Readers see it from the commit on; a rebuild's build goes on standby instead, until all are ready.

    Args:
        document: the row, locked by the caller, with all parts of `generation` done.

    Raises:
        PermanentError: NO_TEXT or CSV_EMPTY, when the build has no chunk; the caller fails the document.
    """
    noticed = DocumentPart.objects.filter(document=document, generation=generation).exclude(warnings=[])
    gathered = [warning for part in noticed.values_list("warnings", flat=True) for warning in part]
    if document.chunk_count == 0:
        empty = ErrorCode.CSV_EMPTY if source_of(document).media_type == MediaType.CSV else ErrorCode.NO_TEXT
        raise PermanentError(empty, no_text(gathered))
    facts = facts_of(document)
    facts = facts | {"warnings": [*facts["warnings"], *for_people(gathered)]}
    drop_partial(document.pk, generation)
    ended = lifecycle.NO_BUILD | {"changed_at": timezone.now()}
    if document.building_standby:
        ended |= _on_standby(document, generation, facts)
    else:
        ended |= _served(document, generation, facts)
        _prepare_table(document)
    lifecycle.building(document.pk, generation).update(**ended)
    if not document.building_standby and document.active_generation is not None:
        lifecycle.drop_generation(document.pk, document.active_generation)
    lifecycle.rebuild_nudge(document.collection_id)


def _served(document: Document, generation: int, facts: dict[str, Any]) -> dict[str, Any]:
    """The build, and the bytes that it was made from, take the place of what was served."""
    source = source_of(document)
    stored_name = source.stored_name
    if document.next_source:
        storage.discard(own_source(document).stored_name)
    if not keeps_originals(document.collection_id):
        storage.discard(stored_name)
        stored_name = ""
    return {
        "status": Status.COMPLETED,
        "active_generation": generation,
        "embedding_model": document.building_model,
        "served_chunks": document.chunk_count,
        "served_tokens": document.token_count,
        "build_facts": None,
        "name": source.name,
        "media_type": source.media_type,
        "size": source.size,
        "sha256": source.sha256,
        "stored_name": stored_name,
        "version": document.version + bool(document.next_source),
        "uploaded_by": _uploader(document),
        "completed_at": timezone.now(),
        **facts,
    }


def _prepare_table(document: Document) -> None:
    """After the commit, have a table made ready to be asked; a question makes it itself when this is lost."""
    if source_of(document).media_type == MediaType.CSV and keeps_originals(document.collection_id):
        from documents.tasks import prepare_table

        enqueue(prepare_table, document.pk)


def _uploader(document: Document) -> User | None:
    """Who brought the bytes; nobody, when his account is gone."""
    if document.next_source is None:
        return document.uploaded_by
    return User.objects.filter(pk=document.next_source["uploaded_by"]).first()


def _on_standby(document: Document, generation: int, facts: dict[str, Any]) -> dict[str, Any]:
    """What is served stays as it is, its counts too."""
    return {
        "status": lifecycle.resting_status(document),
        "standby_generation": generation,
        "build_facts": facts | {"chunks": document.chunk_count, "tokens": document.token_count},
        "chunk_count": document.served_chunks,
        "token_count": document.served_tokens,
    }


def keeps_originals(collection_id: int) -> bool:
    """Whether an original is kept after its build: as configured, and always while a rebuild needs it."""
    return settings.KEEP_ORIGINAL_FILES or Rebuild.objects.filter(collection_id=collection_id).exists()
