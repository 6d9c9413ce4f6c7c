"""Pages about models: the list, a new one, its settings, who may use it. All for admins."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from collections_app import access, languages, selectors
from collections_app.models import AnswerMode, ChunkStrategy, Collection, Provider
from config.pages import page

# What each provider asks for; the settings form shows these fields and no others.
PROVIDER_FIELDS = {
    Provider.EXTRACTIVE: [],
    Provider.OLLAMA: ["llm_model_name", "llm_base_url"],
    Provider.OPENAI: ["llm_model_name", "api_key"],
    Provider.ANTHROPIC: ["llm_model_name", "api_key"],
    Provider.CUSTOM: ["llm_model_name", "llm_base_url", "api_key"],
    Provider.BUILTIN: [],
}
PROVIDER_HELP = {
    Provider.EXTRACTIVE: "The best sentences of the passages, word for word. Needs nothing, invents nothing.",
    Provider.OLLAMA: "A model on your own machine, through Ollama.",
    Provider.OPENAI: "OpenAI's API, with your key. The passages found leave this machine.",
    Provider.ANTHROPIC: "Anthropic's API, with your key. The passages found leave this machine.",
    Provider.CUSTOM: "Any server that speaks OpenAI's protocol: vLLM, LM Studio, llama.cpp, a gateway.",
    Provider.BUILTIN: "A very small LLM inside Verbatim, to see streaming. A toy: it makes things up.",
}


@page
@require_GET
def models(request: HttpRequest) -> HttpResponse:
    """Every model with its numbers."""
    access.require_manager(request.user)
    found = selectors.collections_with_counts(request.user)
    return render(request, "models.html", {"nav": "models", "models": found})


@page
@require_GET
def new(request: HttpRequest) -> HttpResponse:
    """The settings form, empty."""
    access.require_manager(request.user)
    return _form(request, Collection())


@page
@require_GET
def settings_page(request: HttpRequest, model_id: int) -> HttpResponse:
    """The settings form of one model."""
    access.get_managed(request.user, model_id)
    return _form(request, selectors.collection_with_counts(request.user, model_id))


@page
@require_GET
def access_page(request: HttpRequest, model_id: int) -> HttpResponse:
    """To whom the model is given, and who may use it why."""
    access.get_managed(request.user, model_id)
    model = selectors.collection_with_counts(request.user, model_id)
    return render(request, "model_access.html", {"nav": "models", "tab": "access", "model": model})


def _form(request: HttpRequest, model: Collection) -> HttpResponse:
    providers = [
        {"value": value, "label": label, "help": PROVIDER_HELP[Provider(value)]}
        for value, label in Provider.choices
    ]
    rebuild = getattr(model, "rebuild", None)  # no row: none runs
    wanted = rebuild.text_search_config if rebuild else model.text_search_config
    context = {
        "nav": "models",
        "tab": "settings",
        "languages": languages.choices(),
        "language": wanted,
        "present_language": ""
        if wanted == model.text_search_config
        else languages.name_of(model.text_search_config),
        "model": model,
        "questions": "\n".join(model.suggested_questions),
        "providers": providers,
        "answer_modes": AnswerMode.choices,
        "strategies": ChunkStrategy.choices,
        "form_data": {"id": model.pk, "fields": PROVIDER_FIELDS, "has_key": bool(model.has_api_key)},
    }
    return render(request, "model_settings.html", context)
