"""Addresses of the API, relative to /api/."""

from django.urls import URLPattern

from config.api.routing import both
from documents.api import sources, uploads, views
from documents.api.bulk import BulkUpload
from documents.api.rebuild import RebuildView
from documents.api.search import ModelSearchView

# The contract knows each address in a short and in a long spelling; clients depend on both.
DOCUMENT_PREFIXES = (("documents/<int:document_id>", ""), ("documents/documents/<int:document_id>", "-long"))

urlpatterns: list[URLPattern] = [
    *both("models/<int:model_id>/search", ModelSearchView.as_view(), "model-search"),
    *both("models/<int:collection_id>/rebuild", RebuildView.as_view(), "model-rebuild"),
    *both("uploads", uploads.Uploads.as_view(), "uploads"),
    *both("uploads/<uuid:upload_id>", uploads.UploadPieces.as_view(), "upload"),
    *both("models/<int:collection_id>/documents/bulk", BulkUpload.as_view(), "model-documents-bulk"),
    *both("models/<int:collection_id>/documents", views.CollectionDocuments.as_view(), "model-documents"),
    *both(
        "documents/models/<int:collection_id>/documents",
        views.CollectionDocuments.as_view(),
        "model-documents-long",
    ),
]
for prefix, suffix in DOCUMENT_PREFIXES:
    urlpatterns += [
        *both(prefix, views.DocumentDetail.as_view(), f"document{suffix}"),
        *both(f"{prefix}/replace", views.DocumentReplace.as_view(), f"document-replace{suffix}"),
        *both(f"{prefix}/reprocess", views.DocumentReprocess.as_view(), f"document-reprocess{suffix}"),
        *both(f"{prefix}/cancel", views.DocumentCancel.as_view(), f"document-cancel{suffix}"),
        *both(f"{prefix}/chunks", views.DocumentChunks.as_view(), f"document-chunks{suffix}"),
        *both(f"{prefix}/file", sources.DocumentFile.as_view(), f"document-file{suffix}"),
        *both(f"{prefix}/pages/<int:page>.png", sources.DocumentPage.as_view(), f"document-page{suffix}"),
    ]
