"""What a generation has made so far, and what it comes to in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chat.engine import citations
from chat.engine.budget import FittedPrompt
from chat.models import MessageStatus
from chat.selectors import AnswerContext
from chat.services import AnswerResult
from config.errors import ErrorCode, VerbatimError
from documents.retrieval.types import Passage

ENDINGS = {
    ErrorCode.STOPPED: (MessageStatus.STOPPED, "stopped"),
    ErrorCode.INTERRUPTED: (MessageStatus.INTERRUPTED, "error"),
}


@dataclass
class Draft:
    """What a generation has found and written so far.

    Attributes:
        text: the shown text, in the pieces in which it came.
        refused: written by us, because the documents do not hold the answer.
        finish_reason, usage: as the LLM reported them.
        milliseconds: per step.
    """

    context: AnswerContext | None = None
    prompt: FittedPrompt | None = None
    text: list[str] = field(default_factory=list)
    refused: bool = False
    finish_reason: str = "stop"
    usage: dict[str, Any] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """The text so far."""
        return "".join(self.text)

    @property
    def passages(self) -> Sequence[Passage]:
        """What `[n]` refers to: the passage with index n - 1."""
        return self.prompt.passages if self.prompt else ()


def conclude(draft: Draft, error: VerbatimError | None, *, check: bool = True) -> AnswerResult:
    """The result to store.

    Args:
        error: why it ended early; None when it ended well.
        check: check the cited sentences against their passages (pure, some milliseconds).
    """
    status, finish_reason = MessageStatus.COMPLETE, draft.finish_reason
    if error is not None:
        status, finish_reason = ENDINGS.get(error.code, (MessageStatus.FAILED, "error"))
    supported: dict[int, bool] = {}
    likely: frozenset[int] = frozenset()
    if check and draft.content and draft.passages and not draft.refused:
        supported = citations.supported_markers(citations.check(draft.content, draft.passages))
        if not supported and error is None:
            likely = frozenset(citations.likely_sources(draft.content, draft.passages))
    stopped = error is not None and error.code == ErrorCode.STOPPED
    return AnswerResult(
        status=status,
        content=draft.content,
        finish_reason=finish_reason,
        usage=draft.usage,
        error=None if stopped else error,
        cited=frozenset(supported),
        supported=supported,
        likely=likely,
        trace={
            "refused": draft.refused,
            "ms": {name: round(value, 1) for name, value in draft.milliseconds.items()},
        },
    )
