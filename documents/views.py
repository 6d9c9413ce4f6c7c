"""Pages about documents: those of a model with their live status, their passages, and what a search finds."""

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from collections_app import access
from collections_app.selectors import collection_with_counts
from config.api.health import worker_alive
from config.pages import page
from documents import selectors
from documents.estimates import ingestion_speeds
from documents.models import Document, Rebuild, Status


@page
@require_GET
def model_documents(request: HttpRequest, model_id: int) -> HttpResponse:
    """The documents of a model. Whoever may use the model may look; admins upload and change."""
    model = collection_with_counts(request.user, model_id)
    manages = access.manageable_by(request.user).filter(pk=model_id).exists()
    missing = not worker_alive()
    data = {
        "model_id": model.pk,
        "manages": manages,
        "max_file_mb": settings.MAX_FILE_SIZE_MB,
        "speeds": ingestion_speeds(),
        "worker_missing": missing,
    }
    context = {"nav": "models" if manages else "overview", "tab": "documents", "model": model}
    return render(
        request,
        "model_documents.html",
        context | {"manages": manages, "page_data": data, "worker_missing": missing},
    )


@page
@require_GET
def try_retrieval(request: HttpRequest, model_id: int) -> HttpResponse:
    """What a question would find, with scores and ranks: the same search as the chat's."""
    model = collection_with_counts(request.user, model_id)
    manages = access.manageable_by(request.user).filter(pk=model_id).exists()
    context = {"nav": "models" if manages else "overview", "tab": "try", "model": model, "manages": manages}
    return render(request, "model_try.html", context)


@page
@require_GET
def counts(request: HttpRequest, model_id: int) -> JsonResponse:
    """How many documents of a model are in each state, and what those that wait are waiting for.

    `chunks` are the passages that answers come from now. `in_work` counts the documents of all models: the
    workers take the parts of all of them in turn.
    """
    access.get_for(request.user, model_id)
    rows = selectors.documents_of_collection(request.user, model_id)
    found = dict(rows.order_by().values_list("status").annotate(Count("pk")))
    totals = rows.aggregate(
        chunks=Sum("served_chunks"), warned=Count("pk", filter=Q(status=Status.COMPLETED) & ~Q(warnings=[]))
    )
    return JsonResponse(
        {
            "all": sum(found.values()),
            "by_status": {status: found.get(status, 0) for status in Status.values},
            "with_warnings": totals["warned"],
            "chunks": totals["chunks"] or 0,
            "worker_alive": worker_alive(),
            "in_work": Document.objects.filter(status=Status.PROCESSING).count(),
            "rebuild_running": Rebuild.objects.filter(collection_id=model_id).exists(),
        }
    )


@page
@require_GET
def document(request: HttpRequest, document_id: int) -> HttpResponse:
    """One document: its state, how it was read, its passages."""
    found = selectors.document_for(request.user, document_id)
    own = found.session_id is None
    manages = own and access.manageable_by(request.user).filter(pk=found.collection_id).exists()
    data = {
        "id": found.pk,
        "model_id": found.collection_id,
        "manages": manages,
        "max_file_mb": settings.MAX_FILE_SIZE_MB,
        "speeds": ingestion_speeds(),
        "worker_missing": not worker_alive(),
        "in_work": Document.objects.filter(status=Status.PROCESSING).count(),
    }
    context = {
        "nav": "models" if manages else "overview",
        "document": found,
        "model": found.collection,
        "manages": manages,
        "page_data": data,
    }
    return render(request, "document.html", context)
