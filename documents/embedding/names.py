"""What a collection stores as its embedding model: where the model is, and how texts are put to it.

`intfloat/multilingual-e5-small?query=query:+&document=passage:+` is that model with these words before each
question and each passage, written as in an address. They are part of the name: vectors made with other words
have another model, so nothing is ever compared that does not belong together, in the cache neither.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from config.errors import ErrorCode, PermanentError

OPTIONS = ("query", "document")
PROMPTS_FILE = "config_sentence_transformers.json"


@dataclass(frozen=True)
class ModelName:
    """A stored name in its parts.

    Attributes:
        source: a folder, or an id of the hub.
        query, document: what stands before a question and a passage; None when the name does not say.
    """

    source: str
    query: str | None = None
    document: str | None = None


@dataclass(frozen=True)
class Prompts:
    """What stands before each question and each passage when it is embedded; mostly nothing."""

    query: str = ""
    document: str = ""


def parse(model_id: str) -> ModelName:
    """The parts of a stored name.

    Raises:
        PermanentError: EMBEDDING_FAILED, when it has options that there are not.
    """
    source, _, options = model_id.partition("?")
    found = dict(parse_qsl(options, keep_blank_values=True))
    if unknown := sorted(set(found) - set(OPTIONS)):
        raise PermanentError(
            ErrorCode.EMBEDDING_FAILED,
            f"The embedding model {source} is given {unknown[0]!r}, which is no option.",
            next_step=f"Name {' and '.join(OPTIONS)} only; docs/configuration.md says how.",
        )
    return ModelName(source, found.get("query"), found.get("document"))


def prompts_of(model_id: str, folder: Path) -> Prompts:
    """What the name says; what it leaves open is as the model's own files say."""
    name, own = parse(model_id), _own_prompts(folder)
    query = own.get("query", "") if name.query is None else name.query
    passage = own.get("document", own.get("passage", "")) if name.document is None else name.document
    return Prompts(query, passage)


def _own_prompts(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / PROMPTS_FILE).read_text(encoding="utf-8")).get("prompts") or {}
    except (OSError, ValueError):
        return {}
    return {key: text for key, text in found.items() if isinstance(text, str)}
