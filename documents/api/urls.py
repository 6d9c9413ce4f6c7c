"""Addresses of the API, relative to /api/."""

from django.urls import URLPattern

from config.api.routing import both
from documents.api.search import ModelSearchView

urlpatterns: list[URLPattern] = [
    *both("models/<int:model_id>/search", ModelSearchView.as_view(), "model-search"),
]
