"""The page of a model's test questions: a shell that talks to the API."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chat.evaluation import exchange, rules
from collections_app import access
from collections_app.models import AnswerMode, Provider
from collections_app.selectors import collection_with_counts
from config.pages import page


@page
@require_GET
def model_evaluate(request: HttpRequest, model_id: int) -> HttpResponse:
    """Test questions, runs, one run, two runs side by side; for those who manage the model."""
    access.get_managed(request.user, model_id)
    model = collection_with_counts(request.user, model_id)
    data = {
        "model_id": model.pk,
        "top_k": model.top_k,
        "similarity_threshold": model.similarity_threshold,
        "answer_mode": model.answer_mode,
        "max_bytes": exchange.MAX_BYTES,
    }
    context = {
        "nav": "models",
        "tab": "evaluate",
        "model": model,
        "page_data": data,
        "answer_modes": AnswerMode.choices,
        "quotes": model.llm_provider == Provider.EXTRACTIVE,
        "max_passage_chars": rules.MAX_PASSAGE_CHARS,
    }
    return render(request, "model_evaluate.html", context)
