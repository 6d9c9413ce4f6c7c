"""Addresses of the API, relative to /api/."""

from chat.api import ask, messages, model_test, sessions
from config.api.routing import both

urlpatterns = [
    *both("chat/chat", ask.ChatView.as_view(), "api-chat"),
    *both("chat/stream", ask.StreamView.as_view(), "api-chat-stream"),
    *both("chat/upload", ask.UploadView.as_view(), "api-chat-upload"),
    *both("chat/sessions", sessions.SessionsView.as_view(), "api-chat-sessions"),
    *both("chat/sessions/<uuid:session_id>", sessions.SessionView.as_view(), "api-chat-session"),
    *both(
        "chat/sessions/<uuid:session_id>/messages",
        sessions.SessionMessagesView.as_view(),
        "api-chat-messages",
    ),
    *both("chat/sessions/<uuid:session_id>/export", sessions.ExportView.as_view(), "api-chat-export"),
    *both("chat/history", sessions.HistoryView.as_view(), "api-chat-history"),
    *both("chat/messages/<int:message_id>/feedback", messages.FeedbackView.as_view(), "api-chat-feedback"),
    *both("chat/messages/<int:message_id>/trace", messages.TraceView.as_view(), "api-chat-trace"),
    *both("models/<int:collection_id>/test", model_test.ModelTestView.as_view(), "model-test"),
    *both("llm/providers", model_test.ProvidersView.as_view(), "llm-providers"),
]
