"""`[n]` while the answer streams: one way of writing it, and only numbers that name a passage."""

import re
from collections.abc import Sequence

from chat.text import Backticks

# What a marker may look like: [1] [ 1 ] [^1] [1, 2] [1; 2] [1-3] [1 and 2] [[1]] 【1】 【1†source】 ［1］
_BLANK = r"[ \t]{0,3}"
_BODY = rf"{_BLANK}\^?{_BLANK}\d{{1,9}}(?:{_BLANK}(?:[,;–—-]|and|&){_BLANK}\^?\d{{1,9}}){{0,20}}{_BLANK}"
_NOTE = r"(?:†[^\]】\n]{0,40})?"
_MARKER = re.compile(rf"\[\[({_BODY})\]\]|\[({_BODY})\]|【({_BODY}){_NOTE}】|［({_BODY})］")
# Any beginning of one, up to the end of what has arrived.
_BEGINNING = re.compile(r"(?:\[\[?|[【［])[ \t^\d,;–—and&-]{0,120}(?:†[^\]】\n]{0,40}|\])?\Z")
_LINK = re.compile(r"\([^\s()]{0,300}\)")
_LINK_BEGINNING = re.compile(r"\([^\s()]{0,300}\Z")
_LOOK_AHEAD = 400  # more than a link's end, and all else that is looked for behind a marker
_STOPS = re.compile(r"[\[【［`\n]")
# What stands around a marker and goes with it, when it is dropped: **[9]** ([9]).
_AROUND = re.compile(r"(?<![*_(])(?:\*{1,3}|(?<!\w)_{1,3}|\()\Z")
_CLOSING = str.maketrans("(", ")")
_LINE_BEGINS = re.compile(r"(?:^|\n)[ \t>]*(?:[-*+][ \t]+|\d{1,3}[.)][ \t]+)?\Z")
_LINE_BEGINS_CHARS = 80
_DEFINES = re.compile(rf":{_BLANK}")  # [9]: https://…
_BLANKS = re.compile(r"[ \t]{1,3}")
_RANGE = re.compile(r"(\d+)\s*[–—-]\s*\^?(\d+)|(\d+)")
# A number of up to three digits in brackets is meant as a citation; a longer one ([2019], [10000]) is text.
_LOOKS_CITED = 999


class MarkerFilter:
    """Streams an answer through: markers come out as `[n][m]`, and only those that name a passage.

    - `[1, 2]`, `[1-3]`, `[^1]`, `[[1]]`, `【1】` become `[1][2]`…; numbers without a passage are dropped,
      with the blank before them. A group of numbers that all have four or more digits (`[2019]`) is text,
      not a citation, and stays. `[x]`, `[ ]`, Markdown links `[1](url)` and code are not touched.
    - Holds back only what may still become a marker (and blanks before one), whatever the deltas' borders.

    Args:
        passages: how many passages the answer may cite; their numbers are 1 to `passages`.

    Attributes:
        cited: the numbers that came out, each once, in the order of appearance.
        dropped: the numbers that had no passage, likewise.
    """

    def __init__(self, passages: int) -> None:
        self._known = passages
        self._held = ""
        self._code = Backticks()
        self._carry = ""  # what stood before a dropped marker that another one follows at once
        self._line = ""  # the beginning of the line that we are in, as far as it was shown,
        self._in_line = 0  # up to this piece of what is being put out
        self._last = ""  # the character before what was held back
        self.cited: list[int] = []
        self.dropped: list[int] = []

    def feed(self, delta: str) -> str:
        """New text in; what is safe to show out (may be empty)."""
        return self._work(self._held + delta, last=False)

    def flush(self) -> str:
        """The end: whatever was held back."""
        return self._work(self._held, last=True)

    def _work(self, text: str, *, last: bool) -> str:
        out: list[str] = []
        at = 0
        self._held, held_from = "", len(text)
        while at < len(text):
            stop = _STOPS.search(text, at)
            upto = stop.start() if stop else len(text)
            plain = text[at:upto]
            if plain:
                self._code.other()
            if (stop is None and not last) or (stop and stop.group() in "[【［"):
                plain, blanks = _held_back(plain, text[at - 1] if at else self._last)
            else:
                blanks = ""
            plain_end = upto - len(blanks)
            blanks, self._carry = self._carry + blanks, ""
            out.append(plain)
            if stop is None:
                self._held, held_from = blanks, plain_end
                break
            taken = self._at_stop(text, upto, blanks, out, last=last)
            if taken is None:
                self._held, held_from = blanks + text[upto:], plain_end
                break
            at = upto + taken
        if last:
            self._code.other()
        self._last = text[held_from - 1] if held_from else self._last
        self._shown_line(out)
        self._in_line = 0
        return "".join(out)

    def _at_stop(self, text: str, at: int, blanks: str, out: list[str], *, last: bool) -> int | None:
        """Deal with a bracket, a backtick or a line's end; characters taken, or None to wait for more."""
        char = text[at]
        if char == "`":
            self._code.backticks()
            out.append(char)
            return 1
        if char == "\n":
            self._code.line_end()
            out.append(char)
            return 1
        self._code.other()
        if self._code.open:
            out.append(blanks + char)
            return 1
        marker = _MARKER.match(text, at)
        if marker is None:
            if not last and _BEGINNING.match(text, at):
                return None
            out.append(blanks + char)
            return 1
        return self._marker(text, marker, blanks, out, last=last)

    def _marker(
        self, text: str, marker: re.Match[str], blanks: str, out: list[str], *, last: bool
    ) -> int | None:
        """A whole marker; the next character decides whether it is a link, and about the blanks."""
        following = text[marker.end() : marker.end() + _LOOK_AHEAD]
        if not last and (not following or _LINK_BEGINNING.match(following)):
            return None
        length = marker.end() - marker.start()
        link = _LINK.match(following)
        if link:
            out.append(blanks + marker.group() + link.group())
            return length + link.end()
        wanted = self._numbers(next(group for group in marker.groups() if group is not None))
        if wanted and min(wanted) > _LOOKS_CITED:
            out.append(blanks + marker.group())
            return length
        good = [number for number in wanted if 1 <= number <= self._known]
        _remember(self.cited, good)
        _remember(self.dropped, [number for number in wanted if number not in good])
        if good:
            out.append(blanks + "".join(f"[{number}]" for number in good))
            return length
        after = self._without_passage(following, blanks, out, last=last)
        return None if after is None else length + after

    def _without_passage(self, following: str, before: str, out: list[str], *, last: bool) -> int | None:
        """A marker is dropped; how much of what follows goes with it, or None to wait for more.

        Args:
            before: the blanks before it, and the emphasis or bracket that opens there.
        """
        opening = match.group() if (match := _AROUND.search(before)) else ""
        closing = opening.translate(_CLOSING)
        if opening and following.startswith(closing):
            return len(closing)
        more = _DEFINES.match(following) if self._begins_line(out, before) else None
        more = more or (_BLANKS.match(following) if opening else None)
        may_grow = closing.startswith(following) or (more is not None and more.end() == len(following))
        if may_grow and not last:
            return None
        if following[:1] in ("[", "【", "［"):
            self._carry = before
        elif opening or more or following[:1].isalnum():
            out.append(before)
        return more.end() if more else 0

    def _begins_line(self, out: list[str], before: str) -> bool:
        return _LINE_BEGINS.search(self._shown_line(out) + before) is not None

    def _shown_line(self, out: list[str]) -> str:
        """The beginning of the line that we are in; each piece is looked at once."""
        self._line = _last_line(self._line + "".join(out[self._in_line :]))
        self._in_line = len(out)
        return self._line

    def _numbers(self, body: str) -> list[int]:
        """The numbers of a marker's body, ranges written out (as far as passages go), each once."""
        found: list[int] = []
        for low, high, single in _RANGE.findall(body):
            if single:
                _remember(found, [int(single)])
                continue
            first, final = sorted((int(low), int(high)))
            within = range(max(1, first), min(final, self._known) + 1)
            _remember(found, [*within, *(one for one in (first, final) if one not in within)])
        return found


def _held_back(text: str, before: str) -> tuple[str, str]:
    """A text without its end that belongs to a marker that may follow: blanks, emphasis, a bracket.

    Args:
        before: the character before the text.
    """
    around = _AROUND.search(before + text, len(before))
    plain = (text[: around.start() - len(before)] if around else text).rstrip(" \t")
    return plain, text[len(plain) :]


def _last_line(text: str) -> str:
    """The first characters of its last line."""
    return text[text.rfind("\n") + 1 :][:_LINE_BEGINS_CHARS]


def _remember(known: list[int], new: Sequence[int]) -> None:
    known.extend(number for number in dict.fromkeys(new) if number not in known)
