"""The page of a model's feedback."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chat.feedback.selectors import (
    documents_not_helpful,
    feedback_of,
    hidden_passages,
    passages_of,
    ratings,
)
from chat.models import Rating
from collections_app import access
from collections_app.models import Provider
from collections_app.selectors import collection_with_counts
from config.pages import page

SIZE = 25


@page
@require_GET
def model_feedback(request: HttpRequest, model_id: int) -> HttpResponse:
    """What readers thought, with the passages that the answers were given; for those who manage the model."""
    collection = access.get_managed(request.user, model_id)
    rating = request.GET.get("rating", Rating.DOWN)
    rating = rating if rating in Rating.values else ""
    found = feedback_of(collection)
    shown = Paginator(found.filter(rating=rating) if rating else found, SIZE).get_page(
        request.GET.get("page")
    )
    context: dict[str, Any] = {
        "nav": "models",
        "tab": "feedback",
        "model": collection_with_counts(request.user, model_id),
        "rating": rating,
        "ratings": ratings(collection),
        "shown": shown,
        "opinions": [
            {
                "feedback": feedback,
                "llm": Provider.in_words(feedback.message.llm_provider, feedback.message.llm_model_name),
                "passages": [one | {"place": _place(one)} for one in passages_of(feedback.message)],
                "hidden": hidden_passages(feedback.message),
            }
            for feedback in shown
        ],
        "documents": documents_not_helpful(collection),
    }
    return render(request, "model_feedback.html", context)


def _place(passage: dict[str, Any]) -> str:
    for word, stretch in (("row", passage["rows"]), ("line", passage["lines"])):
        if stretch:
            first, last = stretch
            return f"{word} {first}" if first == last else f"{word}s {first}–{last}"
    if not passage["page"]:
        return ""
    last = passage["page_to"]
    return (
        f"pages {passage['page']}–{last}" if last and last != passage["page"] else f"page {passage['page']}"
    )
