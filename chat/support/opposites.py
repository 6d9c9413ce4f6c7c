"""Single words that turn a sentence round: paid and unpaid, per year and per month; only sure ones. Pure."""

import re
from collections.abc import Iterator, Sequence

from chat.sentences import stem
from chat.support.evidence import Claim, Evidence, Unit

_WORD = re.compile(r"(?:\bnon[-‐ ]?)?[^\W\d_]+", re.IGNORECASE)
_LEAST = 4  # letters of the word that a prefix turns
_LEAST_AFTER_IN = 5
# What "in" turns: "inactive", "invalid"; of others it is a part, as of "inform" and "improve".
_TURNED_BY_IN = re.compile(r"(?:able|ible|ive|ent|ant|ate|al|ect|id|ite|ete|ary)(?:ly)?\Z")
# What begins like a turned word and is none: "invaluable" help is valuable, "immigrant" workers are migrant.
_NOT_TURNED = """
    unless unlike unrest unearth uncover unveil unbedingt unheimlich ungeheuer unlängst
    immigrant immigrate immediate implant impassive important imposant incorporate indifferent inflammable
    inhabitable inpatient intendant invaluable irrespective
"""
_NOT_TURNED_STEMS = frozenset(map(stem, _NOT_TURNED.split()))
# What bounds a statement. Outside of its bounds the opposite may be true: "possible until Friday".
_BOUNDS = {
    kind: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for kind, words in {
        "only": r"only|solely|nur|lediglich|ausschließlich|seulement|uniquement|s[oó]lo|solamente|únicamente"
        r"|soltanto|unicamente",
        "until": r"until|till|up to|no later than|bis|jusqu['’]\w+|hasta|fino a\w*",
        "within": r"within|during|first|innerhalb|binnen|während|erste[nrsm]?|pendant|durant"
        r"|premi(?:er|ère)s?|dentro|durante|primer[oa]?s?|entro|prim[oi]",
        "before": r"before|prior to|vor|bevor|avant|antes|prima",
        "after": r"after|nach|ab|après|después|tras|a partir|à partir|dopo",
    }.items()
}
# "an" and "ans" are words of other languages too.
_FRENCH_YEAR = r"(?:(?<=\bpar\s)|(?<=\bchaque\s)|(?<=\b1\s))an|(?:(?<=\d\s)|(?<=\bles\s))ans"
_PERIODS = {
    "day": (r"days?|tage?n?|días?|jours?", r"daily|täglich\w*|diari[oa]s?|diariamente|quotidien\w*"),
    "week": (r"weeks?|wochen?|semanas?|semaines?", r"weekly|wöchentlich\w*|semanal\w*|hebdomadaires?"),
    "month": (r"months?|monate?n?|mes(?:es)?|mois", r"monthly|monatlich\w*|mensual\w*|mensuel\w*"),
    "quarter": (
        r"quarters?|quartale?n?|trimestres?",
        r"quarterly|vierteljährlich\w*|trimestra\w*|trimestriel\w*",
    ),
    "year": (
        rf"years?|jahre?n?|años?|{_FRENCH_YEAR}|années?",
        r"yearly|annual(?:ly)?|jährlich\w*|anual\w*|annuel\w*",
    ),
}
_PER = r"per|each|every|an?|pro|je|im|am|por|al?|par|jede[nrs]?|cada|chaque"
_NAMED = {
    period: re.compile(rf"\b(?:{noun}|{adverb})\b", re.IGNORECASE)
    for period, (noun, adverb) in _PERIODS.items()
}
_RATES = {
    period: re.compile(rf"\b(?:(?:{_PER}) (?:calendar )?(?:{noun})(?! \d)|{adverb})\b", re.IGNORECASE)
    for period, (noun, adverb) in _PERIODS.items()
}


def difference(claim: Claim, units: Sequence[Unit], evidence: Sequence[Evidence]) -> str:
    """Whether a sentence says the opposite of a word of its passages, or another period.

    Args:
        units: the passages' sentences that the sentence most likely rests on.
        evidence: the passages. What stands anywhere in them is not held against the sentence.

    Returns:
        `negation`, `number` or "".
    """
    if not claim.polarity.negated and any(_is_opposed(claim, unit, evidence) for unit in units):
        return "negation"
    return "number" if _is_of_another_period(claim, units, evidence) else ""


def _is_opposed(claim: Claim, unit: Unit, evidence: Sequence[Evidence]) -> bool:
    if unit.polarity.negated or _bounds(claim) != _bounds(unit):
        return False
    said, held = _stems(claim), _stems(unit)
    added = {turned for turned, base in _turns(claim) if base in held and base not in said}
    taken_off = {base for turned, base in _turns(unit) if base in said and turned not in said}
    strangers = (added | taken_off) - held
    return any(
        not any(word in _stems(other) for one in evidence for other in one.units) for word in strangers
    )


def _bounds(claim: Claim) -> frozenset[str]:
    return frozenset(kind for kind, words in _BOUNDS.items() if words.search(claim.text))


def _stems(claim: Claim) -> frozenset[str]:
    return frozenset(stem(word) for word in _words(claim))


def _turns(claim: Claim) -> frozenset[tuple[str, str]]:
    """The words with a prefix that turns them, and the words without it, as stems."""
    return frozenset((stem(word), stem(base)) for word in _words(claim) for base in _without_prefix(word))


def _words(claim: Claim) -> Iterator[str]:
    """Lower case, `non-` joined on; German ones without nouns: "Unfall" is no opposite of "Fall"."""
    for match in _WORD.finditer(claim.text):
        if claim.language != "de" or match.group()[0].islower():
            yield re.sub(r"[-‐ ]", "", match.group().lower())


def _without_prefix(word: str) -> Iterator[str]:
    if stem(word) in _NOT_TURNED_STEMS:
        return
    for prefix in ("un", "non"):
        if word.startswith(prefix) and len(word) - len(prefix) >= _LEAST:
            yield word.removeprefix(prefix)
    for prefix in ("in", "im", "il", "ir"):
        base = word.removeprefix(prefix)
        if base != word and len(base) >= _LEAST_AFTER_IN and _TURNED_BY_IN.search(base):
            yield base


def _is_of_another_period(claim: Claim, units: Sequence[Unit], evidence: Sequence[Evidence]) -> bool:
    said = {period for period, rate in _RATES.items() if rate.search(claim.text)}
    held = {period for period, rate in _RATES.items() if any(rate.search(unit.text) for unit in units)}
    if not said or not held or not claim.reading.quantities:
        return False
    return not any(
        _NAMED[period].search(f"{one.around}\n{one.content}") for period in said for one in evidence
    )
