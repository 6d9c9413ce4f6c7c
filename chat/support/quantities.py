"""Numbers as values with units: `7.5 million` = `7,500,000` = `7 500` under "(in thousands)"."""

from bisect import bisect_left
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache

from chat.support.dates import Date

_ONE = Decimal(1)
ROUGH = Decimal("0.05")  # how far "about" may be from the value, and half of its last digit that is not 0


@dataclass(frozen=True)
class Quantity:
    """A number in a text.

    Attributes:
        values: what it may mean, scale included; mostly one.
        kind: of unit: `%`, `euro`, `day`, …; "" when none is next to it.
        factor: of its unit in the kind's base unit (a week has 7 days).
        step: of its last written digit, scale included: 7.5 million is exact to 100,000.
        rough: "about" stands before it.
        scale: of the word behind it: `million`.
        ordinal: 3rd, third.
    """

    text: str
    start: int
    end: int
    values: frozenset[Decimal]
    kind: str = ""
    factor: Decimal = Decimal(1)
    step: Decimal = Decimal(1)
    rough: bool = False
    scale: Decimal = Decimal(1)
    ordinal: bool = False

    @property
    def scaled(self) -> bool:
        """Whether a scale word stands behind it."""
        return self.scale != 1


@dataclass(frozen=True)
class Reading:
    """All numbers and dates of a text.

    Attributes:
        scales: that the text states for its numbers: "(in thousands)".
        percent: whether it speaks of percentages, rates or shares at all.
    """

    quantities: tuple[Quantity, ...] = ()
    dates: tuple[Date, ...] = ()
    scales: frozenset[Decimal] = frozenset()
    percent: bool = False
    years: frozenset[int] = field(default_factory=frozenset)

    def holds(self, one: Quantity, said: "Reading") -> bool:
        """Whether a number that another text says is among these."""
        if self.may_hold(one, said) and any(self.equal(one, other, said) for other in self.quantities):
            return True
        return not one.kind and any(value == year for value in one.values for year in self.years)

    def may_hold(self, one: Quantity, said: "Reading") -> bool:
        """False when `equal` is so for `one` and all numbers of ours: told by look-ups, not by each."""
        values, texts = self._meant
        if one.text in texts:
            return True
        for factor in {_ONE, one.factor}:
            for wanted in _scaled(one, said.scales, factor):
                around = _reach(one, wanted, factor)
                at = bisect_left(values, wanted - around)
                if at < len(values) and values[at] <= wanted + around:
                    return True
        return False

    @cached_property
    def _meant(self) -> tuple[list[Decimal], frozenset[str]]:
        """All that our numbers may mean, in whatever unit, in order; and how they are written."""
        values = {
            value
            for other in self.quantities
            for factor in (_ONE, other.factor)
            for value in _scaled(other, self.scales, factor)
        }
        return sorted(values), frozenset(other.text for other in self.quantities)

    def equal(self, one: Quantity, other: Quantity, said: "Reading") -> bool:
        """Whether `one`, from the text `said`, is `other` of ours."""
        if one.kind and other.kind:
            if one.kind != other.kind:
                return False
        elif "%" in (one.kind, other.kind) and not (self.percent if one.kind == "%" else said.percent):
            return False
        factors = (one.factor, other.factor) if one.kind and other.kind else (_ONE, _ONE)
        mine, theirs = _scaled(one, said.scales, factors[0]), _scaled(other, self.scales, factors[1])
        if not mine.isdisjoint(theirs):
            return True
        if (one.text, one.scale, one.factor) == (other.text, other.scale, other.factor):
            return True  # as it is written
        if not _is_rounded(one, factors[0]):
            return False
        return any(_rounds_to(one, value, wanted, factors[0]) for value in theirs for wanted in mine)


def _is_rounded(one: Quantity, factor: Decimal) -> bool:
    """Whether a number may stand for others near it; else it is exact to the unit."""
    return one.rough or one.scaled or one.step * factor < 1


def _reach(one: Quantity, wanted: Decimal, factor: Decimal) -> Decimal:
    """How far from what a number says those are at most that it may stand for: see `_rounds_to`."""
    if not _is_rounded(one, factor):
        return Decimal(0)
    return ROUGH * abs(wanted) if one.rough else one.step * factor / 2


def _scaled(one: Quantity, scales: frozenset[Decimal], factor: Decimal) -> frozenset[Decimal]:
    """What a number may mean in a text that states these scales, in the base unit."""
    if one.scaled or one.kind in ("%", "day", "month", "second") or one.ordinal:
        scales = frozenset()
    return _multiplied(one.values, scales, factor)


@lru_cache(maxsize=8192)  # each number of an answer is compared with each of its passages' numbers
def _multiplied(
    values: frozenset[Decimal], scales: frozenset[Decimal], factor: Decimal
) -> frozenset[Decimal]:
    return frozenset(value * scale * factor for value in values for scale in (_ONE, *scales))


def _rounds_to(one: Quantity, value: Decimal, wanted: Decimal, factor: Decimal) -> bool:
    """Whether `value`, rounded as the sentence rounds, is what it says: 7.5 million for 7,512,345."""
    if one.rough and wanted:
        last = Decimal(1).scaleb(wanted.normalize().as_tuple().exponent)  # type: ignore[arg-type]
        return abs(value - wanted) <= min(ROUGH * abs(wanted), last / 2)
    step = one.step * factor
    significant = wanted / step if step else Decimal(0)
    return (one.scaled or step < 1) and significant >= 10 and abs(value - wanted) <= step / 2
