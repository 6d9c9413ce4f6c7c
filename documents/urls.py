"""Addresses of the pages."""

from config.api.routing import both
from documents import views

urlpatterns = [
    *both("models/<int:model_id>", views.model_documents, "model-documents"),
    *both("models/<int:model_id>/try", views.try_retrieval, "model-try"),
    *both("models/<int:model_id>/counts", views.counts, "model-counts"),
    *both("documents/<int:document_id>", views.document, "document-page"),
]
