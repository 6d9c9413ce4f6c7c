"""Paths of the API answer with and without a trailing slash."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path


def both(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """Two patterns for one address; the name belongs to the one without the slash.

    Args:
        route: Django's path syntax, without a trailing slash.
        view: the view function.
        name: for `reverse`.
    """
    return [path(route, view, name=name), path(f"{route}/", view)]


def drop_slashed(endpoints: list[tuple], **kwargs: Any) -> list[tuple]:
    """drf-spectacular's preprocessing hook: document each address once."""
    return [endpoint for endpoint in endpoints if not endpoint[0].rstrip().endswith("/")]
