"""Citations: `[n]` while the answer streams, and whether the cited passages hold what the answer says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from chat.sentences import codes, content_words, names, numbers, sentences
from documents.retrieval.types import Passage

# What a marker may look like: [1] [ 1 ] [^1] [1, 2] [1; 2] [1-3] [1 and 2] [[1]] 【1】 【1†source】 ［1］
_BLANK = r"[ \t]{0,3}"
_BODY = rf"{_BLANK}\^?{_BLANK}\d{{1,9}}(?:{_BLANK}(?:[,;–—-]|and|&){_BLANK}\^?\d{{1,9}}){{0,20}}{_BLANK}"
_NOTE = r"(?:†[^\]】\n]{0,40})?"
_MARKER = re.compile(rf"\[\[({_BODY})\]\]|\[({_BODY})\]|【({_BODY}){_NOTE}】|［({_BODY})］")
# Any beginning of one, up to the end of what has arrived.
_BEGINNING = re.compile(r"(?:\[\[?|[【［])[ \t^\d,;–—and&-]{0,120}(?:†[^\]】\n]{0,40}|\])?\Z")
_LINK = re.compile(r"\([^\s()]{0,300}\)")
_LINK_BEGINNING = re.compile(r"\([^\s()]{0,300}\Z")
_STOPS = re.compile(r"[\[【［`\n]")
_RANGE = re.compile(r"(\d+)\s*[–—-]\s*\^?(\d+)|(\d+)")
# A number of up to three digits in brackets is meant as a citation; a longer one ([2019], [10000]) is text.
_LOOKS_CITED = 999

SUPPORTED_SHARE = 0.5  # of a sentence's content words that its cited passages must hold
OWN_SHARE = 0.25  # and that one of several cited passages must hold itself
LIKELY_SHARE = 0.6
MAX_LIKELY = 3
_ANY_MARKER = re.compile(r"[ \t]*\[(\d{1,3})\]")
_LIST_NUMBER = re.compile(r"^\s*(?:>\s*)*(?:[-*+]\s+|\d{1,3}[.)]\s+|#{1,6}\s+)*")


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
        self._code = 0  # length of the run of backticks that opened the code we are in
        self._run = 0  # backticks just seen
        self._carry = ""  # blanks before a dropped marker that another one follows at once
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
        self._held = ""
        while at < len(text):
            stop = _STOPS.search(text, at)
            upto = stop.start() if stop else len(text)
            plain = text[at:upto]
            if plain:
                self._end_run()
            if (stop is None and not last) or (stop and stop.group() in "[【［"):
                plain, blanks = _trailing_blanks(plain)
            else:
                blanks = ""
            blanks, self._carry = self._carry + blanks, ""
            out.append(plain)
            if stop is None:
                self._held = blanks
                break
            taken = self._at_stop(text, upto, blanks, out, last=last)
            if taken is None:
                self._held = blanks + text[upto:]
                break
            at = upto + taken
        if last:
            self._end_run()
        return "".join(out)

    def _at_stop(self, text: str, at: int, blanks: str, out: list[str], *, last: bool) -> int | None:
        """Deal with a bracket, a backtick or a line's end; characters taken, or None to wait for more."""
        char = text[at]
        if char == "`":
            self._run += 1
            out.append(char)
            return 1
        self._end_run()
        if char == "\n":
            if self._code < 3:
                self._code = 0  # code within a line never closed: an ordinary backtick
            out.append(char)
            return 1
        if self._code:
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
        following = text[marker.end() :]
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
        elif following[:1].isalnum():
            out.append(blanks)
        elif following[:1] in ("[", "【", "［"):
            self._carry = blanks
        return length

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

    def _end_run(self) -> None:
        """A run of backticks is over: it opens code, or closes the code that one of its length opened."""
        if self._run and not self._code:
            self._code = self._run
        elif self._run and self._run == self._code:
            self._code = 0
        self._run = 0


def _trailing_blanks(text: str) -> tuple[str, str]:
    plain = text.rstrip(" \t")
    return plain, text[len(plain) :]


def _remember(known: list[int], new: Sequence[int]) -> None:
    known.extend(number for number in dict.fromkeys(new) if number not in known)


@dataclass(frozen=True)
class CitedSentence:
    """A sentence of the answer that cites, and the verdict.

    Attributes:
        text: without its markers.
        start, end: where it stands in the answer, markers included.
        supported: marker -> whether that passage carries its share of the sentence.
        missing: what none of the cited passages holds: numbers, codes, names.
    """

    text: str
    start: int
    end: int
    supported: dict[int, bool]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Evidence:
    """What a text holds, ready for comparing."""

    words: frozenset[str]
    numbers: frozenset[Decimal]
    codes: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of_passages(cls, passages: Sequence[Passage]) -> "_Evidence":
        text = "\n".join(f"{one.document_name}\n{one.section}\n{one.content}" for one in passages)
        words = frozenset(content_words(text))
        return cls(words, frozenset(numbers(text)), frozenset(codes(text)), words)

    @classmethod
    def of_sentence(cls, text: str) -> "_Evidence":
        return cls(
            frozenset(content_words(text)),
            frozenset(numbers(text)),
            frozenset(codes(text)),
            frozenset(names(text)),
        )

    def share_in(self, other: "_Evidence") -> float:
        return len(self.words & other.words) / len(self.words) if self.words else 1.0

    def missing_in(self, other: "_Evidence") -> tuple[str, ...]:
        strange = {name for name in self.names if not content_words(name) <= other.words}
        wanting = {f"{one:f}" for one in self.numbers - other.numbers} | (self.codes - other.codes) | strange
        return tuple(sorted(wanting))


def check(answer_text: str, passages: Sequence[Passage]) -> list[CitedSentence]:
    """Each citing sentence against the passages that it cites; no LLM, no embedding.

    Every number, code and name of the sentence must stand in the cited passages, and half of its content
    words; of several passages each must hold a part of the words itself.

    Args:
        answer_text: the answer as it was shown, markers as `MarkerFilter` writes them.
        passages: in the order of their numbers.
    """
    checked = []
    for sentence in sentences(answer_text):
        markers = [int(one) for one in _ANY_MARKER.findall(sentence.text)]
        markers = [one for one in dict.fromkeys(markers) if 1 <= one <= len(passages)]
        if not markers:
            continue
        plain = _without_markup(sentence.text)
        said = _Evidence.of_sentence(plain)
        cited = {one: _Evidence.of_passages([passages[one - 1]]) for one in markers}
        together = _Evidence.of_passages([passages[one - 1] for one in markers])
        missing = said.missing_in(together)
        holds = bool(plain) and not missing and said.share_in(together) >= SUPPORTED_SHARE
        supported = {one: holds and said.share_in(own) >= OWN_SHARE for one, own in cited.items()}
        checked.append(CitedSentence(plain, sentence.start, sentence.end, supported, missing))
    return checked


def supported_markers(checked: Sequence[CitedSentence]) -> dict[int, bool]:
    """Marker -> whether every sentence that cites it is supported; for a source's `supported`."""
    verdict: dict[int, bool] = {}
    for sentence in checked:
        for marker, supported in sentence.supported.items():
            verdict[marker] = verdict.get(marker, True) and supported
    return verdict


def likely_sources(answer_text: str, passages: Sequence[Passage]) -> list[int]:
    """For an answer that cites nothing: the numbers of the passages that its sentences most likely rest on.

    Returns:
        At most MAX_LIKELY numbers, the best first; none for an answer that no passage carries.
    """
    weight: dict[int, float] = {}
    evidence = [_Evidence.of_passages([passage]) for passage in passages]
    for sentence in sentences(answer_text):
        said = _Evidence.of_sentence(_without_markup(sentence.text))
        if len(said.words) < 2:
            continue
        shares = {
            number: said.share_in(own)
            for number, own in enumerate(evidence, start=1)
            if not said.missing_in(own)
        }
        best = max(shares.values(), default=0.0)
        if best >= LIKELY_SHARE:
            number = min(one for one, share in shares.items() if share == best)
            weight[number] = weight.get(number, 0.0) + best
    return sorted(weight, key=lambda number: (-weight[number], number))[:MAX_LIKELY]


def _without_markup(text: str) -> str:
    """A sentence without markers, list signs, emphasis and code signs."""
    plain = _LIST_NUMBER.sub("", _ANY_MARKER.sub("", text))
    return re.sub(r"[*`]+|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)", "", plain).strip()
