"""Addresses of the API, relative to /api/."""

from chat.api import again, ask, evaluation, exports, messages, model_test, running, sessions, usage
from chat.feedback.api import ModelFeedbackView
from config.api.routing import both

SOURCE = "chat/messages/<int:message_id>/sources/<int:marker>"
EVALUATION = "models/<int:collection_id>/evaluation"

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
    *both("chat/sessions/<uuid:session_id>/export", exports.ExportView.as_view(), "api-chat-export"),
    *both("chat/export", exports.ExportAllView.as_view(), "api-chat-export-all"),
    *both("chat/history", sessions.HistoryView.as_view(), "api-chat-history"),
    *both("chat/messages/<int:message_id>/stream", running.FollowView.as_view(), "api-chat-follow"),
    *both("chat/messages/<int:message_id>/stop", running.StopView.as_view(), "api-chat-stop"),
    *both("chat/messages/<int:message_id>/regenerate", again.RegenerateView.as_view(), "api-chat-regenerate"),
    *both("chat/messages/<int:message_id>/continue", again.ContinueView.as_view(), "api-chat-continue"),
    *both("chat/messages/<int:message_id>/edit", again.EditView.as_view(), "api-chat-edit"),
    *both("chat/messages/<int:message_id>/feedback", messages.FeedbackView.as_view(), "api-chat-feedback"),
    *both(SOURCE, messages.SourceView.as_view(), "api-chat-source"),
    *both(f"{SOURCE}/lines", messages.SourceLinesView.as_view(), "api-chat-source-lines"),
    *both(f"{SOURCE}/pages/<int:page>.png", messages.SourcePageView.as_view(), "api-chat-source-page"),
    *both("chat/messages/<int:message_id>/trace", messages.TraceView.as_view(), "api-chat-trace"),
    *both("usage", usage.OwnUsage.as_view(), "api-usage"),
    *both("usage/users", usage.UsersUsage.as_view(), "api-usage-users"),
    *both("usage/groups", usage.GroupsUsage.as_view(), "api-usage-groups"),
    *both("users/<int:user_id>/limits", usage.UserLimits.as_view(), "api-user-limits"),
    *both("groups/<int:group_id>/limits", usage.GroupLimits.as_view(), "api-group-limits"),
    *both("models/<int:collection_id>/test", model_test.ModelTestView.as_view(), "model-test"),
    *both("llm/providers", model_test.ProvidersView.as_view(), "llm-providers"),
    *both("models/<int:collection_id>/feedback", ModelFeedbackView.as_view(), "model-feedback-list"),
    *both(f"{EVALUATION}/questions", evaluation.TestQuestions.as_view(), "test-questions"),
    *both(f"{EVALUATION}/questions/keep", evaluation.TestQuestionsKeep.as_view(), "test-questions-keep"),
    *both(
        f"{EVALUATION}/questions/import", evaluation.TestQuestionsImport.as_view(), "test-questions-import"
    ),
    *both(
        f"{EVALUATION}/questions/export", evaluation.TestQuestionsExport.as_view(), "test-questions-export"
    ),
    *both(f"{EVALUATION}/questions/<int:question_id>", evaluation.TestQuestion.as_view(), "test-question"),
    *both(f"{EVALUATION}/runs", evaluation.Runs.as_view(), "evaluation-runs"),
    *both(f"{EVALUATION}/runs/<int:run_id>", evaluation.Run.as_view(), "evaluation-run"),
    *both(f"{EVALUATION}/runs/<int:run_id>/cancel", evaluation.RunCancel.as_view(), "evaluation-cancel"),
    *both(f"{EVALUATION}/runs/<int:run_id>/results", evaluation.RunResults.as_view(), "evaluation-results"),
    *both(f"{EVALUATION}/runs/<int:run_id>/export", evaluation.RunExport.as_view(), "evaluation-export"),
    *both(f"{EVALUATION}/compare", evaluation.Compare.as_view(), "evaluation-compare"),
]
