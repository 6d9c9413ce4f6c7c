"""What a cell means: a number (under both conventions for the decimal sign) or a date (under both orders)."""

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation

MISSING = frozenset(
    [
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "nan",
        "null",
        "(null)",
        "none",
        "nil",
        "-",
        "--",
        "–",
        "—",
        ".",
        "?",
        "<na>",
    ]
)
MAX_LENGTH = 40
MAX_EXPONENT = 40  # so that sums stay exact within the digits of EXACT
EXACT = Context(prec=150)
NUMBER = re.compile(
    r"^(?P<open>\()?\s*(?P<sign>[-+−])?\s*[$€£¥]?\s*(?P<sign2>[-+−])?"
    r"(?P<core>\d[\d.,'’ \u00a0\u202f]*|[.,]\d+)(?P<power>[eE][-+]?\d{1,3})?"
    r"\s*(?P<unit>%|[$€£¥])?\s*(?(open)\))$"
)
GROUP = "['’ \u00a0\u202f]"
POINT = re.compile(rf"^(\d+(\.\d*)?|\.\d+|\d{{1,3}}((,|{GROUP})\d{{3}})+(\.\d+)?)$")
COMMA = re.compile(rf"^(\d+(,\d*)?|,\d+|\d{{1,3}}((\.|{GROUP})\d{{3}})+(,\d+)?)$")
CODE = re.compile(r"^0\d+$")  # 09001 is no number: the zero counts
BETWEEN_DIGITS = re.compile(rf"{GROUP}")

TIME = r"(?:[T ,]+\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\s*(?:[AaPp][Mm])?\s*(?:Z|UTC|[+-]\d\d:?\d\d)?)?"
ISO = re.compile(rf"^(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){TIME}$")
SHORT = re.compile(rf"^(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d\d){TIME}$")
DAY_MONTH = re.compile(rf"^(\d{{1,2}})\.?[ -]([A-Za-zäéû]{{3,9}})\.?,?[ -](\d{{4}}|\d\d){TIME}$")
MONTH_DAY = re.compile(rf"^([A-Za-z]{{3,9}})\.? (\d{{1,2}}),? (\d{{4}}){TIME}$")
MONTH_NAMES = ["jan", "feb fév", "mar mär", "apr avr", "may mai", "jun", "jul", "aug aoû", "sep"] + [
    "oct okt",
    "nov",
    "dec dez déc",
]
MONTHS = {name: number for number, names in enumerate(MONTH_NAMES, start=1) for name in names.split()}
CENTURY_TURN = 69  # two-digit years from here on are of the last century


@dataclass(frozen=True)
class Number:
    """A number as "1,234.5" and as "1.234,5" mean it; None where the text is none under that convention."""

    point: Decimal | None
    comma: Decimal | None
    percent: bool


def numbers(text: str) -> Number | None:
    """The text as a number; None when it is none under either convention."""
    if len(text) > MAX_LENGTH:
        return None
    found = NUMBER.match(text)
    if not found or (found["sign"] and found["sign2"]):
        return None
    core = found["core"].strip()
    if CODE.match(core):
        return None
    negative = bool(found["open"]) or (found["sign"] or found["sign2"] or "+") in "-−"
    power = found["power"] or ""
    point = _decimal(BETWEEN_DIGITS.sub("", core).replace(",", "") + power) if POINT.match(core) else None
    comma = None
    if COMMA.match(core):
        comma = _decimal(BETWEEN_DIGITS.sub("", core).replace(".", "").replace(",", ".") + power)
    if point is None and comma is None:
        return None
    if negative:
        point, comma = (None if value is None else -value for value in (point, comma))
    return Number(point, comma, found["unit"] == "%")


def dates(text: str) -> tuple[str | None, str | None] | None:
    """(ISO date with the day first, with the month first); None when it is no date under either."""
    if len(text) > MAX_LENGTH or not text[-1:].isalnum() or not any(map(str.isdigit, text)):
        return None
    if found := ISO.match(text):
        date = _date(found[1], found[3], found[4])
        return (date, date) if date else None
    if found := SHORT.match(text):
        one, mark, two, year = found[1], found[2], found[3], found[4]
        if mark == "." and len(year) == 2 and len(one) + len(two) < 4:  # 1.2.10 is a version
            return None
        day_first = _date(year, two, one)
        month_first = _date(year, one, two) if mark != "." else None
        return (day_first, month_first) if day_first or month_first else None
    if found := DAY_MONTH.match(text):
        day, month, year = found[1], found[2], found[3]
    elif found := MONTH_DAY.match(text):
        day, month, year = found[2], found[1], found[3]
    else:
        return None
    number = MONTHS.get(month[:3].lower())
    date = _date(year, str(number), day) if number else None
    return (date, date) if date else None


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if abs(number.adjusted()) <= MAX_EXPONENT else None


def _date(year: str, month: str, day: str) -> str | None:
    number = int(year)
    if len(year) == 2:
        number += 1900 if number >= CENTURY_TURN else 2000
    try:
        return dt.date(number, int(month), int(day)).isoformat()
    except ValueError:
        return None
