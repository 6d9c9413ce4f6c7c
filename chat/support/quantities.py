"""Numbers as values with units: `7.5 million` = `7,500,000` = `7 500` under "(in thousands)"."""

from dataclasses import dataclass, field
from decimal import Decimal

from chat.support.dates import Date

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
        if any(self.equal(one, other, said) for other in self.quantities):
            return True
        return not one.kind and any(value == year for value in one.values for year in self.years)

    def equal(self, one: Quantity, other: Quantity, said: "Reading") -> bool:
        """Whether `one`, from the text `said`, is `other` of ours."""
        if one.kind and other.kind:
            if one.kind != other.kind:
                return False
        elif "%" in (one.kind, other.kind) and not (self.percent if one.kind == "%" else said.percent):
            return False
        factors = (one.factor, other.factor) if one.kind and other.kind else (Decimal(1), Decimal(1))
        mine = {value * factors[0] for value in _scaled(one, said.scales)}
        theirs = {value * factors[1] for value in _scaled(other, self.scales)}
        as_written = (one.text, one.scale, one.factor) == (other.text, other.scale, other.factor)
        if mine & theirs or as_written:
            return True
        return any(_rounds_to(one, value, wanted, factors[0]) for value in theirs for wanted in mine)


def _scaled(one: Quantity, scales: frozenset[Decimal]) -> set[Decimal]:
    if one.scaled or one.kind in ("%", "day", "month", "second") or one.ordinal:
        return set(one.values)
    return set(one.values) | {value * scale for value in one.values for scale in scales}


def _rounds_to(one: Quantity, value: Decimal, wanted: Decimal, factor: Decimal) -> bool:
    """Whether `value`, rounded as the sentence rounds, is what it says: 7.5 million for 7,512,345."""
    if one.rough and wanted:
        last = Decimal(1).scaleb(wanted.normalize().as_tuple().exponent)  # type: ignore[arg-type]
        return abs(value - wanted) <= min(ROUGH * abs(wanted), last / 2)
    step = one.step * factor
    significant = wanted / step if step else Decimal(0)
    return (one.scaled or step < 1) and significant >= 10 and abs(value - wanted) <= step / 2
