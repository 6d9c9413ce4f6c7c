"""Addresses of the OpenAI protocol, relative to /v1/."""

from chat.openai_api import views
from config.api.routing import both

urlpatterns = [
    *both("chat/completions", views.ChatCompletionsView.as_view(), "v1-chat-completions"),
    *both("models", views.ModelsView.as_view(), "v1-models"),
    *both("models/<path:model_name>", views.ModelView.as_view(), "v1-model"),
]
