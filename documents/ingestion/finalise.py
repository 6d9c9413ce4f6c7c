"""The last part's last act: make the new chunks the ones that readers see."""

from django.conf import settings
from django.utils import timezone

from config.errors import ErrorCode, PermanentError
from documents import lifecycle
from documents.ingestion import storage
from documents.ingestion.notices import for_people
from documents.models import Document, DocumentPart, Stage, Status


def document_finalise(document: Document, generation: int) -> None:
    """Swap the finished build in, inside the transaction that marked its last part done.

    Args:
        document: the row, locked by the caller, with all parts of `generation` done.

    Raises:
        PermanentError: NO_TEXT or CSV_EMPTY, when the build has no chunk; the caller fails the document.
    """
    if document.chunk_count == 0:
        raise PermanentError(ErrorCode.CSV_EMPTY if document.media_type == "text/csv" else ErrorCode.NO_TEXT)
    noticed = DocumentPart.objects.filter(document=document, generation=generation).exclude(warnings=[])
    gathered = [warning for part in noticed.values_list("warnings", flat=True) for warning in part]
    previous = document.active_generation
    keep = settings.KEEP_ORIGINAL_FILES
    lifecycle.building(document.pk, generation).update(
        status=Status.COMPLETED,
        stage=Stage.FINISHED,
        active_generation=generation,
        building_generation=None,
        warnings=[*document.warnings, *for_people(gathered)],
        stored_name=document.stored_name if keep else "",
        completed_at=timezone.now(),
        changed_at=timezone.now(),
        **lifecycle.CLEARED,
    )
    if not keep:
        storage.discard(document.stored_name)
    if previous is not None:
        lifecycle.drop_generation(document.pk, previous)
