"""A model's reasoning told from its answer where both come as text: `<think>…</think>`, also half marked.

Pure and incremental: whatever the cut between two pieces, the result is the same.
"""

import re
from collections.abc import Generator, Iterator

from chat.llm.base import LLMEvent, ReasoningDelta, TextDelta, TextWasReasoning
from chat.text import Backticks

OPEN, CLOSE = "<think>", "</think>"
MAX_HELD_CHARS = 256 * 1024  # no answer is longer: what is held back beyond that is reasoning

BLOCK = 3  # so many backticks or tildes and more open a block of code
INDENT = 4  # so many blanks before a line's first word make it code
_STOPS = re.compile(r"`+|~+|\n|</?think>")
_CLOSE = re.compile(CLOSE)
MAX_BLANKS = 20  # between a tag and the end of its line, or what follows there
_LINE_ENDS = re.compile(rf"[ \t\r]{{0,{MAX_BLANKS}}}(?:\n|\Z)")
_OPENS = r"[\"“«¿¡$€\[]?"  # may stand between a mark and the answer's first letter
_ANSWER_BEGINS = re.compile(
    rf"[^\W_]|\*{{1,3}}{_OPENS}[^\W_]|\* |#{{1,6}}[ \w]|\[\*{{0,3}}[^\W_]|(?:\*{{1,3}}|#{{1,6}}|\[)\Z"
)
_ANSWER_BEGINS_APART = re.compile(rf"[ \t]{{1,{MAX_BLANKS}}}([^\W_]|[*#\[\"“«¿¡$€])")
_SENTENCE_ENDS = re.compile(r"(?:\A|[.!?…。！？।؟:\"”»)\]*`'])\s*\Z")
_MAY_GO_ON = re.compile(rf"{CLOSE}(?:[ \t\r]{{0,{MAX_BLANKS}}}|\*{{1,3}}{_OPENS}|#{{1,6}}|\[\*{{0,3}})\Z")
MAX_EMPHASIS = 400  # characters of a line in which emphasis is followed
MAX_TILDES = 80  # a longer run may be read as several


class ThinkSplitter:
    """Divides text into reasoning and answer.

    - `<think>…</think>` at the beginning is reasoning, and streams as such.
    - `</think>` at a line's end or beginning, or with the answer's first letter behind it, as models write
      it, ends reasoning that began with the first word, when no opening tag was there: the prompt's template
      held that. What had come as text is taken back (`TextWasReasoning`). In a block of code, or behind an
      opening tag, an answer shows the tag (behind one in code only where it is not alone on its line), and so
      it does between `**`; only of a model that is known to send no opening tag it is taken for the end
      there, because reasoning may leave code open, unless that code holds the opening tag too.
    - `<think>…</think>` from a line's beginning on, outside code, is reasoning too. Without its closing tag,
      or with one in the middle of a sentence, it was part of the answer, and so are all that follow.

    All other tags are text. What may be either is held back, and `ReasoningDelta("")` tells meanwhile that
    something came.

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
        self._state = "start"  # then: text, think (surely), aside (after `<think>` in text), maybe (unopened)
        self._held = ""  # may be the beginning of a tag, or a tag whose line may go on
        self._kept: list[str] = []  # of an aside, or from the start on: reasoning, if a closing tag follows
        self._kept_chars = 0
        self._last = False
        self._spoke = False
        self._speaks_of_tags = False  # the text holds an opening one: it is an answer about them,
        self._gave_up = False  # also where reasoning seemed to begin
        self._names_tags = False  # it holds one, in code or not
        self._new_line()

    def apart(self) -> None:
        """The server itself keeps this model's reasoning apart: no tag is missing."""
        self.closed = True

    def feed(self, text: str) -> Iterator[LLMEvent]:
        """What is certain so far; a tag that may be cut in the middle is held back."""
        self._held += text
        if self._state == "start" and not self._begin():
            return
        while self._held:
            tag = yield from self._answer() if self._state == "text" else self._reasoning()
            if tag is None:
                return

    def end(self, *, whole: bool = True) -> Iterator[LLMEvent]:
        """What was held back.

        Args:
            whole: the model ended by itself. Where it was cut off, a closing tag may only be missing.
        """
        self._last = True
        yield from self.feed("")
        left = "".join([*self._kept, self._held])
        self._kept, self._held = [], ""
        if self._state == "maybe" and not whole:
            if left:
                yield ReasoningDelta(left)
        elif self._state == "aside" or left:
            yield TextDelta(OPEN + left if self._state == "aside" else left)

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

    def _reasoning(self) -> Generator[LLMEvent, None, re.Match[str] | None]:
        """Up to the tag that closes it; that tag, if it came."""
        upto = self._decided()
        if self._state == "maybe":
            tag = self._next_tag(upto)
        else:
            tag = _CLOSE.search(self._held, 0, upto if self._state == "aside" else len(self._held))
        if tag and self._state == "aside" and not self._closes_aside(tag):
            self._held = "".join([*self._kept, self._held])
            self._kept, self._kept_chars, self._state, self._place.line_begins = [], 0, "text", False
            self._speaks_of_tags = self._gave_up = True
            yield TextDelta(OPEN)
            return tag
        reasoning = self._taken(tag, upto)
        if self._state != "think":
            self._kept.append(reasoning)
            self._kept_chars += len(reasoning)
            reasoning = ""
            if tag or self._kept_chars > MAX_HELD_CHARS:
                reasoning = "".join(self._kept)
                self._kept, self._kept_chars, self._state = [], 0, "think"
            yield ReasoningDelta(reasoning)
        elif reasoning:
            yield ReasoningDelta(reasoning)
        if tag:
            self.closed, self._state = True, "text"
            self._new_line()
        return tag

    def _answer(self) -> Generator[LLMEvent, None, re.Match[str] | None]:
        """Up to the next tag that means something; that tag, if one came."""
        if self.closed and not self._spoke:
            self._held = self._held.lstrip()
        upto = self._decided()
        tag = self._next_tag(upto)
        text = self._taken(tag, upto)
        if tag is not None and tag[0] == CLOSE:
            yield from self._take_back(text)
        else:
            if text:
                self._spoke = True
                yield TextDelta(text)
            if tag is not None:
                self._state = "aside" if self._spoke else "think"
        return tag

    def _take_back(self, text: str) -> Iterator[LLMEvent]:
        """All that came so far, and this, was reasoning."""
        if self._spoke:
            yield TextWasReasoning()
        yield ReasoningDelta(text)
        self.unopened = self.closed = True
        self._spoke = False
        self._new_line()

    def _new_line(self) -> None:
        """What follows stands at a line's beginning, and in no code."""
        self._place = _Place()
        self._quotes = False  # the code that we are in holds an opening tag

    def _decided(self) -> int:
        """The length of what is held without what may be a tag or tildes that go on, or a tag's line."""
        if self._last:
            return len(self._held)
        end = self._held[-MAX_TILDES:]
        if 0 < (tildes := len(end) - len(end.rstrip("~"))) < MAX_TILDES:
            return len(self._held) - tildes
        if tag := _MAY_GO_ON.search(self._held, max(0, len(self._held) - len(CLOSE) - MAX_BLANKS)):
            return tag.start()
        for size in range(min(len(CLOSE) - 1, len(self._held)), 0, -1):
            if OPEN.startswith(self._held[-size:]) or CLOSE.startswith(self._held[-size:]):
                return len(self._held) - size
        return len(self._held)

    def _taken(self, tag: re.Match[str] | None, upto: int) -> str:
        """What is held before the tag, which goes too; without a tag, what is held up to there."""
        text = self._held[: tag.start() if tag else upto]
        self._held = self._held[tag.end() if tag else upto :]
        return text

    def _next_tag(self, upto: int) -> re.Match[str] | None:
        """The first tag that means something in what is held; follows lines and code on the way."""
        at = 0
        for stop in _STOPS.finditer(self._held, 0, upto):
            self._place.text(self._held[at : stop.start()])
            at = stop.end()
            is_tag = self._place.mark(stop[0])
            self._quotes = self._quotes and self._place.code > 0
            if not is_tag:
                continue
            if self._means_something(stop):
                return stop
            self._quotes = self._place.code > 0 and (self._quotes or stop[0] == OPEN)
            if stop[0] == OPEN and self._state == "text":
                self._names_tags = True
                self._speaks_of_tags = self._speaks_of_tags or not self._place.code
            self._place.line_begins = False
        self._place.text(self._held[at:upto])
        return None

    def _means_something(self, tag: re.Match[str]) -> bool:
        place = self._place
        if tag[0] == OPEN:
            may_begin = place.line_begins and place.indent < INDENT and not place.code
            return self._state == "text" and may_begin and not self._gave_up
        shown = self._state == "text" and (place.code >= BLOCK or self._speaks_of_tags)
        if self.closed or self._quotes or shown:
            return False
        if place.line_begins:
            return True
        is_emphasised = place.in_bold and self._held.startswith("*", tag.end())
        if self._state == "text" and (self._names_tags or is_emphasised):
            return False
        return self._may_answer_follow(tag)

    def _closes_aside(self, tag: re.Match[str]) -> bool:
        before = "".join([*self._kept, self._held[: tag.start()]])
        _, newline, line = before.rpartition("\n")
        if (newline and not line.strip()) or self._may_answer_follow(tag):
            return True
        apart = _ANSWER_BEGINS_APART.match(self._held, tag.end())
        return apart is not None and not apart[1].islower() and _SENTENCE_ENDS.search(before) is not None

    def _may_answer_follow(self, tag: re.Match[str]) -> bool:
        """Whether what stands behind a closing tag is where models go on."""
        ends = _LINE_ENDS.match(self._held, tag.end())
        return ends is not None or _ANSWER_BEGINS.match(self._held, tag.end()) is not None


class _Place:
    """Where in Markdown a text stands that arrives in pieces.

    Attributes:
        line_begins: nothing but blanks stands before it on its line,
        indent: so many of them.
    """

    def __init__(self) -> None:
        self.line_begins = True
        self.indent = 0
        self._line = ""  # as far as emphasis matters
        self._ticks = Backticks()
        self._tildes = 0  # that opened the block we are in

    @property
    def code(self) -> int:
        """Length of the marks that opened the code it is in; 0 outside code."""
        return max(self._ticks.open, self._tildes)

    @property
    def in_bold(self) -> bool:
        """Whether `**` stands directly before, and opens."""
        return self._line.endswith("**") and self._line.count("**") % 2 == 1

    def text(self, text: str) -> None:
        """Text without tags, backticks, tildes and line ends came."""
        if text:
            self._ticks.other()
            self._line = (self._line + text)[-MAX_EMPHASIS:]
            self.line_begins = self.line_begins and text.isspace()
            if self.line_begins:
                self.indent += INDENT if "\t" in text else len(text)

    def mark(self, stop: str) -> bool:
        """One of `_STOPS` came; whether it is a tag."""
        if stop[0] == "`":
            if not self._tildes:
                self._ticks.backticks(len(stop))
            self.line_begins = False
            return False
        self._ticks.other()
        if stop == "\n":
            self._ticks.line_end()
            self.line_begins, self.indent, self._line = True, 0, ""
        elif stop[0] == "~":
            if self.line_begins and len(stop) >= max(BLOCK, self._tildes) and not self._ticks.open:
                self._tildes = 0 if self._tildes else len(stop)
            self.line_begins = False
        return stop[0] == "<"
