"""A collection's rebuild: every document is built anew beside what is served; one swap at the end.

The row `Rebuild` exists while it runs or waits for a decision. `rebuild_advance` does the next step, whatever
it is; the workers ring for it after each build, the sweeper every half minute.
"""

from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from accounts import audit
from accounts.models import User
from collections_app import languages
from collections_app.access import get_managed
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from config.queues import enqueue
from documents import events, lifecycle
from documents.embedding import catalogue
from documents.ingestion import storage
from documents.models import UNFINISHED, Document, Rebuild, Status

AT_ONCE = 2  # documents of all rebuilds in work together
NAMED = 20  # documents that a refusal names
TOLD = 200  # documents whose change is told to open pages one by one

# The build on standby, and what it found, take the place of what is served.
SWAP = """
UPDATE documents_document
   SET active_generation = standby_generation, standby_generation = NULL, embedding_model = %(model)s,
       chunk_count = (build_facts->>'chunks')::int, served_chunks = (build_facts->>'chunks')::int,
       token_count = (build_facts->>'tokens')::bigint, served_tokens = (build_facts->>'tokens')::bigint,
       title = build_facts->>'title', page_count = (build_facts->>'page_count')::int,
       row_count = (build_facts->>'row_count')::bigint, reading = build_facts->'reading',
       warnings = build_facts->'warnings', build_facts = NULL, completed_at = %(now)s, changed_at = %(now)s
 WHERE collection_id = %(collection)s AND standby_generation IS NOT NULL"""


def rebuild_start(
    *,
    actor: User,
    collection: Collection,
    embedding_model: str | None = None,
    text_search_config: str | None = None,
) -> Rebuild | None:
    """Begin a rebuild with the collection's present chunk settings, or go on with one that waits.

    Args:
        embedding_model: one of `catalogue.available()`; the same as now when None.
        text_search_config: one of `languages.choices()`; the same as now when None.

    Returns:
        The rebuild; None when there was nothing to build and the collection is changed already.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; VALIDATION_ERROR for a model or language that is not on
            the list; EMBEDDING_DIMENSION, EMBEDDING_FAILED; REBUILD_RUNNING when one to other ones runs;
            ORIGINALS_MISSING, naming documents that cannot be read again.
    """
    get_managed(actor, collection.pk)
    if embedding_model is not None:
        catalogue.require_usable(embedding_model)
    if text_search_config is not None and (reasons := list(languages.complaints(text_search_config))):
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details={"text_search_config": reasons})
    with transaction.atomic():
        present = lifecycle.model_locked(collection.pk)
        rebuild = Rebuild.objects.select_for_update().filter(collection=collection).first()
        if rebuild is not None:
            if embedding_model not in (None, rebuild.embedding_model) or text_search_config not in (
                None,
                rebuild.text_search_config,
            ):
                raise VerbatimError(ErrorCode.REBUILD_RUNNING)
            _own(collection.pk).update(rebuild_error=None)
        else:
            _require_originals(collection.pk)
            language = Collection.objects.values_list("text_search_config", flat=True).get(pk=collection.pk)
            rebuild = Rebuild.objects.create(
                collection=collection,
                embedding_model=embedding_model or present,
                text_search_config=text_search_config or language,
                started_by=actor,
            )
            audit.record(
                actor,
                "model.rebuild_started",
                collection,
                before=present,
                after=rebuild.embedding_model,
                language={"from": language, "to": rebuild.text_search_config},
            )
        lifecycle.rebuild_nudge(collection.pk)
    if not to_build(collection.pk).exists():
        rebuild_advance(collection_id=collection.pk)
    return Rebuild.objects.filter(collection=collection).first()


def language_set(
    sender: Any, *, actor: User, collection: Collection, text_search_config: str, **kwargs: Any
) -> None:
    """Receiver of `language_wanted`: at once where nothing is indexed, else by a rebuild.

    So a question is never cut otherwise than the passages that it is compared with.

    Raises:
        VerbatimError: as `rebuild_start`.
    """
    indexed = Q(active_generation__isnull=False) | Q(building_generation__isnull=False)
    rows = Document.objects.filter(indexed, collection=collection)
    if rows.exists() or Rebuild.objects.filter(collection=collection).exists():
        rebuild_start(actor=actor, collection=collection, text_search_config=text_search_config)
        return
    before = collection.text_search_config
    collection.text_search_config = text_search_config
    collection.save(update_fields=["text_search_config"])
    audit.record(actor, "model.language_set", collection, before=before, after=text_search_config)


def rebuild_abandon(*, actor: User, collection: Collection) -> None:
    """End a rebuild: what it prepared goes, what is served stays.

    Raises:
        VerbatimError: NOT_FOUND (also when no rebuild runs), PERMISSION_DENIED.
    """
    get_managed(actor, collection.pk)
    with transaction.atomic():
        lifecycle.model_locked(collection.pk)
        rebuild = Rebuild.objects.select_for_update().filter(collection=collection).first()
        if rebuild is None:
            raise VerbatimError(ErrorCode.NOT_FOUND, "No rebuild is running.")
        rows = Document.objects.filter(collection=collection)
        for document in rows.filter(building_standby=True).select_for_update(no_key=True, of=("self",)):
            rows.filter(pk=document.pk).update(
                **lifecycle.NO_BUILD,
                **lifecycle.RESTING,
                status=lifecycle.resting_status(document),
                build_facts=None,
                changed_at=timezone.now(),
            )
            events.document_changed(collection_id=collection.pk, document_id=document.pk)
        ready = rows.filter(standby_generation__isnull=False)
        ready.update(standby_generation=None, build_facts=None, **lifecycle.RESTING)
        rows.filter(rebuild_error__isnull=False).update(rebuild_error=None)
        rebuild.delete()
        audit.record(actor, "model.rebuild_abandoned", collection, wanted=rebuild.embedding_model)
        _drop_later()


def rebuild_advance(*, collection_id: int) -> list[int]:
    """Do what a rebuild needs next: begin builds, or swap when all are ready.

    Uploads go first: nothing is begun while a document of somebody's waits for a worker.

    Returns:
        Ids of the documents to enqueue for splitting.
    """
    with transaction.atomic():
        collection = Collection.objects.select_for_update(no_key=True).filter(pk=collection_id).first()
        rebuild = Rebuild.objects.select_for_update().filter(collection_id=collection_id).first()
        if collection is None or rebuild is None:
            return []
        if _is_ready(collection_id):
            _swap(collection, rebuild)
            return []
        if Document.objects.filter(status=Status.QUEUED, building_standby=False).exists():
            return []
        running = Document.objects.filter(building_standby=True, status__in=UNFINISHED).count()
        begun = []
        for document in to_build(collection_id).order_by("session_id", "pk")[: max(0, AT_ONCE - running)]:
            if lifecycle.rebuild_begin(document_id=document.pk, model=rebuild.embedding_model):
                begun.append(document.pk)
                events.document_changed(collection_id=collection_id, document_id=document.pk)
    return begun


def rebuild_state(collection: Collection) -> dict[str, Any]:
    """How far the collection's rebuild is, as the API tells it; `running` is False when there is none.

    Documents in somebody's chat count, but are not named. `seconds_left` goes by the passages.
    """
    rebuild = Rebuild.objects.select_related("started_by").filter(collection=collection).first()
    state: dict[str, Any] = {
        "running": rebuild is not None,
        "embedding_model": collection.embedding_model,
        "current_embedding_model": collection.embedding_model,
        "text_search_config": collection.text_search_config,
        "current_text_search_config": collection.text_search_config,
        "documents_total": 0,
        "documents_done": 0,
        "documents_failed": [],
        "percent": 0,
        "seconds_left": None,
        "started_at": None,
        "started_by": None,
        "available_models": catalogue.available(),
        "available_languages": [{"id": key, "name": name} for key, name in languages.choices()],
    }
    if rebuild is None:
        return state
    rows = served(collection.pk)
    chunks = rows.aggregate(
        total=Sum("served_chunks"), done=Sum("served_chunks", filter=Q(standby_generation__isnull=False))
    )
    done, total = float(chunks["done"] or 0), float(chunks["total"] or 0)
    for document in rows.filter(building_standby=True, parts_total__gt=0):
        done += document.served_chunks * document.parts_done / document.parts_total
    elapsed = (timezone.now() - rebuild.started_at).total_seconds()
    user = rebuild.started_by
    failed = rows.filter(rebuild_error__isnull=False, session_id__isnull=True).order_by("name")
    return state | {
        "embedding_model": rebuild.embedding_model,
        "text_search_config": rebuild.text_search_config,
        "documents_total": rows.count(),
        "documents_done": rows.filter(standby_generation__isnull=False).count(),
        "documents_failed": [
            {"id": document.pk, "name": document.name, "error": document.rebuild_error}
            for document in failed[:NAMED]
        ],
        "percent": min(99, round(done * 100 / total)) if total else 0,
        "seconds_left": round(elapsed * (total - done) / done) if done else None,
        "started_at": rebuild.started_at,
        "started_by": {"id": user.pk, "full_name": user.full_name, "email": user.email} if user else None,
    }


def served(collection_id: int) -> QuerySet[Document]:
    """The documents that a rebuild is about: all that readers find, those of chats included."""
    return Document.objects.filter(collection_id=collection_id, active_generation__isnull=False)


def to_build(collection_id: int) -> QuerySet[Document]:
    """Those that wait for their turn."""
    return served(collection_id).filter(
        standby_generation__isnull=True, rebuild_error__isnull=True, building_generation__isnull=True
    )


def _own(collection_id: int) -> QuerySet[Document]:
    return Document.objects.filter(collection_id=collection_id, rebuild_error__isnull=False)


def _is_ready(collection_id: int) -> bool:
    """Whether nothing is left to build, in work, or failed. What failed in somebody's chat is not waited for:
    nobody else may look at it or remove it.
    """
    in_work = Q(building_generation__isnull=False)
    waits = Q(active_generation__isnull=False, standby_generation__isnull=True, rebuild_error__isnull=True)
    failed = Q(rebuild_error__isnull=False, session_id__isnull=True, active_generation__isnull=False)
    return not Document.objects.filter(in_work | waits | failed, collection_id=collection_id).exists()


def _swap(collection: Collection, rebuild: Rebuild) -> None:
    """All documents at once: readers find the old builds with the old model, or the new with the new."""
    ids = list(served(collection.pk).values_list("pk", flat=True))
    _give_up_unbuilt(collection.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(
            SWAP,
            {"model": rebuild.embedding_model, "now": timezone.now(), "collection": collection.pk},
        )
    Collection.objects.filter(pk=collection.pk).update(
        embedding_model=rebuild.embedding_model,
        embedding_dimension=settings.EMBEDDING_DIMENSION,
        text_search_config=rebuild.text_search_config,
    )
    if not settings.KEEP_ORIGINAL_FILES:
        kept = served(collection.pk).exclude(stored_name="")
        for stored_name in kept.values_list("stored_name", flat=True):
            storage.discard(stored_name)
        kept.update(stored_name="")
    audit.record(
        rebuild.started_by,
        "model.rebuild_finished",
        collection,
        before=collection.embedding_model,
        after=rebuild.embedding_model,
        documents=len(ids),
    )
    rebuild.delete()
    for document_id in ids[:TOLD]:
        events.document_changed(collection_id=collection.pk, document_id=document_id)
    _drop_later()


def _give_up_unbuilt(collection_id: int) -> None:
    """A chat's file that could not be built anew is no longer served; its owner reads why."""
    for document in served(collection_id).filter(rebuild_error__isnull=False):
        error = dict(document.rebuild_error or {})
        Document.objects.filter(pk=document.pk).update(
            status=Status.FAILED,
            active_generation=None,
            embedding_model="",
            served_chunks=0,
            served_tokens=0,
            chunk_count=0,
            rebuild_error=None,
            error_code=error["code"],
            error_message=error["message"],
            error_next_step=error["next_step"],
            changed_at=timezone.now(),
        )


def _require_originals(collection_id: int) -> None:
    missing = served(collection_id).filter(session_id__isnull=True, stored_name="")
    found = list(missing.order_by("name", "pk").values("id", "name")[:NAMED])
    if found:
        raise VerbatimError(
            ErrorCode.ORIGINALS_MISSING, details={"documents": found, "count": missing.count()}
        )


def _drop_later() -> None:
    from documents.tasks import drop_leftovers

    enqueue(drop_leftovers)
