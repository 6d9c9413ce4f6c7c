"""What a client that keeps the conversation itself sends along with its question: chats of `/v1`."""

from dataclasses import dataclass
from typing import Any

from chat.llm.base import ChatMessage
from chat.text import storable

MAX_TURN_CHARS = 20_000  # of an earlier message; far more than a prompt has room for


@dataclass(frozen=True)
class Given:
    """Earlier turns, and a limit for the answer.

    Attributes:
        history: earlier questions and answers as the client tells them, oldest first.
        max_tokens: how long the answer may be at most; None: as long as the collection allows.
    """

    history: tuple[ChatMessage, ...] = ()
    max_tokens: int | None = None

    def as_json(self, *, history_length: int) -> dict[str, Any]:
        """What is stored: the last `history_length` messages, cut to what could be of use."""
        kept = self.history[-history_length:] if history_length else ()
        turns = [[turn.role, storable(turn.content)[:MAX_TURN_CHARS]] for turn in kept]
        return {"history": turns, "max_tokens": self.max_tokens}

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> "Given":
        """From what `as_json` made; nothing given for an ordinary chat's None."""
        if stored is None:
            return cls()
        return cls(tuple(ChatMessage(role, text) for role, text in stored["history"]), stored["max_tokens"])
