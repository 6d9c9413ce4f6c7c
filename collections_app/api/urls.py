"""Addresses of the API, relative to /api/."""

from collections_app.api import views
from config.api.routing import both

urlpatterns = [
    *both("models", views.Collections.as_view(), "models"),
    *both("models/<int:collection_id>", views.CollectionDetail.as_view(), "model"),
    *both("models/<int:collection_id>/users", views.CollectionAccess.as_view(), "model-users"),
]
