"""Prompts are files: `load` splits one into its parts, `fill` puts text in; no text can close its fence."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from chat.llm.base import ChatMessage
from chat.markers import without
from documents.retrieval.types import Passage

PromptName = Literal["answer_strict", "answer_assist", "answer_small", "condense", "continue", "table_plan"]

FOLDER = Path(__file__).resolve().parent
MAX_NAME_CHARS = 120

_TURN = re.compile(r"<!-- (user|assistant) -->")
_PLACEHOLDER = re.compile(r"\{\{(instructions|passages|conversation|question)\}\}")
_FENCE = re.compile(r"<(?=\s*/?\s*(?:passages?|conversation)\b)", re.I)


@lru_cache(maxsize=8)
def load(name: PromptName) -> tuple[ChatMessage, ...]:
    """The messages of a prompt file: system first, user last, worked examples between them if it has any."""
    system, *rest = _TURN.split((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    turns = zip(cast(list[Literal["user", "assistant"]], rest[::2]), rest[1::2], strict=True)
    return (ChatMessage("system", system.strip()), *(ChatMessage(role, text.strip()) for role, text in turns))


def fill(name: PromptName, **texts: str) -> tuple[ChatMessage, ...]:
    """The messages of a prompt.

    Every placeholder is replaced once, in one pass: text that looks like a placeholder stays what it is.

    Args:
        name: the prompt's file.
        texts: instructions, passages, conversation, question; an absent one is empty.
    """

    def put(part: str) -> str:
        return _PLACEHOLDER.sub(lambda match: texts.get(match[1], ""), part).strip()

    return tuple(ChatMessage(message.role, put(message.content)) for message in load(name))


def fenced_passage(marker: int, passage: Passage, *, neighbours: bool) -> str:
    """One numbered passage in its fence, with the text around it if there is room."""
    around = (passage.before, passage.content, passage.after) if neighbours else (passage.content,)
    text = "\n".join(part.strip() for part in around if part.strip())
    source = re.sub(r"[\s\"<>]+", " ", passage.document_name)[:MAX_NAME_CHARS].strip()
    return f'<passage number="{marker}" source="{source}{_place(passage)}">\n{fence_safe(text)}\n</passage>'


def conversation_text(turns: list[ChatMessage]) -> str:
    """Earlier turns in their fence, if any. Old citations are dropped: they count other passages."""
    if not turns:
        return ""
    lines = (conversation_line(turn) for turn in turns)
    return "<conversation>\n" + "\n".join(lines) + "\n</conversation>\n\n"


def conversation_line(turn: ChatMessage) -> str:
    """One earlier turn."""
    if turn.role == "user":
        return f"User: {fence_safe(turn.content.strip())}"
    return f"Assistant: {fence_safe(without(turn.content).strip())}"


def fence_safe(text: str) -> str:
    """Text that cannot close or open a fence."""
    return _FENCE.sub("‹", text)


def _place(passage: Passage) -> str:
    if passage.page is not None:
        return f", page {passage.page}"
    if passage.rows is not None:
        return f", rows {passage.rows[0]}-{passage.rows[1]}"
    if passage.lines is not None:
        return f", lines {passage.lines[0]}-{passage.lines[1]}"
    return ""
