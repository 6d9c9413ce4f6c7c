"""The honest answer of a model whose documents do not hold the answer: ours, or what an LLM says then."""

from collections.abc import Iterable
from typing import Any

from chat.engine.wording import says_no

NOTHING = "The documents of this model do not answer this question, so I will not guess."
NO_DOCUMENTS = "This model holds no documents yet, so there is nothing to answer from."
NOT_READY = "The documents of this model are still being processed, so I cannot answer from them yet."
NEAREST = "The nearest documents are:"
SHOWN = 3


def is_refusal(text: str) -> bool:
    """Whether an answer claims nothing about the documents: one of ours, or an LLM's with our list behind."""
    first, _, _ = text.strip().partition(f"\n\n{NEAREST}")
    return text.startswith((NOTHING, NOT_READY, NO_DOCUMENTS)) or says_no(first)


def closing(text: str, *, nearest: Iterable[dict[str, Any]], ending: str) -> str:
    """What we say behind an LLM's words: the nearest documents when it refuses, else how a table was read.

    Args:
        text: all that the LLM wrote.
        nearest: `SearchResult.nearest`, best first.
        ending: what `TableAnswer.below` says of a table; "" for none.
    """
    return _listed(nearest) if is_refusal(text) else ending


def refusal_text(nearest: Iterable[dict[str, Any]], *, ready: int, in_work: int) -> str:
    """Markdown that refuses, names the documents that came nearest, and says what was not ready yet.

    Args:
        nearest: `SearchResult.nearest`, best first.
        ready: how many documents the question could have been answered from.
        in_work: how many more are being processed for the first time.
    """
    if not ready:
        return f"{NOT_READY} Ask again in a moment." if in_work else NO_DOCUMENTS
    return "\n\n".join(part for part in (_nothing(nearest), _in_work(in_work)) if part)


def _in_work(count: int) -> str:
    if not count:
        return ""
    more = "One more document is" if count == 1 else f"{count} more documents are"
    return f"{more} still being processed; ask again when that is done."


def _nothing(nearest: Iterable[dict[str, Any]]) -> str:
    listed = _listed(nearest)
    return f"{NOTHING} {listed}" if listed else f"{NOTHING} There is nothing near it in them either."


def _listed(nearest: Iterable[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(str(document["document_name"]) for document in nearest))[:SHOWN]
    lines = "\n".join(f"- {_literal(name)}" for name in names)
    return f"{NEAREST}\n\n{lines}" if names else ""


def _literal(name: str) -> str:
    """A file's name as inline code, so that nothing in it is read as Markdown."""
    return "`" + name.replace("`", "'").replace("\n", " ") + "`"
