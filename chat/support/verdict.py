"""Whether passages bear a sentence out: numbers, names, negation, direction, quotations, words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from chat.support import alignment, attachment, language, opposites
from chat.support.evidence import Claim, Evidence, Unit, quotable, quotations
from chat.support.polarity import is_direction_turned, is_negation_flipped
from chat.support.quantities import Quantity
from chat.support.units import SCALES, UNITS

NEAR_THE_BEST = 0.85  # of the best unit's overlap: such units are read for negation and direction, too
ABOUT_THE_SAME = 0.5  # of it: such units are asked whether they deny what the sentence denies
MOST_UNITS = 4
SAME_LANGUAGE = 0.5  # of the words of a short sentence: it is in the language of a passage that holds them
NUMBER_WEIGHT = 2  # of a shared number beside a shared word, in choosing the unit that a sentence rests on
# Tuned on the documents of one half of bench/citations.py; the other half is what it reports.
SURE_SHARE = 0.55  # of the content words, where words decide alone
CLEAR_SHARE = 0.8  # so many that the embedder is not asked
MEANING_WEIGHT = 0.5  # of the similarity beside the share of words,
ENOUGH = 0.9  # and what both must reach together
ENOUGH_MEANING = 0.4  # of similarity alone, where the passage is in another language


@dataclass(frozen=True)
class Verdict:
    """What the words say about a sentence and its passages.

    Attributes:
        why: `quote`, `number`, `name`, `negation` or `direction`; "" when nothing contradicts.
        missing: what is nowhere in the passages.
        share: of the sentence's content words that the passages hold, 0 to 1.
        units: the passages' sentences that the sentence most likely rests on, the best first.
        foreign: whether the passages are in another language than the sentence.
    """

    why: str
    missing: tuple[str, ...]
    share: float
    units: tuple[Unit, ...]
    foreign: bool


def is_open(verdict: Verdict) -> bool:
    """Whether the similarity of meaning may still decide."""
    within_reach = verdict.share + MEANING_WEIGHT >= ENOUGH
    return not verdict.why and verdict.share < CLEAR_SHARE and (within_reach or verdict.foreign)


def is_borne_out(verdict: Verdict, similarity: float | None) -> bool:
    """Whether a sentence without a contradiction is supported.

    Args:
        similarity: 0 to 1; None when nobody asked or the embedder failed: words decide alone.
    """
    if verdict.why:
        return False
    if similarity is None:
        return verdict.share >= SURE_SHARE
    if verdict.foreign and similarity >= ENOUGH_MEANING:
        return True
    return verdict.share >= CLEAR_SHARE or verdict.share + MEANING_WEIGHT * similarity >= ENOUGH


def claim_of(text: str, answer: str = "", evidence: Sequence[Evidence] = ()) -> Claim:
    """A sentence of an answer, without its markers.

    Of a short one the passage tells the language when they share words, else the whole answer does.
    """
    known = language.guess(text)
    if not known:
        short = Claim(text, "")
        alike = (one.language for one in evidence if shared_words(short, [one]) >= SAME_LANGUAGE)
        known = next(filter(None, alike), "") or language.guess(answer)
    return Claim(text, known)


def judge(claim: Claim, evidence: Sequence[Evidence]) -> Verdict:
    """A sentence against the passages that it cites, taken together."""
    foreign = all(_is_foreign(claim, one) for one in evidence)
    units = best_units(claim, evidence)
    share = shared_words(claim, evidence)
    why, missing = _missing(claim, evidence)
    if not why:
        why = _misattached(claim, evidence)
    if not why and units and not foreign and not all(one.is_table for one in evidence):
        why = (
            _departs(claim, evidence)
            or _turned(claim, units, evidence)
            or opposites.difference(claim, units, evidence)
        )
    return Verdict(why, missing, share, units, foreign)


def shared_words(claim: Claim, evidence: Sequence[Evidence]) -> float:
    """The share of a claim's content words that stand in any of the passages.

    Words of a document's name or section speak neither for nor against: every sentence about it has them.
    """
    telling = [word for word in claim.words if not any(word in one.around_words for one in evidence)]
    if not telling:
        return 1.0 if claim.has_facts else 0.0
    return sum(any(one.has_word(word) for one in evidence) for word in telling) / len(telling)


def best_units(claim: Claim, evidence: Sequence[Evidence], share: float = NEAR_THE_BEST) -> tuple[Unit, ...]:
    """The sentences or rows of the passages that share most with the claim; none when nothing is shared.

    Args:
        share: of the best unit's overlap that the others must reach.
    """
    numbers = {value for one in claim.reading.quantities for value in one.values}
    scored = []
    for source in evidence:
        for unit in source.units:
            held = {value for one in unit.reading.quantities for value in one.values} if numbers else set()
            score = len(claim.words & unit.words) + NUMBER_WEIGHT * len(numbers & held)
            if score:
                scored.append((score, unit))
    best = max((score for score, _ in scored), default=0)
    near = [(score, unit) for score, unit in scored if score >= share * best]
    return tuple(unit for _, unit in sorted(near, key=lambda one: -one[0]))


def _is_foreign(claim: Claim, one: Evidence) -> bool:
    return bool(claim.language and one.language and claim.language != one.language)


def _missing(claim: Claim, evidence: Sequence[Evidence]) -> tuple[str, tuple[str, ...]]:
    """Which quotations, numbers, dates, codes and names stand in none of the passages, and why."""
    quoted = [
        piece
        for piece in quotations(claim.text)
        if not any(quotable(piece) in one.quotable for one in evidence)
    ]
    readings = [one.reading for one in evidence]
    numbers = [
        _shown(one)
        for one in claim.reading.quantities
        if not any(reading.holds(one, claim.reading) for reading in readings)
    ]
    numbers += [
        one.text
        for one in claim.reading.dates
        if not any(one.stands_in(reading.dates, reading.years) for reading in readings)
    ]
    numbers += [str(year) for year in claim.years if not any(_has_year(year, one) for one in evidence)]
    codes = [code for code in claim.codes if not any(one.has_code(code) for one in evidence)]
    names = [
        name
        for name in claim.names
        if not _is_measure(name, claim) and not any(_holds_name(name, claim, one) for one in evidence)
    ]
    found = (("quote", quoted), ("number", numbers), ("name", codes + names))
    why = next((kind for kind, missing in found if missing), "")
    return why, tuple(sorted({one for _, missing in found for one in missing}))


def _is_measure(name: str, claim: Claim) -> bool:
    """Whether a capitalised word is a number's scale or unit, and checked with it: `Millionen`, `EUR`."""
    if name in SCALES:
        return any(one.scaled for one in claim.reading.quantities)
    return name in UNITS and any(one.kind == UNITS[name][0] for one in claim.reading.quantities)


def _shown(one: Quantity) -> str:
    value = min(one.values)
    return f"{value:f}" if one.values else one.text


def _has_year(year: int, one: Evidence) -> bool:
    return year in one.reading.years or any(str(year)[2:] in code for code in one.codes)


def _holds_name(name: str, claim: Claim, one: Evidence) -> bool:
    return one.has_name(name) or language.script(name) != language.script(one.content)


def _misattached(claim: Claim, evidence: Sequence[Evidence]) -> str:
    tables = [one for one in evidence if one.is_table]
    if len(tables) == len(evidence):
        return "" if attachment.is_in_one_row(claim, tables) else _kind_of_facts(claim)
    for one in evidence:
        if not one.is_table and attachment.has_swapped_numbers(claim, one):
            return "number"
    if len(evidence) == 1:
        return attachment.has_stranger_facts(claim, evidence[0])
    return ""


def _kind_of_facts(claim: Claim) -> str:
    return "number" if claim.reading.quantities or claim.reading.dates else "name"


def _departs(claim: Claim, evidence: Sequence[Evidence]) -> str:
    """How the sentence differs from the text that it repeats; "" when one of the passages has it as it is."""
    found = ""
    for one in evidence:
        units = best_units(claim, [one])[:MOST_UNITS]
        why = alignment.difference(claim, units, one) if units else ""
        if units and not why and shared_words(claim, [one]) >= SURE_SHARE:
            return ""
        found = found or why
    return found


def _turned(claim: Claim, units: Sequence[Unit], evidence: Sequence[Evidence]) -> str:
    """A negation or direction that the passages turn round."""
    said = claim.polarity
    near = [unit.polarity for unit in best_units(claim, evidence, share=ABOUT_THE_SAME)]
    everywhere = [unit.polarity for one in evidence for unit in one.units]
    negated = {word for held in everywhere for words in held.negated for word in words}
    for head, *_ in said.negated:
        about = [held for held in near if head in held.keys]
        if about and head not in negated and not any(held.negated or held.soft for held in about):
            return "negation"
    if not said.negated and all(is_negation_flipped(said, unit.polarity) for unit in units):
        return "negation"
    return "direction" if is_direction_turned(said, everywhere) else ""
