"""Reading the numbers and dates of a text, with their scales and units, in several languages."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from chat.support import language as languages
from chat.support.dates import dates
from chat.support.quantities import Quantity, Reading
from chat.support.units import (
    LETTER_SCALES,
    MONEY,
    PERCENT_PHRASE,
    SCALES,
    SPEAKS_OF_PERCENT,
    UNITS,
    stated_scales,
)

MAX_DIGITS = 30
_DIGITS = r"\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,'’]\d+)*"
# Right behind a letter digits are part of a code, but not where words are not parted: 保修期是2年.
_NUMBER = re.compile(
    rf"(?<![.,])(?<![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?<![A-Za-z]-)({_DIGITS})(½|¼|¾)?"
    rf"|(?<=[$€£¥₹])({_DIGITS})(½|¼|¾)?"
)
_BEFORE = re.compile(r"(us\$|[$€£¥₹₽]|(?<![a-z])(?:eur|usd|gbp|chf|cny|inr|jpy|rub))\s?\(?$", re.IGNORECASE)
_NEXT = re.compile(r"[\s\u00a0-]{0,2}([^\W\d_]+|[%٪％‰$€£¥₹₽]|°[CF])(?![^\W\d_])\.?", re.IGNORECASE)
_CJK_NEXT = re.compile(r"\s?([百千万亿萬億]{0,2})(个月|个百分点|分钟|小时|欧元|美元|[年天日周元])?")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)(?!\w)|\.?[ºª°](?!\w|[CF])")
_FRACTIONS = {"½": Decimal("0.5"), "¼": Decimal("0.25"), "¾": Decimal("0.75")}
_WORD = re.compile(r"[^\W\d_]+")
_CHINESE = re.compile(
    r"(百分之)?([零〇一二两三四五六七八九十百千]{2,9}|[二两三四五六七八九十](?=[个天年月日周元万亿%]))"
)
_CHINESE_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_COMMA_EVIDENCE = re.compile(r"\d,\d{1,2}(?![\d,])|\d\.\d{3}[.,]\d|\d,\d{4,}")
_POINT_EVIDENCE = re.compile(r"\d\.\d{1,2}(?![\d.])|\d,\d{3}[.,]\d|\d\.\d{4,}")
_ROUGHLY = re.compile(
    r"\b(?:about|around|approximately|approx|roughly|nearly|almost|circa|ca|rund|etwa|ungefähr|fast|knapp"
    r"|unos|unas|aproximadamente|cerca de|alrededor de|casi|environ|presque|около|почти)\W*$|[~≈]\s?$",
    re.IGNORECASE,
)


def read(text: str, *, about: str = "", language: str | None = None, comma: bool | None = None) -> Reading:
    """The numbers and dates of a text.

    Args:
        about: what stands around it (a heading, the table's beginning): counts for scales and percent only.
        language: as it is known; guessed from the text when None.
        comma: whether 7,5 is seven and a half; told from the text when None.
    """
    text = _plain_digits(text)
    language = languages.guess(text) if language is None else language
    comma = decimal_comma(text, language) if comma is None else comma
    found_dates = dates(text)
    taken = [(one.start, one.end) for one in found_dates]
    quantities = _written(text, comma, taken) + _spelled(text, language, taken) + _chinese(text, taken)
    around = f"{about}\n{text}"
    years = {year for date in found_dates for year, _, _ in date.options if year is not None}
    years |= {
        int(value)
        for one in quantities
        for value in one.values
        if not one.kind and 1000 <= value < 2200 and value == value.to_integral_value()
    }
    return Reading(
        quantities=tuple(sorted(quantities, key=lambda one: one.start)),
        dates=found_dates,
        scales=stated_scales(around),
        percent=SPEAKS_OF_PERCENT.search(around) is not None,
        years=frozenset(years),
    )


def _plain_digits(text: str) -> str:
    """Digits of other scripts as 0-9; the text keeps its length."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.digit(char))
        if char.isdigit() and unicodedata.digit(char, None) is not None and char.isdecimal()
        else char
        for char in text
    )


def decimal_comma(text: str, language: str) -> bool:
    """Whether the text writes 7,5 for seven and a half: its own numbers tell, else its language."""
    comma, point = len(_COMMA_EVIDENCE.findall(text)), len(_POINT_EVIDENCE.findall(text))
    if comma != point:
        return comma > point
    return language in languages.DECIMAL_COMMA


def _value(written: str, comma: bool) -> tuple[Decimal, int] | None:
    """The number and how many decimals it has; None for 1.2.3 and the like."""
    bare = re.sub(r"[\u00a0\u202f '’]", "", written)
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        decimal = "." if bare.rfind(".") > bare.rfind(",") else ","
        if bare.count(decimal) > 1:
            return None
    elif points + commas == 0:
        decimal = "."
    else:
        mark = "." if points else ","
        tail = bare.rsplit(mark, 1)[1]
        if points + commas > 1:
            if len(tail) != 3:
                return None
            decimal = "," if mark == "." else "."
        elif mark == "," and not comma and len(bare) - len(tail) > 4:
            return None  # 2016,2017
        elif len(tail) != 3 or bare.startswith("0") or len(bare.split(mark)[0]) > 3:
            decimal = mark
        else:
            decimal = "," if comma else "."
    plain = bare.replace("." if decimal == "," else ",", "").replace(decimal, ".")
    if len(plain) > MAX_DIGITS:
        return None
    try:
        return Decimal(plain), len(plain.partition(".")[2])
    except InvalidOperation:
        return None


def _written(text: str, comma: bool, taken: list[tuple[int, int]]) -> list[Quantity]:
    found = []
    for match in _NUMBER.finditer(text):
        if _is_taken(match.start(), taken):
            continue
        written = match.group(1) or match.group(3)
        fraction = match.group(2) or match.group(4)
        value = _value(written, comma)
        if value is None:
            found += [
                Quantity(digits, match.start(), match.end(), frozenset({Decimal(digits)}))
                for digits in re.findall(r"\d+", written)
                if len(digits) <= MAX_DIGITS
            ]
            continue
        number, decimals = value
        if fraction:
            number, decimals = number + _FRACTIONS[fraction], decimals + 2
        found.append(_with_unit(text, written, match.start(), match.end(), number, decimals))
        if " " in written:  # columns of a table stand so, too
            parts = [part for part in written.split(" ") if part]
            found += [
                Quantity(part, match.start(), match.end(), frozenset({one[0]}))
                for part in parts
                if (one := _value(part, comma))
            ]
    return _ranges(text, found)


def _is_taken(at: int, taken: list[tuple[int, int]]) -> bool:
    return bool(taken) and any(start <= at < end for start, end in taken)


def _with_unit(text: str, written: str, start: int, end: int, number: Decimal, decimals: int) -> Quantity:
    """The quantity with the scale and unit that stand next to it."""
    step = Decimal(1).scaleb(-decimals)
    kind, factor, scale, ordinal, at = "", Decimal(1), Decimal(1), False, end
    before = _BEFORE.search(text, max(0, start - 6), start)
    if before:
        kind = UNITS[before.group(1).lower()][0]
    if _ORDINAL.match(text, end):
        ordinal = True
    else:
        if before and before.group().endswith("(") and text[end : end + 1] == ")":
            at = end + 1  # $(12) million: a loss
        scale, at = _scale_at(text, at, money=kind in MONEY)
        if not kind:
            kind, factor, at = _unit_at(text, at)
    return Quantity(
        written.strip(),
        start,
        at,
        frozenset({(number * scale).normalize()}),
        kind,
        factor,
        step * scale,
        _ROUGHLY.search(text, max(0, start - 24), before.start() if before else start) is not None,
        scale,
        ordinal,
    )


def _scale_at(text: str, end: int, *, money: bool) -> tuple[Decimal, int]:
    """The scale behind a number, and where it ends: `million`, `Mio.`, `m` after money, `mil millones`."""
    scale, at = Decimal(1), end
    chinese = _CJK_NEXT.match(text, at)
    if chinese and chinese.group(1):
        for char in chinese.group(1):
            scale *= SCALES.get(char, Decimal(100))
        return scale, chinese.end(1)
    while (following := _NEXT.match(text, at)) is not None:
        word = following.group(1).lower()
        if word not in SCALES or (word in LETTER_SCALES and not (money or _touches(text, at, word))):
            break
        if word == "mm" and not money:
            break
        scale *= SCALES[word]
        at = following.end()
    return scale, at


def _touches(text: str, at: int, word: str) -> bool:
    """Whether a letter follows the digits at once and means a scale there: `10k`, `5b`."""
    return text[at : at + 1].lower() == word[0] and word in ("k", "b", "m")


def _unit_at(text: str, at: int) -> tuple[str, Decimal, int]:
    phrase = PERCENT_PHRASE.match(
        text, at + len(text[at : at + 2]) - len(text[at : at + 2].lstrip(" -\u00a0"))
    )
    if phrase:
        return "%", Decimal(1), phrase.end()
    chinese = _CJK_NEXT.match(text, at)
    if chinese and chinese.group(2):
        kind, factor = UNITS[chinese.group(2)]
        return kind, factor, chinese.end()
    following = _NEXT.match(text, at)
    if following is None:
        return "", Decimal(1), at
    word = following.group(1).lower().replace("٪", "%").replace("％", "%")
    if word in ("of", "de", "von") and (after := _NEXT.match(text, following.end())):
        following, word = after, after.group(1).lower()  # millones de euros
    if word in UNITS and not (word == "an" or (word == "g" and following.group(1) == "G")):
        kind, factor = UNITS[word]
        return kind, factor, following.end()
    return "", Decimal(1), at


def _ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    """In "10-20 %" and "5 to 7 million" the first number shares the scale and unit of the second."""
    result = list(found)
    for at, (first, second) in enumerate(pairwise(found)):
        between = text[first.end : second.start]
        if (
            first.kind
            or first.scaled
            or not re.fullmatch(r"\s*(?:-|–|—|to|bis|a|до|and|und|y)\s*[$€£]?", between)
        ):
            continue
        if not (second.kind or second.scaled):
            continue
        result[at] = Quantity(
            first.text,
            first.start,
            first.end,
            first.values | {value * second.scale for value in first.values},
            second.kind,
            second.factor,
            first.step,
            first.rough,
            second.scale,
        )
    return result


def _spelled(text: str, language: str, taken: list[tuple[int, int]]) -> list[Quantity]:
    """Number words: `twenty-six`, `two hundred thousand`, `vier`, `third`. `one` is too often no number."""
    table, order = languages.spelled(language), languages.ordinals(language)
    words = [match for match in _WORD.finditer(text) if not _is_taken(match.start(), taken)]
    found: list[Quantity] = []
    at = 0
    while at < len(words):
        word = words[at].group().lower()
        first = at
        if word in table:
            value, at = _number_words(words, at, table, text)
            if value != 1:
                found.append(
                    _with_unit(
                        text, words[first].group(), words[first].start(), words[at - 1].end(), value, 0
                    )
                )
            continue
        at += 1
        ordinal = _ordinal(word, order, language)
        if ordinal is not None and not _is_no_ordinal(text, words[first]):
            value_set = frozenset({Decimal(ordinal)})
            found.append(Quantity(word, words[first].start(), words[first].end(), value_set, ordinal=True))
    return found


def _number_words(
    words: list[re.Match[str]], at: int, table: dict[str, int], text: str
) -> tuple[Decimal, int]:
    """The value of the number words from `at` on, and the first word behind them."""
    total = 0
    last = 0
    while at < len(words):
        word = words[at].group().lower()
        joined = not last or re.fullmatch(r"[\s-]+", text[words[at - 1].end() : words[at].start()])
        if (
            word in table
            and joined
            and (not last or (20 <= last < 100 and 0 < table[word] < 10) or last == 100)
        ):
            total += table[word]
            last = table[word]
        elif word == "hundred" and last and joined:
            total, last = total * 100, 100
        elif word == "and" and last == 100 and at + 1 < len(words) and words[at + 1].group().lower() in table:
            pass
        else:
            break
        at += 1
    return Decimal(total), at


def _ordinal(word: str, order: dict[str, int], language: str) -> int | None:
    if language == "de":
        return (
            order.get(re.sub(r"(?:e[nrsm]?)$", "", word))
            if word.endswith(("e", "en", "er", "es", "em"))
            else None
        )
    return order.get(word)


def _is_no_ordinal(text: str, word: re.Match[str]) -> bool:
    """`Second, …`, `a third party`, `one third`: not a rank that must be there."""
    after, before = (
        text[word.end() : word.end() + 8].lower(),
        (" " + text[: word.start()]).rstrip(" -").lower(),
    )
    return (
        after[:1] == ","
        or after.lstrip(" -").startswith(("part", "of the", "hand"))
        or before.endswith((" one", " two", " a", " per", " each", " every"))
    )


def _chinese(text: str, taken: list[tuple[int, int]]) -> list[Quantity]:
    found = []
    for match in _CHINESE.finditer(text):
        if _is_taken(match.start(), taken):
            continue
        value = _chinese_value(match.group(2))
        one = _with_unit(text, match.group(2), match.start(2), match.end(2), Decimal(value), 0)
        if match.group(1):
            one = Quantity(one.text, one.start, one.end, one.values, "%")
        found.append(one)
    return found


def _chinese_value(word: str) -> int:
    if all(char in _CHINESE_DIGITS for char in word):
        return int("".join(str(_CHINESE_DIGITS[char]) for char in word))
    total, digit = 0, 0
    for char in word:
        if char in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[char]
        else:
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[char]
            digit = 0
    return total + digit
