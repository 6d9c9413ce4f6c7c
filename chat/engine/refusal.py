"""The honest answer of a strict model whose documents do not hold the answer. No LLM writes it."""

from collections.abc import Iterable
from typing import Any

NOTHING = "The documents of this model do not answer this question, so I will not guess."
SHOWN = 3


def refusal_text(nearest: Iterable[dict[str, Any]]) -> str:
    """Markdown that refuses, and names the documents that came nearest.

    Args:
        nearest: `SearchResult.nearest`, best first.
    """
    names = list(dict.fromkeys(str(document["document_name"]) for document in nearest))[:SHOWN]
    if not names:
        return f"{NOTHING} There is nothing near it in them either."
    lines = "\n".join(f"- {_literal(name)}" for name in names)
    return f"{NOTHING} The nearest documents are:\n\n{lines}"


def _literal(name: str) -> str:
    """A file's name as inline code, so that nothing in it is read as Markdown."""
    return "`" + name.replace("`", "'").replace("\n", " ") + "`"
