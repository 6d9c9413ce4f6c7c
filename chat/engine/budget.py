"""The prompt within the LLM's window: what is cut, and in which order, is decided and told here."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chat.engine.tokens import estimate_message, estimate_tokens
from chat.llm import windows
from chat.llm.base import ChatMessage, LLMRequest
from chat.prompts import PromptName, conversation_line, conversation_text, fenced_passage, fill
from collections_app.models import AnswerMode, Collection, Provider
from config.errors import ErrorCode, PermanentError
from documents.retrieval.types import Passage

CONVERSATION_FENCE_TOKENS = 24
SEPARATOR_TOKENS = 2
NO_PASSAGES = "(none)"
MIN_ANSWER_TOKENS = 16


@dataclass(frozen=True)
class FittedPrompt:
    """What is sent.

    Attributes:
        messages: system first, user last.
        passages: those that were kept; the marker of each is its index + 1.
        trimmed: how many of each were cut to fit: {"history", "neighbours", "passages"}; where an answer goes
            on also {"answer"}, characters of its text so far.
        prompt_tokens: an estimate, rather too high; or counted.
        max_tokens: what is left of the window for the answer, at most what the collection allows.
        window: tokens of prompt and answer together: the collection's, or the model's own if that is smaller.
        room: tokens of the prompt alone, so that the answer may be as long as the collection says.
    """

    messages: tuple[ChatMessage, ...]
    passages: tuple[Passage, ...]
    trimmed: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    max_tokens: int = 1024
    window: int = 8192
    room: int = 8192

    def counted(self, tokens: int) -> "FittedPrompt":
        """The same, of which the model's own tokenizer makes so many tokens."""
        left = max(MIN_ANSWER_TOKENS, self.window - tokens)
        return replace(self, prompt_tokens=tokens, max_tokens=min(self.max_tokens, left))

    def traced(self) -> dict[str, Any]:
        """What an answer's trace tells of it."""
        return {"tokens": self.prompt_tokens, "window": self.window, "trimmed": self.trimmed}

    def request(self, collection: Collection, question: str) -> LLMRequest:
        """What the collection's LLM is asked."""
        return LLMRequest(
            messages=self.messages,
            temperature=collection.temperature,
            max_tokens=self.max_tokens,
            context_tokens=self.window,
            question=question,
            passages=self.passages,
        )


def fit(
    *,
    collection: Collection,
    question: str,
    passages: Sequence[Passage],
    history: Sequence[ChatMessage] = (),
    searched_for: str = "",
    llm_window: int | None = None,
    after: Sequence[ChatMessage] = (),
    scale: float = 1.0,
) -> FittedPrompt:
    """Build the prompt, cut to the window: oldest turns first, then neighbours, then the lowest passages.

    The instructions, the question and the best passage are never cut.

    Args:
        collection: its mode, system prompt, window and answer length.
        question: as asked.
        passages: best first.
        history: earlier turns, oldest first.
        searched_for: a follow-up made complete, for prompts that hold no history; empty for the question.
        llm_window: the model's own window, where its server tells it.
        after: what follows the question: an answer that is to go on, and the request. Never cut.
        scale: how many tokens the model takes for one that is estimated, where that is known.

    Raises:
        PermanentError: MESSAGE_TOO_LONG, when what must not be cut does not fit.
    """
    name = _prompt_name(collection)
    small = name == "answer_small"  # it loses the question among earlier turns and neighbouring text
    asked = (small and searched_for) or question
    texts = {"instructions": _instructions(collection), "question": asked.strip()}
    window = windows.usable(collection, llm_window)
    whole = window - min(collection.max_tokens, window // 2)
    room = int(whole / scale) - sum(
        estimate_message(message.content) for message in (*fill(name, **texts), *after)
    )
    if small:
        history = ()
        passages = [replace(passage, before="", after="") for passage in passages]
    draft = _Draft(passages, history)
    trimmed = draft.shrink_to(room)
    if draft.cost() > room:
        raise PermanentError(
            ErrorCode.MESSAGE_TOO_LONG,
            f"The instructions and the question do not fit into this model's window of {window} tokens.",
            next_step="Shorten the question, or let an administrator raise this model's window.",
        )
    filled = fill(
        name, **texts, passages=draft.passages_text(), conversation=conversation_text(draft.history)
    )
    messages = (*filled, *after)
    tokens = sum(estimate_message(message.content) for message in messages)
    fitted = FittedPrompt(messages, draft.kept(), trimmed, tokens, collection.max_tokens, window, whole)
    return fitted.counted(tokens)


@dataclass
class _Entry:
    """A passage in the draft, and what it costs without and with its neighbours."""

    passage: Passage
    alone: int
    whole: int
    neighbours: bool

    @property
    def cost(self) -> int:
        return (self.whole if self.neighbours else self.alone) + SEPARATOR_TOKENS


class _Draft:
    """What may be cut, with its price."""

    def __init__(self, passages: Sequence[Passage], history: Sequence[ChatMessage]) -> None:
        self.history = list(history)
        self._turns = [estimate_tokens(conversation_line(turn)) + SEPARATOR_TOKENS for turn in self.history]
        self._entries = [
            _Entry(
                passage,
                estimate_tokens(fenced_passage(marker, passage, neighbours=False)),
                estimate_tokens(fenced_passage(marker, passage, neighbours=True)),
                bool(passage.before or passage.after),
            )
            for marker, passage in enumerate(passages, 1)
        ]

    def cost(self) -> int:
        """Estimated tokens of everything that is still in."""
        conversation = sum(self._turns) + (CONVERSATION_FENCE_TOKENS if self._turns else 0)
        return conversation + sum(entry.cost for entry in self._entries)

    def shrink_to(self, room: int) -> dict[str, int]:
        """Cut until the rest fits or only the best passage is left; how many of each were cut."""
        trimmed = {"history": 0, "neighbours": 0, "passages": 0}
        while self._turns and self.cost() > room:
            self.history.pop(0)
            self._turns.pop(0)
            trimmed["history"] += 1
        for entry in reversed(self._entries):
            if self.cost() <= room:
                break
            trimmed["neighbours"] += entry.neighbours
            entry.neighbours = False
        while len(self._entries) > 1 and self.cost() > room:
            self._entries.pop()
            trimmed["passages"] += 1
        return trimmed

    def kept(self) -> tuple[Passage, ...]:
        """The passages that are still in, best first."""
        return tuple(entry.passage for entry in self._entries)

    def passages_text(self) -> str:
        """The fenced passages, numbered from 1."""
        fenced = (
            fenced_passage(marker, entry.passage, neighbours=entry.neighbours)
            for marker, entry in enumerate(self._entries, 1)
        )
        return "\n\n".join(fenced) or NO_PASSAGES


def _prompt_name(collection: Collection) -> PromptName:
    if collection.llm_provider == Provider.BUILTIN:
        return "answer_small"
    return "answer_assist" if collection.answer_mode == AnswerMode.ASSIST else "answer_strict"


def _instructions(collection: Collection) -> str:
    """The administrator's own instructions. Trusted, unlike the passages."""
    own = collection.system_prompt.strip()
    return f"\nInstructions of the administrator:\n{own}" if own else ""
