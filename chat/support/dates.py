"""Dates as values: `3 May 2021` = `2021-05-03` = `May 3, 2021` = `03.05.2021`."""

import re
from dataclasses import dataclass

from chat.support.language import MONTHS

_NAMES = "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True))
_MONTH = rf"(?P<month>{_NAMES})\b\.?"
_DAY = r"(?P<day>\d{1,2})"
_TH = r"(?:st|nd|rd|th|º|er|\.)?"
_YEAR = r"(?P<year>\d{4})(?!\d)"
_OF = r"(?:\s+(?:of|de|del))?"
_PATTERNS = tuple(
    re.compile(rf"(?<![\w.,/-]){pattern}", re.IGNORECASE)
    for pattern in (
        rf"{_YEAR}-(?P<month>\d{{1,2}})-{_DAY}(?!\d)",
        rf"{_YEAR}[/.](?P<month>\d{{1,2}})[/.]{_DAY}(?!\d)",
        rf"{_YEAR}\s?年\s?(?P<month>\d{{1,2}})\s?月(?:\s?{_DAY}\s?日)?",
        rf"{_DAY}{_TH}{_OF}[ \u00a0-]{_MONTH}(?:{_OF}\s?,?[ \u00a0-]{_YEAR})?",
        rf"{_MONTH}[ \u00a0]{_DAY}(?:st|nd|rd|th)?(?!\d|[.,]\d)(?:\s?,?\s+(?:of\s+)?{_YEAR})?",
        rf"{_MONTH}{_OF},?[ \u00a0]{_YEAR}",
        rf"(?P<first>\d{{1,2}})(?P<between>[./-])(?P<second>\d{{1,2}})(?P=between){_YEAR}",
    )
)
_DIGIT = re.compile(r"\d")
Option = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class Date:
    """A date in a text.

    Attributes:
        options: (year, month, day), None for a part that the text leaves out; two for 03/05/2021.
        start, end: where it stands.
        text: as written.
    """

    options: tuple[Option, ...]
    start: int
    end: int
    text: str

    def stands_in(self, others: "tuple[Date, ...]", years: frozenset[int]) -> bool:
        """Whether one of the others says at least what this one says.

        Args:
            years: that the other text names anywhere: a heading may hold the year of a day below it.
        """
        return any(
            _covers(other, mine, years) for one in others for other in one.options for mine in self.options
        )


def dates(text: str) -> tuple[Date, ...]:
    """The dates of a text, in the order of their places; no two overlap."""
    found: list[Date] = []
    for pattern in _PATTERNS if _DIGIT.search(text) else ():
        for match in pattern.finditer(text):
            options = tuple(option for option in _options(match) if _exists(option))
            if options and all(match.end() <= one.start or match.start() >= one.end for one in found):
                found.append(Date(options, match.start(), match.end(), match.group()))
    return tuple(sorted(found, key=lambda one: one.start))


def _options(match: re.Match[str]) -> list[Option]:
    parts = match.groupdict()
    year = int(parts["year"]) if parts.get("year") else None
    if parts.get("first"):
        first, second = int(parts["first"]), int(parts["second"])
        if parts["between"] == ".":
            return [(year, second, first)]
        return list(dict.fromkeys([(year, second, first), (year, first, second)]))
    name = parts["month"]
    if not name.isdigit() and name.lower() in ("may", "march", "mar", "dec", "sep", "jan") and name.islower():
        return []  # a verb or half a word
    month = int(name) if name.isdigit() else MONTHS[name.lower()]
    return [(year, month, int(parts["day"]) if parts.get("day") else None)]


def _exists(option: Option) -> bool:
    year, month, day = option
    return (
        (month is None or 1 <= month <= 12) and (day is None or 1 <= day <= 31) and (year is None or year > 0)
    )


def _covers(other: Option, mine: Option, years: frozenset[int]) -> bool:
    for theirs, ours in zip(other[1:], mine[1:], strict=True):
        if ours is not None and theirs != ours:
            return False
    if mine[0] is None or other[0] == mine[0]:
        return True
    return other[0] is None and mine[0] in years
