"""The rules that span several fields of a model; single fields are checked by the model's own validators."""

import math
from typing import Any

from django.core.exceptions import ValidationError

from collections_app import languages
from collections_app.models import Collection, Provider
from config import names, outbound
from config.errors import ErrorCode, VerbatimError

EDITABLE = frozenset(
    {
        "name",
        "description",
        "suggested_questions",
        "llm_provider",
        "llm_model_name",
        "llm_base_url",
        "system_prompt",
        "temperature",
        "max_tokens",
        "context_tokens",
        "top_k",
        "similarity_threshold",
        "history_length",
        "answer_mode",
        "chunk_strategy",
        "chunk_size",
        "chunk_overlap",
        "text_search_config",
    }
)
MAX_QUESTIONS = 6
MAX_QUESTION_CHARS = 200
MAX_KEY_CHARS = 1000
WITHOUT_MODEL_NAME = (Provider.EXTRACTIVE, Provider.BUILTIN)


def check(collection: Collection) -> None:
    """Raise unless the instance is fit to be saved.

    Raises:
        VerbatimError: VALIDATION_ERROR with one entry per field.
    """
    details: dict[str, list[str]] = {}
    try:
        collection.clean_fields(exclude={field.name for field in collection._meta.fields} - EDITABLE)
    except ValidationError as error:
        details |= error.message_dict
    for field, reason in _across_fields(collection):
        details.setdefault(field, []).append(reason)
    if "name" not in details and names.is_deceptive(collection.name):
        details["name"] = [names.REFUSAL]
    taken = Collection.objects.filter(name=collection.name).exclude(pk=collection.pk)
    if "name" not in details and taken.exists():
        details["name"] = ["A model with this name exists."]
    if details:
        raise VerbatimError(ErrorCode.VALIDATION_ERROR, details=details)


def check_key(key: str) -> None:
    """Raise unless this can be sent as a key in an HTTP header.

    Raises:
        VerbatimError: VALIDATION_ERROR; the key itself is not repeated.
    """
    if len(key) > MAX_KEY_CHARS or not key.isascii() or not key.isprintable() or " " in key:
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR,
            details={"api_key": ["A key has no spaces, no line breaks and ASCII characters only."]},
        )


def _across_fields(collection: Collection) -> list[tuple[str, str]]:
    found = [("llm_base_url", reason) for reason in _base_url(collection)]
    if collection.llm_provider not in WITHOUT_MODEL_NAME and not collection.llm_model_name:
        found.append(("llm_model_name", "This provider needs the name of a model."))
    size, overlap = collection.chunk_size, collection.chunk_overlap
    if isinstance(size, int) and isinstance(overlap, int) and overlap >= size / 2:
        found.append(("chunk_overlap", "The overlap must be less than half of the chunk size."))
    for name in ("temperature", "similarity_threshold"):
        value = getattr(collection, name)
        if isinstance(value, float) and math.isnan(value):  # passes every comparison of the validators
            found.append((name, "This is not a number."))
    found += [
        ("text_search_config", reason) for reason in languages.complaints(collection.text_search_config)
    ]
    found += [("suggested_questions", reason) for reason in _questions(collection.suggested_questions)]
    return found


def _base_url(collection: Collection) -> list[str]:
    if not collection.llm_base_url:
        if collection.llm_provider == Provider.CUSTOM:
            return ["A custom provider needs its base URL."]
        return []
    try:
        outbound.check_url(collection.llm_base_url)
    except VerbatimError as refusal:
        return [refusal.message]
    return []


def _questions(questions: Any) -> list[str]:
    if not isinstance(questions, list) or not all(isinstance(item, str) for item in questions):
        return ["This must be a list of texts."]
    if len(questions) > MAX_QUESTIONS:
        return [f"At most {MAX_QUESTIONS} questions."]
    if not all(item.strip() and len(item) <= MAX_QUESTION_CHARS for item in questions):
        return [f"Each question has 1 to {MAX_QUESTION_CHARS} characters."]
    return []
