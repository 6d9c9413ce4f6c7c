"""`Collection`: what people call a model. An LLM configuration, documents, and who may use both."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from collections_app.fields import SecretTextField, Undecryptable

MAX_CHUNK_TOKENS = 240  # all-MiniLM-L6-v2 cuts silently at 256, its two special tokens included
DEFAULT_CHUNK_TOKENS = 220


class Provider(models.TextChoices):
    """Who writes the answers; one adapter each in `chat/llm/`."""

    EXTRACTIVE = "extractive", "Extractive (no LLM: quotes the passages)"
    OLLAMA = "ollama", "Ollama"
    OPENAI = "openai", "OpenAI"
    ANTHROPIC = "anthropic", "Anthropic"
    CUSTOM = "custom", "Custom (OpenAI-compatible)"
    BUILTIN = "builtin", "Built-in LLM (a toy)"

    @classmethod
    def in_words(cls, provider: str, model_name: str) -> str:
        """Who wrote, as pages say it; what is stored may be of a provider that is no more."""
        label = cls(provider).label if provider in cls.values else provider
        return ", ".join(filter(None, (label, model_name)))


class AnswerMode(models.TextChoices):
    """What happens when the documents do not hold the answer."""

    STRICT = "strict", "Strict: say so"
    ASSIST = "assist", "Assist: may answer from general knowledge, and says that it does"


class ChunkStrategy(models.TextChoices):
    """How documents are cut; one chunker each in `documents/chunking/`."""

    RECURSIVE = "recursive", "Recursive: paragraphs, then sentences"
    SEMANTIC = "semantic", "Semantic: where the topic changes"


class Collection(models.Model):
    """A model that admins build and give to users and groups. Private until it is given."""

    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True, max_length=2000)
    suggested_questions = models.JSONField(default=list, blank=True)

    llm_provider = models.CharField(max_length=16, choices=Provider.choices, default=Provider.EXTRACTIVE)
    llm_model_name = models.CharField(max_length=200, blank=True)
    llm_base_url = models.CharField(max_length=500, blank=True)
    api_key = SecretTextField(null=True, blank=True, editable=False)
    api_key_hint = models.CharField(max_length=8, blank=True, editable=False)

    system_prompt = models.TextField(blank=True, max_length=8000)
    temperature = models.FloatField(default=0.2, validators=[MinValueValidator(0), MaxValueValidator(2)])
    max_tokens = models.PositiveIntegerField(
        default=1024, validators=[MinValueValidator(16), MaxValueValidator(32_000)]
    )
    context_tokens = models.PositiveIntegerField(
        default=8192,
        validators=[MinValueValidator(1024), MaxValueValidator(1_000_000)],
        help_text="The LLM's window; the prompt and the answer are kept within it.",
    )
    top_k = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    similarity_threshold = models.FloatField(
        default=0.3, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    history_length = models.PositiveSmallIntegerField(default=5, validators=[MaxValueValidator(50)])
    answer_mode = models.CharField(max_length=8, choices=AnswerMode.choices, default=AnswerMode.STRICT)

    chunk_strategy = models.CharField(
        max_length=12, choices=ChunkStrategy.choices, default=ChunkStrategy.RECURSIVE
    )
    chunk_size = models.PositiveSmallIntegerField(
        default=DEFAULT_CHUNK_TOKENS,
        validators=[MinValueValidator(32), MaxValueValidator(MAX_CHUNK_TOKENS)],
        help_text="Tokens of the embedding model.",
    )
    chunk_overlap = models.PositiveSmallIntegerField(
        default=30, validators=[MaxValueValidator(MAX_CHUNK_TOKENS // 2)]
    )
    text_search_config = models.CharField(
        "language",
        max_length=63,
        default="english",
        help_text="PostgreSQL's text search configuration that its documents are indexed with.",
    )
    embedding_model = models.CharField(max_length=200, editable=False)
    embedding_dimension = models.PositiveSmallIntegerField(editable=False)

    users = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="granted_collections")
    groups = models.ManyToManyField(Group, blank=True, related_name="granted_collections")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        verbose_name = "model"
        verbose_name_plural = "models"

    def __str__(self) -> str:
        return self.name

    @property
    def has_api_key(self) -> bool:
        """Whether a key is stored and can be read."""
        return bool(self.api_key)

    @property
    def api_key_unreadable(self) -> bool:
        """Whether a key is stored that none of FERNET_KEYS opens."""
        return isinstance(self.api_key, Undecryptable)
