"""What a generation has made so far, and what it comes to in the end."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chat.engine import citations
from chat.engine.budget import FittedPrompt
from chat.engine.refusal import is_refusal
from chat.markers import without
from chat.models import MessageStatus
from chat.selectors import AnswerContext
from chat.services import AnswerResult
from chat.usage.meter import Meter
from collections_app.models import Collection
from config.errors import ErrorCode, TransientError, VerbatimError
from documents.retrieval.types import Passage, SearchResult
from documents.selectors import NotReady

ENDINGS = {
    ErrorCode.STOPPED: (MessageStatus.STOPPED, "stopped"),
    ErrorCode.INTERRUPTED: (MessageStatus.INTERRUPTED, "error"),
}


@dataclass
class Draft:
    """What a generation has found and written so far.

    Attributes:
        not_ready: documents that it could not be answered from yet.
        searched_for: the question as it was searched for, when that is not the question as it was asked.
        refitted: the prompt is smaller than the one that was traced: the LLM refused that as too long.
        text: the shown text, in the pieces in which it came.
        refused: written by us without an LLM, because the documents do not hold the answer.
        ours_from: character from which on the text is our own and no LLM's; None for none of it.
        finish_reason, usage: as the LLM reported them.
        meter: counts the tokens of every LLM call for it.
        milliseconds: per step.
        thought_chars: how long the LLM's reasoning was; the reasoning itself is not kept.
        taken_back: how many times text turned out to be reasoning.
    """

    context: AnswerContext | None = None
    prompt: FittedPrompt | None = None
    refitted: bool = False
    not_ready: NotReady = NotReady(0, [])  # noqa: RUF009 - frozen
    searched_for: str = ""
    text: list[str] = field(default_factory=list)
    refused: bool = False
    ours_from: int | None = None
    finish_reason: str = "stop"
    usage: dict[str, Any] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)
    milliseconds: dict[str, float] = field(default_factory=dict)
    thought_chars: int = 0
    taken_back: int = 0

    @property
    def content(self) -> str:
        """The text so far."""
        return "".join(self.text)

    @property
    def progress(self) -> tuple[int, int]:
        """Another one whenever the text is another one."""
        return self.taken_back, len(self.text)

    def take_back(self, before: int = 0) -> None:
        """The text from piece `before` on was reasoning."""
        self.thought_chars += sum(map(len, self.text[before:]))
        del self.text[before:]
        self.taken_back += 1
        self.milliseconds.pop("first_token", None)

    def without_passages(self) -> None:
        """Its passages could not be stored: its numbers mean nothing, and its words are kept without them."""
        self.text[:] = [without(self.content)]
        self.prompt, self.ours_from = None, 0  # nothing to check, to mark, or to go on from

    def refit(self, prompt: FittedPrompt) -> None:
        """The LLM is asked with a smaller prompt. Its passages are the first of those before."""
        self.prompt, self.refitted = prompt, True

    @property
    def passages(self) -> Sequence[Passage]:
        """What `[n]` refers to: the passage with index n - 1."""
        return self.prompt.passages if self.prompt else ()


def retrieval_trace(
    result: SearchResult,
    prompt: FittedPrompt,
    collection: Collection,
    *,
    offered: Sequence[Passage] | None = None,
) -> dict[str, Any]:
    """What is known before the first word: how passages were found, which were cut, what the prompt holds.

    Args:
        offered: what was to go into the prompt, when that is not what was found (an answer is computed).
    """
    found = {name: value for name, value in result.trace.items() if name != "ms"}
    passed = {(one.chunk_id, one.content) for one in result.passages}
    wanted = passed if offered is None else {(one.chunk_id, one.content) for one in offered}
    kept = {(one.chunk_id, one.content) for one in prompt.passages}
    cut = {
        chunk_id: "computed_instead" if (chunk_id, content) not in wanted else "did_not_fit"
        for chunk_id, content in passed - kept
    }
    return found | {
        "query": result.query,
        "rewritten": result.rewritten,
        "passed": result.passed,
        "answer_mode": collection.answer_mode,
        "candidates": [
            one | {"cut": cut.get(one["chunk_id"], one["cut"])} for one in found.get("candidates", [])
        ],
        "prompt": prompt.traced(),
        "search_ms": result.trace.get("ms", {}),
    }


def require_words(draft: Draft) -> None:
    """An LLM that said nothing has not answered.

    Raises:
        TransientError: LLM_NO_ANSWER; when its reasoning has used up all tokens, saying so.
    """
    if draft.content.strip():
        return
    if draft.finish_reason == "length" and draft.thought_chars:
        raise TransientError(
            ErrorCode.LLM_NO_ANSWER,
            "The language model used all the tokens of its answer for thinking.",
            next_step="An administrator should allow longer answers in the model's settings.",
        )
    raise TransientError(ErrorCode.LLM_NO_ANSWER)


def conclude(draft: Draft, error: VerbatimError | None, *, check: bool = True) -> AnswerResult:
    """The result to store.

    Args:
        error: why it ended early; None when it ended well.
        check: check the cited sentences against their passages: some milliseconds, and at most one batch of
            short texts for the embedder.
    """
    status, finish_reason = MessageStatus.COMPLETE, draft.finish_reason
    if error is not None:
        status, finish_reason = ENDINGS.get(error.code, (MessageStatus.FAILED, "error"))
    checked: list[citations.CitedSentence] = []
    supported: dict[int, bool] = {}
    likely: frozenset[int] = frozenset()
    refused = draft.refused or (error is None and is_refusal(draft.content))
    if check and draft.content and draft.passages and not refused:
        began = time.monotonic()
        model_id = draft.context.collection.embedding_model if draft.context else None
        checked = citations.check(draft.content, draft.passages, model_id=model_id)
        supported = citations.supported_markers(checked)
        if not supported and not is_refusal(draft.content):
            likely = frozenset(citations.likely_sources(draft.content, draft.passages))
        draft.milliseconds["check"] = (time.monotonic() - began) * 1000
    stopped = error is not None and error.code == ErrorCode.STOPPED
    return AnswerResult(
        status=status,
        content=draft.content,
        replaces=draft.taken_back > 0,
        finish_reason=finish_reason,
        usage=draft.usage,
        error=None if stopped else error,
        cited=frozenset(supported),
        supported=supported,
        likely=likely,
        spent=draft.meter.spent(),
        trace={
            "refused": refused,
            **({"prompt": draft.prompt.traced()} if draft.prompt and draft.refitted else {}),
            **({"reasoning_chars": draft.thought_chars} if draft.thought_chars else {}),
            **({} if draft.ours_from is None else {"ours_from": draft.ours_from}),
            "sentences": [sentence.as_json() for sentence in checked],
            "ms": {name: round(value, 1) for name, value in dict(draft.milliseconds).items()},
        },
    )
