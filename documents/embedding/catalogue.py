"""The embedding models that admins may choose from, and what their folders say about them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from collections_app.languages import NO_LANGUAGE
from config.errors import ErrorCode, PermanentError, VerbatimError
from documents.embedding import names
from documents.embedding.weights import DEFAULT_MODEL, WEIGHTS, find_here

# Text search configurations of the languages that a model was made for. One that is not here is taken to know
# the language of the documents: an operator who adds a model chooses it for them.
LANGUAGES = {DEFAULT_MODEL: frozenset({"english"})}
LAST_LATIN = "\u024f"


@dataclass(frozen=True)
class Choice:
    """A model on the list.

    Attributes:
        id: what a collection stores.
        dimension: numbers per vector; None when the model is not on this machine (yet).
        note: why it cannot be chosen, or what is worth knowing; may be empty.
    """

    id: str
    dimension: int | None
    note: str


def available() -> list[Choice]:
    """EMBEDDING_MODELS, each with what can be said about it without loading it."""
    return [_choice(model_id) for model_id in settings.EMBEDDING_MODELS]


def require_usable(model_id: str) -> None:
    """See that collections may use the model here.

    Raises:
        VerbatimError: VALIDATION_ERROR when it is not on the list; EMBEDDING_FAILED when it is not on this
            machine; EMBEDDING_DIMENSION when its vectors do not fit the columns.
    """
    if model_id not in settings.EMBEDDING_MODELS:
        names = ", ".join(settings.EMBEDDING_MODELS)
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"embedding_model": [f"Choose one of: {names}."]}
        )
    dimension = dimension_of(model_id)
    if dimension is None:
        raise PermanentError(
            ErrorCode.EMBEDDING_FAILED,
            f"The embedding model {model_id} is not on this machine.",
            next_step="Let the operator put it there; docs/admin-guide.md says how.",
        )
    if dimension != settings.EMBEDDING_DIMENSION:
        raise VerbatimError(
            ErrorCode.EMBEDDING_DIMENSION,
            details={"dimension": dimension, "needed": settings.EMBEDDING_DIMENSION},
        )


def understands(model_id: str, language: str, question: str) -> bool:
    """Whether a model was made for the language of a collection and of what is asked of it.

    Args:
        language: the collection's text search configuration; where it names none, the script of the question
            tells whether it can be English.
    """
    known = LANGUAGES.get(names.parse(model_id).source)
    if known is None or language in known:
        return True
    letters = [character for character in question if character.isalpha()]
    latin = sum(character <= LAST_LATIN for character in letters)
    return language == NO_LANGUAGE and 2 * latin >= len(letters)


def dimension_of(model_id: str) -> int | None:
    """Numbers per vector, read from the model's configuration; None when it is not on this machine."""
    if settings.EMBEDDING_BACKEND == "fake":
        return settings.EMBEDDING_DIMENSION
    folder = find_here(model_id)
    if folder is None or not (folder / WEIGHTS).exists():
        return None
    return folder_dimension(folder)


def folder_dimension(folder: Path) -> int | None:
    """The same for a folder: of its last dense layer if it has one, else of the transformer."""
    dense = [
        module for module in _read(folder / "modules.json", []) if module.get("type", "").endswith("Dense")
    ]
    if dense:
        found = _read(folder / dense[-1].get("path", "") / "config.json", {}).get("out_features")
    else:
        config = _read(folder / "config.json", {})
        found = config.get("hidden_size") or config.get("dim")
    return int(found) if found else None


def _choice(model_id: str) -> Choice:
    try:
        names.parse(model_id)
    except PermanentError as error:
        return Choice(model_id, None, error.message)
    dimension = dimension_of(model_id)
    if dimension is None:
        return Choice(model_id, None, "It is not on this machine.")
    if dimension != settings.EMBEDDING_DIMENSION:
        needed = settings.EMBEDDING_DIMENSION
        return Choice(model_id, dimension, f"Its vectors have {dimension} numbers; {needed} are needed.")
    return Choice(model_id, dimension, "")


def _read(path: Path, default: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default
