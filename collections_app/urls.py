"""Addresses of the pages."""

from collections_app import views
from config.api.routing import both

urlpatterns = [
    *both("models", views.models, "models-page"),
    *both("models/new", views.new, "model-new"),
    *both("models/<int:model_id>/settings", views.settings_page, "model-settings"),
    *both("models/<int:model_id>/access", views.access_page, "model-access"),
]
