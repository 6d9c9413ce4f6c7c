"""A model's reasoning told from its answer where both come as text: `<think>…</think>`, also half marked.

Pure and incremental: whatever the cut between two pieces, the result is the same.
"""

import re
from collections.abc import Generator, Iterator

from chat.llm.base import LLMEvent, ReasoningDelta, TextDelta, TextWasReasoning
from chat.text import Backticks

OPEN, CLOSE = "<think>", "</think>"
MAX_HELD_CHARS = 256 * 1024  # no answer is longer: what is held back beyond that is reasoning

_STOPS = re.compile(r"`+|\n|</?think>")


class ThinkSplitter:
    """Divides text into reasoning and answer. Tags in code are part of the answer.

    - `<think>…</think>` at the beginning is reasoning, and streams as such.
    - `</think>` without an opening tag ends reasoning that began with the first word: the template of the
      prompt held the opening one. What had come as text is taken back (`TextWasReasoning`).
    - `<think>…</think>` after some text is reasoning too; without its closing tag it was part of the answer.

    What may be either is held back, and `ReasoningDelta("")` tells meanwhile that something came.

    Args:
        unopened: the model is known to send no opening tag. Its text is held back until the closing one; when
            none comes, it was the answer.

    Attributes:
        unopened: likewise; true as soon as that was seen.
        closed: a piece of reasoning was marked, here or by the server itself (see `apart`).
    """

    def __init__(self, *, unopened: bool = False) -> None:
        self.unopened = unopened
        self.closed = False
        self._state = "start"
        self._held = ""  # may be the beginning of a tag
        self._kept: list[str] = []  # since a tag or the start: reasoning, if a closing tag follows
        self._kept_chars = 0
        self._opened = ""  # the tag before that
        self._spoke = False
        self._code = Backticks()

    def apart(self) -> None:
        """The server itself keeps this model's reasoning apart: no tag is missing."""
        self.closed = True

    def feed(self, text: str) -> Iterator[LLMEvent]:
        """What is certain so far; a tag that may be cut in the middle is held back."""
        self._held += text
        if self._state == "start" and not self._begin():
            return
        more = True
        while more:
            more = yield from self._answer() if self._state == "text" else self._reasoning()

    def end(self, *, whole: bool = True) -> Iterator[LLMEvent]:
        """What was held back.

        Args:
            whole: the model ended by itself. Where it was cut off, a closing tag may only be missing.
        """
        left = "".join([*self._kept, self._held])
        self._kept.clear()
        self._held = ""
        if self._state == "think" or (self._state == "maybe" and not whole):
            if left:
                yield ReasoningDelta(left)
        elif self._opened + left:
            yield TextDelta(self._opened + left)

    def _begin(self) -> bool:
        """Whether it is known how the text begins."""
        opening = self._held.lstrip()
        if len(opening) < len(OPEN) and OPEN.startswith(opening):
            return False
        if opening.startswith(OPEN):
            self._state, self._held = "think", opening.removeprefix(OPEN)
        else:
            self._state = "maybe" if self.unopened and not self.closed else "text"
        return True

    def _reasoning(self) -> Generator[LLMEvent, None, bool]:
        """Up to the closing tag; whether it came."""
        reasoning, tag, rest = self._held.partition(CLOSE)
        if not tag:
            reasoning, rest = _before_half_a_tag(reasoning)
        self._held = rest
        if self._state == "maybe":
            self._kept.append(reasoning)
            self._kept_chars += len(reasoning)
            reasoning = ""
            if tag or self._kept_chars > MAX_HELD_CHARS:
                reasoning = "".join(self._kept)
                self._kept, self._kept_chars, self._opened, self._state = [], 0, "", "think"
            yield ReasoningDelta(reasoning)
        elif reasoning:
            yield ReasoningDelta(reasoning)
        if tag:
            self.closed, self._state = True, "text"
        return bool(tag)

    def _answer(self) -> Generator[LLMEvent, None, bool]:
        """Up to the next tag that means something; whether one came."""
        if self.closed and not self._spoke:
            self._held = self._held.lstrip()
        text, rest = _before_half_a_tag(self._held)
        tag = self._next_tag(text)
        if tag is not None:
            text, rest = text[: tag.start()], self._held[tag.end() :]
        self._held = rest
        if tag is not None and tag[0] == CLOSE:
            yield from self._take_back(text)
            return True
        if text:
            self._spoke = True
            yield TextDelta(text)
        if tag is not None:
            self._opened, self._state = OPEN, "maybe"
        return tag is not None

    def _take_back(self, text: str) -> Iterator[LLMEvent]:
        """All that came so far, and this, was reasoning."""
        if self._spoke:
            yield TextWasReasoning()
        yield ReasoningDelta(text)
        self.unopened = self.closed = True
        self._spoke = False
        self._code = Backticks()

    def _next_tag(self, text: str) -> re.Match[str] | None:
        """The first tag outside code that means something; counts the backticks on the way."""
        at = 0
        for stop in _STOPS.finditer(text):
            if stop.start() > at:
                self._code.other()
            at = stop.end()
            if stop[0][0] == "`":
                self._code.backticks(len(stop[0]))
            elif stop[0] == "\n":
                self._code.line_end()
            else:
                self._code.other()
                if not self._code.open and (stop[0] == OPEN or not self.closed):
                    return stop
        if at < len(text):
            self._code.other()
        return None


def _before_half_a_tag(text: str) -> tuple[str, str]:
    """The text, and what at its end may be the beginning of a tag."""
    for size in range(min(len(CLOSE) - 1, len(text)), 0, -1):
        if OPEN.startswith(text[-size:]) or CLOSE.startswith(text[-size:]):
            return text[:-size], text[-size:]
    return text, ""
