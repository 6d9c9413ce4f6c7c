"""The overview and the chat page: shells that talk to the API and the chat's socket."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from chat import selectors
from chat.models import ChatSession
from chat.removal import sessions_delete_all
from chat.usage.limits import bounds_of
from collections_app import access
from collections_app.models import Collection, Provider
from collections_app.selectors import collections_with_counts
from config.api.health import worker_alive
from config.api.throttling import client_address
from config.pages import page
from documents.models import UNFINISHED, Status
from documents.selectors import documents_visible_to

DELETE_ALL = "delete all my chats"
RECENT = 6
ATTENTION = 8
PROVIDER_LABELS = {
    Provider.EXTRACTIVE: "quotes, no LLM",
    Provider.OLLAMA: "Ollama",
    Provider.OPENAI: "OpenAI",
    Provider.ANTHROPIC: "Anthropic",
    Provider.CUSTOM: "own LLM server",
    Provider.BUILTIN: "built-in LLM",
}


@page
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Models to chat with, recent chats, and for admins what wants attention."""
    user = _user(request)
    sessions = selectors.sessions_listed(user).select_related("collection")
    context: dict[str, Any] = {
        "nav": "overview",
        "models": [_card(model) for model in collections_with_counts(user)],
        "sessions": sessions[:RECENT],
    }
    if user.is_admin:
        documents = documents_visible_to(user).filter(session_id__isnull=True).select_related("collection")
        context |= {
            "worker_missing": not worker_alive(),
            "in_work": documents.filter(status__in=UNFINISHED)[:ATTENTION],
            "failed": documents.filter(status=Status.FAILED)[:ATTENTION],
        }
    return render(request, "overview.html", context)


@page
@require_GET
def chat(request: HttpRequest, session_id: uuid.UUID | None = None) -> HttpResponse:
    """A conversation, or a new one with the model that `?model=` names.

    `?resume=` is the conversation that this tab showed last; when it is gone, a new one begins.
    """
    user = _user(request)
    if "resume" in request.GET:
        return redirect(_resumed(user, request.GET["resume"]))
    models = [_card(model) for model in collections_with_counts(user)]
    session = selectors.session_for(user, session_id) if session_id else None
    data = {
        "session": _session(session) if session else None,
        "models": models,
        "model_id": session.collection_id if session else _chosen(request, user, models),
        "is_admin": user.is_admin,
        "tokens_limited": any(bound.what == "tokens_per_day" for bound in bounds_of(user)),
        "attachments": _attachments(user, session) if session else [],
    }
    return render(request, "chat.html", {"nav": "chat", "chat_data": data, "session": session})


@page
@require_POST
def chats_delete_all(request: HttpRequest) -> HttpResponse:
    """All of one's own chats, from the account page, once the sentence there has been typed."""
    if " ".join(request.POST.get("confirm", "").lower().split()) != DELETE_ALL:
        messages.error(request, f"Nothing was deleted. Type “{DELETE_ALL}” to delete all your chats.")
        return redirect("account")
    deleted = sessions_delete_all(user=_user(request), address=client_address(request))
    what = "Your chat was" if deleted == 1 else f"Your {deleted} chats were"
    messages.success(request, f"{what} deleted." if deleted else "You had no chats.")
    return redirect("account")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # `page` lets nobody else in
    return request.user


def _resumed(user: User, asked: str) -> str:
    try:
        session = selectors.sessions_visible_to(user).filter(pk=uuid.UUID(asked)).first()
    except ValueError:
        session = None
    return f"/chat/{session.pk}/" if session else "/chat/"


def _chosen(request: HttpRequest, user: User, models: list[dict[str, Any]]) -> int | None:
    """The model to talk to: the one asked for, else the last one used, else the first."""
    asked = request.GET.get("model", "")
    if asked.isdecimal() and len(asked) < 19:
        return access.get_for(user, int(asked)).pk
    last = selectors.sessions_listed(user).first()
    if last is not None:
        return last.collection_id
    return models[0]["id"] if models else None


def _card(model: Collection) -> dict[str, Any]:
    label = PROVIDER_LABELS[Provider(model.llm_provider)]
    if model.llm_model_name and model.llm_provider != Provider.BUILTIN:
        label = f"{label}, {model.llm_model_name}"
    return {
        "id": model.pk,
        "name": model.name,
        "description": model.description,
        "suggested_questions": model.suggested_questions,
        "document_count": model.document_count,  # type: ignore[attr-defined]
        "answer_mode": model.answer_mode,
        "provider_label": label,
        "is_toy": model.llm_provider == Provider.BUILTIN,
    }


def _attachments(user: User, session: ChatSession) -> list[dict[str, Any]]:
    """The files that belong to this chat alone; the page follows those that are still being read."""
    found = documents_visible_to(user).filter(session_id=session.pk).order_by("id")
    return [{"id": one.pk, "name": one.name, "status": one.status} for one in found]


def _session(session: ChatSession) -> dict[str, Any]:
    return {"id": str(session.pk), "title": session.title, "model_id": session.collection_id}
