"""Citations: whether the passages that an answer cites hold what it says."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chat.markers import Marker, find, without
from chat.sentences import sentences
from chat.support.evidence import Claim, Evidence
from chat.support.meaning import question, similarities
from chat.support.verdict import SURE_SHARE, Verdict, claim_of, is_borne_out, is_open, judge, shared_words
from documents.retrieval.types import Passage

OWN_SHARE = 0.25  # of a sentence's content words that one of several cited passages must hold itself
LIKELY_SHARE = 0.6
MAX_LIKELY = 3
MAX_LIKELY_SENTENCES = 60
_SAYS_SOMETHING = re.compile(r"[^\W_]")
_INTERJECTION = re.compile(r"^(?:yes|no|ja|nein|sí|oui|non|да|нет)[,.:;!]\s+", re.IGNORECASE)
_LIST_NUMBER = re.compile(r"^\s*(?:>\s*)*(?:[-*+]\s+|\d{1,3}[.)]\s+|#{1,6}\s+)*")


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
class Statement:
    """A sentence of an answer.

    Attributes:
        bare: without its markers and its markup.
        start, end: where it stands in the answer, markers included.
        markers: the numbers that it cites, each once.
    """

    bare: str
    start: int
    end: int
    markers: tuple[int, ...]


@dataclass(frozen=True)
class _Open:
    """A sentence with what the words say, before its meaning is asked."""

    said: Statement
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
        answer_text: the answer as it was shown, markers as `engine.marker_filter` writes them.
        passages: in the order of their numbers.
        model_id: the collection's embedding model; the default one when None.
        meaning: ask the embedder where the words are not clear (one batch).
    """
    evidence: dict[int, Evidence] = {}
    waiting = []
    for said in statements(answer_text):
        markers = tuple(one for one in said.markers if 1 <= one <= len(passages))
        if not markers:
            continue
        for one in markers:
            evidence.setdefault(one, Evidence.of(passages[one - 1]))
        cited = [evidence[one] for one in markers]
        claim = claim_of(said.bare, answer_text, cited)
        waiting.append(_Open(said, markers, claim, judge(claim, cited)))
    near = _meanings(waiting, evidence, model_id) if meaning else {}
    return [_closed(one, evidence, near.get(at)) for at, one in enumerate(waiting)]


def statements(answer_text: str) -> list[Statement]:
    """The sentences; markers that stand alone (after a question mark, on a line) belong to the one before.

    What holds neither words nor markers, as the line below the head of a table, is none.
    """
    found = find(answer_text)
    spans: list[tuple[int, int]] = []
    for one in sentences(answer_text):
        said = _statement(answer_text, (one.start, one.end), found)
        if _SAYS_SOMETHING.search(said.bare) or (said.markers and not spans):
            spans.append((one.start, one.end))
        elif said.markers:
            spans[-1] = (spans[-1][0], one.end)
    return [_statement(answer_text, span, found) for span in spans]


def _statement(answer_text: str, span: tuple[int, int], found: Sequence[Marker]) -> Statement:
    start, end = span
    first, last = (bisect_left(found, at, key=lambda one: one.start) for at in span)
    inside = found[first:last]
    bare = _without_markup(without(answer_text[start:end], inside, start=start))
    return Statement(bare, start, end, tuple(dict.fromkeys(one.number for one in inside)))


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
    return CitedSentence(one.claim.text, one.said.start, one.said.end, supported, one.verdict.missing, why)


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
    for said in statements(answer_text)[:MAX_LIKELY_SENTENCES]:
        claim = claim_of(said.bare, answer_text, evidence)
        if len(claim.words) >= 2 and (found := bearer(claim, evidence)) is not None:
            number, share = found
            weight[number] = weight.get(number, 0.0) + share
    return sorted(weight, key=lambda number: (-weight[number], number))[:MAX_LIKELY]


def bearer(claim: Claim, evidence: Sequence[Evidence]) -> tuple[int, float] | None:
    """The number of the passage that bears a sentence out best, and its share of the words; None for none."""
    shares = {number: shared_words(claim, [own]) for number, own in enumerate(evidence, start=1)}
    for number in sorted(shares, key=lambda one: (-shares[one], one)):
        if shares[number] < LIKELY_SHARE:
            return None
        if not judge(claim, [evidence[number - 1]]).why:
            return number, shares[number]
    return None


def _without_markup(text: str) -> str:
    """A sentence without list signs, emphasis, code signs and a leading yes or no."""
    plain = _LIST_NUMBER.sub("", text)
    plain = re.sub(r"[*`]+|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)", "", plain).strip()
    return _INTERJECTION.sub("", plain)
