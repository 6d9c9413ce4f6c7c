"""Addresses of the pages."""

from django.urls import path

from chat import views
from chat.evaluation import pages as evaluation
from chat.feedback.pages import model_feedback
from chat.usage import pages as usage
from config.api.routing import both

urlpatterns = [
    path("", views.overview, name="overview"),
    *both("chat", views.chat, "chat"),
    *both("chat/<uuid:session_id>", views.chat, "chat-session"),
    *both("account/chats/delete", views.chats_delete_all, "chats-delete-all"),
    *both("models/<int:model_id>/feedback", model_feedback, "model-feedback"),
    *both("models/<int:model_id>/evaluate", evaluation.model_evaluate, "model-evaluate"),
    *both("usage", usage.own, "usage"),
    *both("usage/people", usage.people, "usage-people"),
]
