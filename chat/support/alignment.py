"""Where a sentence repeats its passage word for word but for a number, a name, a negation or a direction."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from chat.support.evidence import Claim, Evidence, Unit, fold
from chat.support.polarity import negations, opposite
from chat.support.quantities import Quantity
from chat.support.tokens import Token

RUN = 2  # equal words on a side that make a place word for word the same
ONE_SIDED = 3  # equal words that do so from one side alone
LONGEST = 4  # words that may differ there
MAX_WORDS = 120
AS_WELL = 0.9  # of the best unit's equal words: such a unit counts as repeated, too


def difference(claim: Claim, units: Sequence[Unit], evidence: Evidence) -> str:
    """How a sentence departs from the passage's sentence that it repeats.

    Args:
        units: those of the passage that share most with it.

    Returns:
        `number`, `name`, `negation`, `direction`, or "" when one of the units shows no such difference.
    """
    bare = "(" not in claim.text
    said = [_same(one) for one in _words(claim)]
    matchers = []
    for unit in units:
        held = [_same(one) for one in _words(unit, bare=bare)]
        matcher = SequenceMatcher(None, said, held, autojunk=False)
        matchers.append((sum(block.size for block in matcher.get_matching_blocks()), matcher, unit))
    most = max((size for size, _, _ in matchers), default=0)
    why = ""
    for size, matcher, unit in matchers:
        if size < AS_WELL * most:
            continue
        changes = _changes(_words(claim), _words(unit, bare=bare), matcher)
        found = next(filter(None, (_what(one, other, claim, unit, evidence) for one, other in changes)), "")
        if not found:
            return ""
        why = why or found
    return why


def _words(claim: Claim, *, bare: bool = False) -> list[Token]:
    """The words of a sentence; bare: without what stands in brackets."""
    found, depth = [], 0
    for one in claim.tokens:
        depth += (one.low == "(") - (one.low == ")")
        if not one.is_break and one.low != "s" and not (bare and depth > 0):
            found.append(one)
    return found[:MAX_WORDS]


def _changes(
    said: list[Token], held: list[Token], matcher: "SequenceMatcher[str]"
) -> Iterator[tuple[list[Token], list[Token]]]:
    """The short stretches that differ between stretches that are the same."""
    operations = matcher.get_opcodes()
    for at, (tag, a, b, c, d) in enumerate(operations):
        if tag == "equal":
            continue
        before = operations[at - 1][2] - operations[at - 1][1] if at else 0
        after = operations[at + 1][2] - operations[at + 1][1] if at + 1 < len(operations) else 0
        first, final = a == 0, b == len(said)
        if final and not first and before >= ONE_SIDED:
            b, d = a + min(b - a, d - c), c + min(b - a, d - c)  # the passage goes on where the sentence ends
        elif first and not final and after >= ONE_SIDED:
            a, c = b - min(b - a, d - c), d - min(b - a, d - c)
        elif not (
            (before >= RUN or (first and c == 0)) and (after >= RUN or (final and d == len(held)))
        ) and not (min(before, after) >= 1 and before + after > ONE_SIDED):
            continue
        if b - a <= LONGEST and d - c <= LONGEST:
            yield said[a:b], held[c:d]


def _same(one: Token) -> str:
    return one.key or one.low


def _what(one: list[Token], other: list[Token], claim: Claim, unit: Unit, evidence: Evidence) -> str:
    """What kind of difference a changed stretch is; "" for one that may be put so."""
    if negations(one, claim.language) != negations(other, unit.language) and not (
        _stands_elsewhere(one, other, claim, unit)
    ):
        return "negation"
    if opposite(" ".join(word.low for word in one), " ".join(word.low for word in other)):
        return "direction"
    if _number_changed(one, other, claim, unit, evidence):
        return "number"
    mine, theirs = _names(one, evidence, claim), _names(other, evidence, unit)
    return "name" if mine and theirs and not mine & theirs and len(one) == len(other) else ""


def _stands_elsewhere(one: list[Token], other: list[Token], claim: Claim, unit: Unit) -> bool:
    """Whether words are only added or left out here, and both sentences deny the same and nothing else of it.

    "Do not open the device" says what "The device must not be opened" says.
    """
    mine, theirs = claim.polarity, unit.polarity
    heads = {head for head, *_ in mine.negated}
    same_count = negations(claim.tokens, claim.language) == negations(unit.tokens, unit.language)
    alike = heads == {head for head, *_ in theirs.negated} and not heads & (mine.plain | theirs.plain)
    return bool(heads) and same_count and alike and (not one or not other)


def _number_changed(
    one: list[Token], other: list[Token], claim: Claim, unit: Unit, evidence: Evidence
) -> bool:
    mine, theirs = _numbers(one, claim), _numbers(other, unit)
    if not mine or not theirs:
        return False
    return not any(evidence.reading.equal(said, held, claim.reading) for said in mine for held in theirs)


def _numbers(words: list[Token], claim: Claim) -> list[Quantity]:
    starts = {word.start for word in words}
    return [one for one in claim.reading.quantities if one.start in starts]


def _names(words: list[Token], evidence: Evidence, claim: Claim) -> set[str]:
    return {
        fold(word.low) for word in words if word.key and (word.is_name or fold(word.low) in evidence.proper)
    }
