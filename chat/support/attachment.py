"""Whether the facts of a sentence stand together in its passage, or a number hangs on another's item."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from chat.sentences import STOP_WORDS
from chat.support.evidence import Claim, Evidence, Unit, fold
from chat.support.quantities import Quantity, Reading
from chat.support.tokens import Token

_PARTS = re.compile(
    r"[,;:]\s|[，；、]|\s[–—-]\s|\s(?:and|und|y|et|e|и|while|whereas|but|während|mientras|versus|vs\.?|compared|from|to)\s",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


@dataclass(frozen=True)
class Part:
    """A stretch of a sentence with its own facts."""

    claim: Claim
    numbers: tuple[Quantity, ...]
    keys: frozenset[str]


def parts(claim: Claim) -> list[Part]:
    """The stretches of a sentence between its commas and conjunctions."""
    bounds = [0]
    for match in _PARTS.finditer(claim.text):
        bounds += [match.start(), match.end()]
    bounds.append(len(claim.text))
    found = []
    for start, end in zip(bounds[::2], bounds[1::2], strict=True):
        text = claim.text[start:end]
        if not text.strip():
            continue
        numbers = tuple(one for one in claim.reading.quantities if start <= one.start < end)
        keys = frozenset(
            one.key
            for one in claim.tokens
            if start <= one.start < end and one.key and not _is_plain_number(one)
        )
        found.append(Part(Claim(text, claim.language), numbers, keys))
    return found


def _is_plain_number(token: Token) -> bool:
    """A number that is no year: years say what a number belongs to."""
    return token.low[0].isdigit() and re.fullmatch(r"(?:19|20)\d\d", token.low) is None


def is_in_one_row(claim: Claim, tables: Sequence[Evidence]) -> bool:
    """Whether each part's facts stand in one row of the tables, the row that fits the part's words best."""
    rows = [row for table in tables for row in table.units]
    if len(rows) < 2:
        return True
    if _row_holds(claim, claim.values, rows, claim.reading):
        return True
    pieces = [part for part in parts(claim) if part.claim.words or part.numbers]
    if sum(not part.numbers for part in pieces[:-1]) and sum(bool(part.numbers) for part in pieces) > 1:
        return _lists_hold(pieces, rows, claim.reading)
    inherited: frozenset[str] = frozenset()
    for part in pieces:
        own = _telling(part.claim.values, rows)
        if own:
            inherited = own
        elif not part.numbers and not part.claim.names:
            continue
        if not _row_holds(part.claim, own or inherited, rows, claim.reading):
            return False
    return True


def _lists_hold(pieces: Sequence[Part], rows: Sequence[Unit], said: Reading) -> bool:
    """For "A, B and C are 1, 2 and 3": whether each number stands in the row of the item in its place.

    Lists of different lengths are not told apart: they pass.
    """
    items = [words for part in pieces if (words := _telling(_without_numbers(part), rows))]
    numbers = [one for part in pieces for one in part.numbers]
    if len(items) != len(numbers):
        return True
    return all(
        any(words <= row.values and row.reading.holds(one, said) for row in rows)
        for words, one in zip(items, numbers, strict=True)
    )


def _without_numbers(part: Part) -> frozenset[str]:
    return frozenset(word for word in part.claim.values if not word[0].isdigit())


def _telling(words: frozenset[str], rows: Sequence[Unit]) -> frozenset[str]:
    """Those words that some rows hold and others do not: values, not names of columns."""
    return frozenset(word for word in words if 0 < sum(word in row.values for row in rows) < len(rows))


def _row_holds(claim: Claim, words: frozenset[str], rows: Sequence[Unit], said: Reading) -> bool:
    """Whether one row holds all facts, and no other row fits the words better."""
    telling = _telling(words, rows)
    fits = [len(telling & row.values) for row in rows]
    most = max(fits)
    return any(fit == most and _has_facts(claim, row, said) for fit, row in zip(fits, rows, strict=True))


def _has_facts(claim: Claim, row: Unit, said: Reading) -> bool:
    folded = {fold(word) for word in _WORD.findall(row.text)}
    return (
        all(row.reading.holds(one, said) for one in claim.reading.quantities)
        and all(one.stands_in(row.reading.dates, row.reading.years) for one in claim.reading.dates)
        and claim.codes <= row.codes
        and all(fold(name) in folded for name in claim.names)
        and not _is_of_another_column(claim, row, said)
    )


def _is_of_another_column(claim: Claim, row: Unit, said: Reading) -> bool:
    """Whether the claim names a column whose number it does not say, and says a number of an unnamed one."""
    if not claim.reading.quantities:
        return False
    named: list[Reading] = []
    unnamed: list[Reading] = []
    for cell in row.text.split("; "):
        column, _, value = cell.partition(": ")
        words = Claim(column, row.language).words
        reading = Claim(value, row.language, row.comma).reading
        if reading.quantities:
            (named if words and words <= claim.words else unnamed).append(reading)
    strangers = [one for one in claim.reading.quantities if not any(cell.holds(one, said) for cell in named)]
    unsaid = [cell for cell in named if not any(cell.holds(one, said) for one in claim.reading.quantities)]
    return bool(strangers and unsaid) and any(cell.holds(one, said) for cell in unnamed for one in strangers)


def has_swapped_numbers(claim: Claim, evidence: Evidence) -> bool:
    """Whether two numbers of the sentence stand in the passage, each with the other's words.

    "A earned 20 and B earned 10" where the passage says "A earned 10 and B earned 20".
    """
    said = [(part, one) for part in parts(claim) for one in part.numbers if len(part.numbers) == 1]
    if len(said) < 2:
        return False
    held: dict[int, list[frozenset[str]]] = {}
    for unit in evidence.units:
        for part in parts(unit):
            if len(part.numbers) != 1:
                continue
            for at, (_, one) in enumerate(said):
                if evidence.reading.equal(one, part.numbers[0], claim.reading):
                    held.setdefault(at, []).append(part.keys)
    for a, b in combinations(range(len(said)), 2):
        if a not in held or b not in held or said[a][1].values & said[b][1].values:
            continue
        only_a, only_b = said[a][0].keys - said[b][0].keys, said[b][0].keys - said[a][0].keys
        straight = _most(only_a, held[a]) + _most(only_b, held[b])
        crossed = (_most(only_a, held[b]), _most(only_b, held[a]))
        if not straight and min(crossed) >= 1:
            return True
    return False


def _most(keys: frozenset[str], held: list[frozenset[str]]) -> int:
    return max(len(keys & one) for one in held)


def has_stranger_facts(claim: Claim, evidence: Evidence) -> str:
    """Whether a number or name of the sentence belongs to somebody else in the passage.

    "Anna earns 20" where the passage says "Anna earns 10. Ben earns 20.": 20 stands only beside another name,
    and Anna beside another number of the kind, both with the same verb.

    Returns:
        `number`, `name`, or "" when nothing speaks against it.
    """
    mine = {fold(word) for word in _WORD.findall(claim.text)} & evidence.proper
    mine = {word for word in mine if word not in STOP_WORDS}
    if not mine:
        return ""
    scenes = [_Scene.of(unit, evidence) for unit in evidence.units]
    about = claim.words - {word for scene in scenes for word in scene.stems_of_names}
    for part in parts(claim):
        for one in part.numbers:
            if not evidence.reading.may_hold(one, claim.reading):
                continue  # it stands nowhere in the passage, so beside nobody else
            own = [scene for scene in scenes if scene.has_number(one, claim, evidence)]
            owners = {fold(word) for word in _WORD.findall(part.claim.text)} & mine
            verbs = _strange_verbs(own, mine, about)
            if any(s.subject in owners and s.unit.words & verbs and s.rivals(one) for s in scenes):
                return "number"
    return ""


@dataclass(frozen=True)
class _Scene:
    """A unit of a passage with the names that it holds, and the one that it begins with."""

    unit: Unit
    names: frozenset[str]
    stems_of_names: frozenset[str]
    subject: str

    @classmethod
    def of(cls, unit: Unit, evidence: Evidence) -> "_Scene":
        written = {word for word in _WORD.findall(unit.text) if fold(word) in evidence.proper}
        names = frozenset(fold(word) for word in written) - STOP_WORDS
        stems = frozenset(one for word in written for one in Claim(word, unit.language).words)
        first = next((fold(word) for word in _WORD.findall(unit.text) if fold(word) not in STOP_WORDS), "")
        return cls(unit, names, stems, first if first in names else "")

    def has_number(self, one: Quantity, claim: Claim, evidence: Evidence) -> bool:
        return any(
            evidence.reading.equal(one, other, claim.reading) for other in self.unit.reading.quantities
        )

    def rivals(self, one: Quantity) -> bool:
        """Whether it holds another number of the same kind."""
        return any(
            other.kind == one.kind and not other.values & one.values for other in self.unit.reading.quantities
        )


def _strange_verbs(own: Sequence[_Scene], mine: set[str], about: frozenset[str]) -> frozenset[str]:
    """The verbs that the scenes of a number share with the sentence; none when its own names stand there."""
    if any(scene.names & mine or not scene.subject for scene in own):
        return frozenset()
    return frozenset().union(*(scene.unit.words & about for scene in own))
