"""Chat sessions, their messages, and the sources that each answer cites."""

import uuid

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q

from chat.fields import words_of, words_when_finished
from chat.usage.models import UsageEntry as UsageEntry  # Django looks for an app's models here
from chat.usage.models import UsageLimit as UsageLimit
from collections_app.models import Collection
from documents.models import BY_DATABASE, Chunk, Document


class ChatSession(models.Model):
    """One conversation of one user with one collection: a tree of messages, of which one path is shown."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_sessions")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="chat_sessions")
    title = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True, help_text="The time of the last message.")
    title_vector = models.GeneratedField(
        expression=words_of("title"), output_field=SearchVectorField(), db_persist=True
    )
    given = models.JSONField(
        null=True, help_text="What a client of /v1 sent along, see chat.given; such a chat is not listed."
    )
    head = models.ForeignKey(
        "Message",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The last message of the path that is shown; see chat.tree.",
    )

    class Meta:
        ordering = ("-updated_at", "id")
        indexes = [models.Index(fields=["user", "-updated_at"])]

    def __str__(self) -> str:
        return f"chat {self.pk}"  # a title is what somebody asked: nothing for logs and consoles


class MessageManager(models.Manager["Message"]):
    """Rows without their text vectors, which nobody reads."""

    def get_queryset(self) -> models.QuerySet["Message"]:
        return super().get_queryset().defer("search_vector")


class MessageRole(models.TextChoices):
    USER = "user", "User"
    ASSISTANT = "assistant", "Assistant"


class MessageStatus(models.TextChoices):
    """What became of a message. Only assistants' messages are ever anything but `complete`."""

    STREAMING = "streaming", "Being written"
    COMPLETE = "complete", "Complete"
    STOPPED = "stopped", "Stopped by its reader"
    INTERRUPTED = "interrupted", "Interrupted: the process that wrote it died"
    FAILED = "failed", "Failed"


class Message(models.Model):
    """One turn. An answer's parent is its question, a question's parent the answer that it was asked after.

    Messages with the same parent are versions of each other. An answer owns its sources and its trace.
    """

    session = models.ForeignKey(ChatSession, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=10, choices=MessageRole.choices)
    status = models.CharField(max_length=12, choices=MessageStatus.choices, default=MessageStatus.COMPLETE)
    content = models.TextField(blank=True)
    parent = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.CASCADE,
        related_name="children",
        help_text="Null for a first question.",
    )
    continues = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="continuations",
        help_text="The answer whose text this one begins with and whose place it takes.",
    )
    client_id = models.CharField(max_length=64, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="Of a question with a client_id: whose id that is. It names one question of his for good.",
    )
    llm_provider = models.CharField(max_length=16, blank=True)
    llm_model_name = models.CharField(max_length=200, blank=True)
    finish_reason = models.CharField(max_length=12, blank=True, help_text="stop, length, stopped or error.")
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_next_step = models.TextField(blank=True)
    usage = models.JSONField(default=dict, help_text="{prompt_tokens, completion_tokens, ...}")
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True)
    search_vector = models.GeneratedField(
        expression=words_when_finished(), output_field=SearchVectorField(), db_persist=True
    )

    objects = MessageManager()

    class Meta:
        ordering = ("id",)
        indexes = [
            models.Index(fields=["session", "id"]),
            GinIndex(fields=["search_vector"], name="message_search_vector"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(status="streaming"),
                name="message_one_generation_per_session",
            ),
            models.UniqueConstraint(fields=["asked_by", "client_id"], name="message_client_id_once"),
        ]

    def __str__(self) -> str:
        return f"{self.role} message {self.pk}"


class MessageSource(models.Model):
    """One numbered passage of an answer, bound to the message. Keeps what was cited if the chunk goes."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="sources")
    marker = models.PositiveSmallIntegerField(help_text="The n of [n], from 1 within the message.")
    chunk = models.ForeignKey(Chunk, null=True, related_name="+", **BY_DATABASE)
    document = models.ForeignKey(Document, null=True, related_name="+", **BY_DATABASE)
    document_name = models.CharField(max_length=255)
    document_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the bytes that the passage was read from."
    )
    content = models.TextField()
    section = models.CharField(max_length=255, blank=True)
    page = models.PositiveIntegerField(null=True)
    page_to = models.PositiveIntegerField(null=True)
    rows = models.JSONField(null=True, help_text="[from, to] for CSV.")
    lines = models.JSONField(null=True, help_text="[from, to] for text.")
    char_start = models.PositiveIntegerField(
        null=True, help_text="As the chunk's; null for a computed passage, or where it is not known any more."
    )
    char_end = models.PositiveIntegerField(null=True)
    similarity_score = models.FloatField()
    cited = models.BooleanField(default=False)
    likely = models.BooleanField(default=False, help_text="Attached by us: the answer cited nothing.")
    supported = models.BooleanField(null=True, help_text="Null: not checked (not cited).")

    class Meta:
        ordering = ("message_id", "marker")
        constraints = [models.UniqueConstraint(fields=["message", "marker"], name="source_marker_once")]

    def __str__(self) -> str:
        return f"[{self.marker}] {self.document_name}"


class MessageTrace(models.Model):
    """Why this answer: rewritten question, candidates with ranks and scores, cuts, tokens, milliseconds."""

    message = models.OneToOneField(Message, primary_key=True, on_delete=models.CASCADE, related_name="trace")
    data = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"trace of message {self.message_id}"


class Rating(models.TextChoices):
    UP = "up", "Helpful"
    DOWN = "down", "Not helpful"


class Feedback(models.Model):
    """What the reader thought of an answer."""

    message = models.OneToOneField(
        Message, primary_key=True, on_delete=models.CASCADE, related_name="feedback"
    )
    rating = models.CharField(max_length=4, choices=Rating.choices)
    comment = models.TextField(blank=True, max_length=2000)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "feedback"

    def __str__(self) -> str:
        return f"{self.rating} for message {self.message_id}"


class EvaluationQuestion(models.Model):
    """A test question of a collection: where its answer stands (its places), or that it stands nowhere."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="evaluation_questions")
    question = models.TextField()
    answerable = models.BooleanField(default=True, help_text="False: the documents do not hold the answer.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"test question {self.pk}"


class EvaluationPlace(models.Model):
    """A place where a test question's answer stands; of several each holds it.

    All that is given must hold of a found passage: the document, the page, the text. The document is named
    too, so that the expectation outlives a document that is deleted and uploaded again.
    """

    question = models.ForeignKey(EvaluationQuestion, on_delete=models.CASCADE, related_name="places")
    document = models.ForeignKey(Document, null=True, blank=True, related_name="+", **BY_DATABASE)
    document_name = models.CharField(max_length=255, blank=True)
    page = models.PositiveIntegerField(null=True, blank=True)
    passage = models.TextField(blank=True, help_text="Text that the passage must hold.")

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                condition=~Q(document_name="", passage=""), name="evaluation_place_names_something"
            )
        ]

    def __str__(self) -> str:
        return f"place {self.pk} of test question {self.question_id}"


class RunStatus(models.TextChoices):
    """The last three are final."""

    QUEUED = "queued", "Waiting for a worker"
    RUNNING = "running", "Running"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class EvaluationRun(models.Model):
    """All test questions of a collection asked once, with these settings.

    A worker holds it by a lease that it renews; each question that is done is stored by itself.
    """

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="evaluation_runs")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    label = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.QUEUED)
    settings = models.JSONField(default=dict, help_text="What was in force; see evaluation.services.")
    with_answers = models.BooleanField(
        default=False, help_text="Answers were written, not only searched for."
    )
    questions_total = models.PositiveIntegerField(default=0)
    questions_done = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_next_step = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Since the last question was done.")
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"evaluation run {self.pk}"


class Verdict(models.TextChoices):
    """What became of one question of a run."""

    RIGHT = "right", "Right"
    WRONG = "wrong", "Wrong"
    ERROR = "error", "Could not be asked"


class EvaluationResult(models.Model):
    """One question of a run: as it was asked and expected then, and what was found."""

    run = models.ForeignKey(EvaluationRun, on_delete=models.CASCADE, related_name="results")
    index = models.PositiveIntegerField(help_text="From 0, in the order of the questions.")
    source = models.ForeignKey(EvaluationQuestion, null=True, on_delete=models.SET_NULL, related_name="+")
    question = models.TextField()
    answerable = models.BooleanField()
    expected = models.JSONField(
        default=list, help_text="Its places then: document_id, document_name, page, passage of each."
    )

    done = models.BooleanField(default=False)
    verdict = models.CharField(max_length=5, choices=Verdict.choices, blank=True)
    found = models.JSONField(default=list, help_text="The best passages, with whether each fits.")
    rank = models.PositiveSmallIntegerField(null=True, help_text="Of the first passage that fits, from 1.")
    ranks = models.JSONField(
        default=list, help_text="Per expected place, of the first passage there; null for none."
    )
    recall = models.FloatField(null=True)
    refused = models.BooleanField(null=True)
    search_ms = models.FloatField(null=True)
    answer_ms = models.FloatField(null=True)
    answer = models.TextField(blank=True)
    citations = models.PositiveSmallIntegerField(null=True, help_text="Passages that the answer cites.")
    supported = models.PositiveSmallIntegerField(null=True, help_text="Of these, how many bear it out.")
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)

    class Meta:
        ordering = ("run_id", "index")
        constraints = [models.UniqueConstraint(fields=["run", "index"], name="evaluation_result_once")]

    def __str__(self) -> str:
        return f"result {self.index} of evaluation run {self.run_id}"
