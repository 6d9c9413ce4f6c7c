"""An answer that goes on where it ended early: what the LLM is asked, and how the new text is joined on."""

import re
from dataclasses import replace

from chat.engine import budget
from chat.engine.budget import FittedPrompt
from chat.engine.marker_filter import MarkerFilter
from chat.engine.tokens import estimate_tokens
from chat.llm import windows
from chat.llm.base import ChatMessage
from chat.models import MessageSource
from chat.prompts import fill
from chat.selectors import AnswerContext, Continued
from documents.retrieval.types import Passage

LONGEST_WORD = 40  # more without a blank is no word: a long number, a link, or a script without blanks
OVERLAP_CHARS = 400  # of the end, that an LLM may repeat before it goes on
LEAST_OVERLAP = 12
PART_OF_WINDOW = 4  # the part of the window that the text so far may fill, as a divisor

_LAST_WORD = re.compile(r"\S+\Z")
_OPEN_MARKER = re.compile(r"[\[【［][\s\d^,;–-]{0,40}\Z")


class Joint:
    """Joins new text to a text that was cut anywhere, also within a word or a marker.

    Whether the last word was whole nobody knows. So the LLM is shown the text without it, and writes it
    again: new text always begins at a blank. What it repeats of the text before is dropped.

    Attributes:
        kept: the text as it is shown to the LLM, up to and with that blank.
    """

    def __init__(self, written: str) -> None:
        start = len(written)
        word = _LAST_WORD.search(written)
        if word is not None and word.start() > 0 and len(word[0]) <= LONGEST_WORD:
            start = word.start()
        if (marker := _OPEN_MARKER.search(written, 0, start)) is not None:
            start = marker.start()
        self.kept = written[:start]
        self._cut = written[start:]
        self._held: str | None = ""  # None: the joint is made

    def feed(self, text: str) -> str:
        """New text in; what is to be appended out. Holds back what may be a repetition."""
        if self._held is None:
            return text
        self._held += text
        if self.kept[-1:].isspace():
            self._held = self._held.lstrip()
        if not self._held:
            return ""
        end = self.kept[-OVERLAP_CHARS:]
        for at in range(len(end)):
            again = end[at:]
            if len(again) > len(self._held):
                if again.startswith(self._held):
                    return ""  # it may still become one
            elif len(again) >= LEAST_OVERLAP and self._held.startswith(again):
                return self._done(self._held[len(again) :])
        return self._done(self._held)

    def end(self) -> str:
        """Nothing follows: what was held back, or the word that was cut off when nothing came at all."""
        if self._held is None:
            return ""
        repeats = len(self._held) >= LEAST_OVERLAP
        return self._done(self._cut if repeats or not self._held else self._held)

    def restart(self) -> None:
        """What was fed is taken back: the text behind the joint begins now."""
        self._held = ""

    def _done(self, text: str) -> str:
        self._held = None
        return text


class Shown:
    """What an LLM writes, as it is shown: behind the joint, if there is one, and its markers in order."""

    def __init__(self, passages: int, joint: Joint | None) -> None:
        self._passages = passages
        self._joint = joint
        self._markers = self._after_the_joint()

    def feed(self, text: str) -> str:
        """New text in; what is safe to show out."""
        return self._markers.feed(self._joint.feed(text) if self._joint else text)

    def end(self) -> str:
        """Nothing follows: what was held back."""
        return (self._markers.feed(self._joint.end()) if self._joint else "") + self._markers.flush()

    def restart(self) -> None:
        """What was fed is taken back."""
        self._markers = self._after_the_joint()
        if self._joint:
            self._joint.restart()

    def _after_the_joint(self) -> MarkerFilter:
        markers = MarkerFilter(self._passages)
        if self._joint:  # said already; whether it left code open matters for what follows
            markers.feed(self._joint.kept)
            markers.flush()
        return markers


def prompt_for(
    context: AnswerContext,
    continued: Continued,
    joint: Joint,
    *,
    llm_window: int | None,
    scale: float = 1.0,
) -> FittedPrompt:
    """The prompt of the answer, the answer so far, and the request to go on.

    Its passages are all that the answer may cite, also those for which there is no room any more.

    Raises:
        PermanentError: MESSAGE_TOO_LONG, as `budget.fit`.
    """
    passages = passages_of(continued)
    limit = int(windows.usable(context.collection, llm_window) / scale) // PART_OF_WINDOW
    shown, left_out = _last_part(joint.kept.rstrip(), limit)
    prompt = budget.fit(
        collection=context.collection,
        question=context.question,
        passages=passages,
        history=context.history,
        searched_for=continued.searched_for,
        llm_window=llm_window,
        after=(ChatMessage("assistant", shown), fill("continue")[-1]),
        scale=scale,
    )
    return replace(prompt, passages=passages, trimmed=prompt.trimmed | {"answer": left_out})


def passages_of(continued: Continued) -> tuple[Passage, ...]:
    """What the numbers in the text refer to, as it was given to the answer that ended early."""
    return tuple(_passage(source) for source in continued.sources)


def _last_part(text: str, tokens: int) -> tuple[str, int]:
    """The end of a text, of at most so many tokens, from a blank on; and how many characters precede it."""
    end = text
    while (cost := estimate_tokens(end)) > tokens:
        end = end[-max(1, len(end) * tokens // cost - 1) :]
    if len(end) == len(text):
        return text, 0
    end = end.partition(" ")[2].lstrip()
    return f"… {end}", len(text) - len(end)


def _passage(source: MessageSource) -> Passage:
    return Passage(
        chunk_id=source.chunk_id or 0,
        document_id=source.document_id or 0,
        document_name=source.document_name,
        content=source.content,
        similarity_score=source.similarity_score,
        score=source.similarity_score,
        section=source.section,
        page=source.page,
        page_to=source.page_to,
        rows=tuple(source.rows) if source.rows else None,
        lines=tuple(source.lines) if source.lines else None,
        char_start=source.char_start,
        char_end=source.char_end,
    )
