"""Addresses of the API, relative to /api/."""

from chat.api import ask, messages, model_test, sessions
from config.api.routing import both

urlpatterns = [
    *both("chat/chat", ask.ChatView.as_view(), "chat"),
    *both("chat/stream", ask.StreamView.as_view(), "chat-stream"),
    *both("chat/upload", ask.UploadView.as_view(), "chat-upload"),
    *both("chat/sessions", sessions.SessionsView.as_view(), "chat-sessions"),
    *both("chat/sessions/<uuid:session_id>", sessions.SessionView.as_view(), "chat-session"),
    *both(
        "chat/sessions/<uuid:session_id>/messages", sessions.SessionMessagesView.as_view(), "chat-messages"
    ),
    *both("chat/sessions/<uuid:session_id>/export", sessions.ExportView.as_view(), "chat-export"),
    *both("chat/history", sessions.HistoryView.as_view(), "chat-history"),
    *both("chat/messages/<int:message_id>/feedback", messages.FeedbackView.as_view(), "chat-feedback"),
    *both("chat/messages/<int:message_id>/trace", messages.TraceView.as_view(), "chat-trace"),
    *both("models/<int:collection_id>/test", model_test.ModelTestView.as_view(), "model-test"),
    *both("llm/providers", model_test.ProvidersView.as_view(), "llm-providers"),
]
