"""Citations: `[n]` while the answer streams, and whether the cited passages hold what the answer says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chat.sentences import Sentence, sentences
from chat.support.evidence import Claim, Evidence
from chat.support.meaning import question, similarities
from chat.support.verdict import SURE_SHARE, Verdict, claim_of, is_borne_out, is_open, judge, shared_words
from chat.text import Backticks
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

OWN_SHARE = 0.25  # of a sentence's content words that one of several cited passages must hold itself
LIKELY_SHARE = 0.6
MAX_LIKELY = 3
MAX_LIKELY_SENTENCES = 60
_SAYS_SOMETHING = re.compile(r"[^\W_]")
_INTERJECTION = re.compile(r"^(?:yes|no|ja|nein|sí|oui|non|да|нет)[,.:;!]\s+", re.IGNORECASE)
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
        self._code = Backticks()
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
                self._code.other()
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
            self._code.other()
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
        missing: what none of the cited passages holds: quotations, numbers, codes, names.
        why: `quote`, `number`, `name`, `negation`, `direction` or `words`, whichever tells against it; "" for
            none.
    """

    text: str
    start: int
    end: int
    supported: dict[int, bool]
    missing: tuple[str, ...] = ()
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """As it is kept in the trace of the answer."""
        return {
            "start": self.start,
            "end": self.end,
            "markers": list(self.supported),
            "supported": not self.why,
            "unsupported_markers": [marker for marker, good in self.supported.items() if not good],
            "missing": list(self.missing),
            "why": self.why,
        }


@dataclass(frozen=True)
class _Open:
    """A sentence with what the words say, before its meaning is asked."""

    sentence: Sentence
    markers: tuple[int, ...]
    claim: Claim
    verdict: Verdict


def check(
    answer_text: str, passages: Sequence[Passage], *, model_id: str | None = None, meaning: bool = True
) -> list[CitedSentence]:
    """Each citing sentence against the passages that it cites; no LLM.

    Its quotations, numbers, codes and names must stand there, attached to the same things; no negation or
    direction may be turned; and it must share words, or be near in meaning. Of several passages each must
    hold a part of the words itself.

    Args:
        answer_text: the answer as it was shown, markers as `MarkerFilter` writes them.
        passages: in the order of their numbers.
        model_id: the collection's embedding model; the default one when None.
        meaning: ask the embedder where the words are not clear (one batch).
    """
    evidence: dict[int, Evidence] = {}
    waiting = []
    for sentence in _with_stray_markers(sentences(answer_text), answer_text):
        markers = [int(one) for one in _ANY_MARKER.findall(sentence.text)]
        markers = [one for one in dict.fromkeys(markers) if 1 <= one <= len(passages)]
        if not markers:
            continue
        for one in markers:
            evidence.setdefault(one, Evidence.of(passages[one - 1]))
        claim = claim_of(_without_markup(sentence.text), answer_text)
        verdict = judge(claim, [evidence[one] for one in markers])
        waiting.append(_Open(sentence, tuple(markers), claim, verdict))
    near = _meanings(waiting, evidence, model_id) if meaning else {}
    return [_closed(one, evidence, near.get(at)) for at, one in enumerate(waiting)]


def _with_stray_markers(found: Sequence[Sentence], answer_text: str) -> list[Sentence]:
    """The sentences; markers that stand alone (after a question mark, on a line) belong to the one before."""
    result: list[Sentence] = []
    for one in found:
        if result and not _SAYS_SOMETHING.search(_ANY_MARKER.sub("", one.text)):
            start = result.pop().start
            one = Sentence(answer_text[start : one.end], start, one.end)
        result.append(one)
    return result


def _meanings(
    waiting: Sequence[_Open], evidence: dict[int, Evidence], model_id: str | None
) -> dict[int, float]:
    """Place in `waiting` -> similarity, of those sentences that it may decide about."""
    asked = [at for at, one in enumerate(waiting) if is_open(one.verdict) and one.claim.text]
    questions = [
        question(
            waiting[at].claim,
            [evidence[marker] for marker in waiting[at].markers],
            waiting[at].verdict.units,
            foreign=waiting[at].verdict.foreign,
        )
        for at in asked
    ]
    found = similarities(questions, model_id)
    return dict(zip(asked, found, strict=True)) if found is not None else {}


def _closed(one: _Open, evidence: dict[int, Evidence], similarity: float | None) -> CitedSentence:
    why = one.verdict.why
    if not why and (not one.claim.text or not is_borne_out(one.verdict, similarity)):
        why = "words"
    own = {marker: shared_words(one.claim, [evidence[marker]]) for marker in one.markers}
    if one.verdict.share < SURE_SHARE:  # by meaning, in other words: the words cannot tell them apart
        own = dict.fromkeys(one.markers, 1.0) if len(one.markers) == 1 else own
    supported = {marker: not why and share >= OWN_SHARE for marker, share in own.items()}
    if not why and not any(supported.values()):
        supported = {marker: share == max(own.values()) for marker, share in own.items()}
    return CitedSentence(
        one.claim.text, one.sentence.start, one.sentence.end, supported, one.verdict.missing, why
    )


def supported_markers(checked: Sequence[CitedSentence]) -> dict[int, bool]:
    """Marker -> whether every sentence that cites it is supported; for a source's `supported`."""
    verdict: dict[int, bool] = {}
    for sentence in checked:
        for marker, supported in sentence.supported.items():
            verdict[marker] = verdict.get(marker, True) and supported
    return verdict


def likely_sources(answer_text: str, passages: Sequence[Passage]) -> list[int]:
    """For an answer that cites nothing: the numbers of the passages that its sentences most likely rest on.

    Each sentence votes for the passage that bears it out best, by the same check.

    Returns:
        At most MAX_LIKELY numbers, the best first; none for an answer that no passage carries.
    """
    weight: dict[int, float] = {}
    evidence = [Evidence.of(passage) for passage in passages]
    for sentence in sentences(answer_text)[:MAX_LIKELY_SENTENCES]:
        claim = claim_of(_without_markup(sentence.text), answer_text)
        if len(claim.words) < 2:
            continue
        shares = {number: shared_words(claim, [own]) for number, own in enumerate(evidence, start=1)}
        for number in sorted(shares, key=lambda one: (-shares[one], one)):
            if shares[number] < LIKELY_SHARE:
                break
            if not judge(claim, [evidence[number - 1]]).why:
                weight[number] = weight.get(number, 0.0) + shares[number]
                break
    return sorted(weight, key=lambda number: (-weight[number], number))[:MAX_LIKELY]


def _without_markup(text: str) -> str:
    """A sentence without markers, list signs, emphasis, code signs and a leading yes or no."""
    plain = _LIST_NUMBER.sub("", _ANY_MARKER.sub("", text))
    plain = re.sub(r"[*`]+|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)", "", plain).strip()
    return _INTERJECTION.sub("", plain)
