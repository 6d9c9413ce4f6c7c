"""Addresses of the API, relative to /api/."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
