"""Cutting text into sentences and sentences into numbers, names and content words. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from chat.support.language import MONTHS

_END = re.compile(
    r"""[.!?…]+["'”’»)]*(?:[ \t]*\[\d{1,3}\])*(?=\s|$)|[。！？]+["”’」』]*(?:[ \t]*\[\d{1,3}\])*"""
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|approx|inc|ltd|co|corp|cf|eds?|dept|e\.g|i\.e|etc|z\.b|bzw|ca)"
    r"|\b[A-Z]|^\s*\d{1,3})$",
    re.IGNORECASE,
)
_BEFORE_A_NUMBER = re.compile(r"\b(?:no|nr|figs?|eq|sec|pp?|vol|art|para|ch)$", re.IGNORECASE)
_DAY = re.compile(r"(?<!\d)\d{1,2}$")  # 3. Mai
_ITEM = re.compile(r"\s*(?:[-*•–▪◦]\s|\d{1,3}[.)]\s|#{1,6}\s|\|)")
LONGEST_WORD = 24  # letters; longer ones are rare, or lines of a script without spaces
CLAIM_WORDS = 3  # that mean something; a text that was cut off before so many claims nothing yet
FULL_LINE = 0.7  # of the longest line: shorter ones end a paragraph, or are headings
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LETTER = r"[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"  # where words are not parted, 2年 is no code
_CODE = re.compile(rf"{_LETTER}+(?:[-/.]{_LETTER}+)*")
_NUMBER = re.compile(r"(?<![\w.,])[-+]?\d[\d.,' \u00a0\u202f]*")
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:[,' \u00a0\u202f]\d{3})+(?!\d)")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

# fmt: off
UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on
NUMBER_WORDS = {word: n for n, word in enumerate(UNITS)} | {word: 10 * n for n, word in enumerate(TENS, 2)}
_STOP_WORDS = """
    a about above according after all also am an and any are as at be because been before being below
    between both but by can could did do does document documents doing during each either few for from
    further had has have having he her here hers him his how i if in into is it its itself just may me might
    more most must my no nor not of off on once only or other our out over own passage passages per same she
    should so some such than that the their them then there these they this those through to too under until
    up upon very was we were what when where which while who whom why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True)
class Sentence:
    """A sentence and where it stands: `text == source[start:end]`."""

    text: str
    start: int
    end: int


def sentences(source: str) -> list[Sentence]:
    """The sentences of a text. A line's end ends one; `[n]` after a full stop belongs to what is before."""
    found = []
    for line in re.finditer(r"[^\r\n]+", source):
        for start, end in _cut(line.group()):
            text = line.group()[start:end]
            left = len(text) - len(text.lstrip())
            if text.strip():
                begin = line.start() + start + left
                found.append(Sentence(text.strip(), begin, begin + len(text.strip())))
    return found


def wrapped_sentences(source: str) -> list[Sentence]:
    """The sentences of text that was set in lines (a PDF page): a full line runs on into the next one.

    Short lines without a full stop (headings, rows of a table) stand alone.
    """
    lines = [match for match in re.finditer(r"[^\r\n]+", source) if match.group().strip()]
    full = FULL_LINE * max((len(line.group()) for line in lines), default=0)
    found: list[Sentence] = []
    at = 0
    while at < len(lines):
        final = at
        while final + 1 < len(lines) and _runs_on(source, lines[final], lines[final + 1], full):
            final += 1
        start = lines[at].start()
        for begin, end in _cut(source[start : lines[final].end()]):
            text = source[start + begin : start + end]
            left = start + begin + len(text) - len(text.lstrip())
            if text.strip():
                found.append(Sentence(text.strip(), left, left + len(text.strip())))
        at = final + 1
    return found


def _runs_on(source: str, line: re.Match[str], following: re.Match[str], full: float) -> bool:
    """Whether a line's last sentence goes on in the next line."""
    if source[line.end() : following.start()].count("\n") > 1 or _ITEM.match(following.group()):
        return False
    text = line.group().rstrip()
    return len(text) >= full and text[-1] not in ".!?:。！？"


def _cut(line: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _END.finditer(line):
        rest = line[match.end() :].lstrip()
        if match.group().startswith(".") and rest and _goes_on(line[start : match.start()], rest):
            continue
        yield start, match.end()
        start = match.end()
    if line[start:].strip():
        yield start, len(line)


def _goes_on(before: str, rest: str) -> bool:
    """Whether a full stop between these two ends no sentence."""
    if rest[0].islower() or _ABBREVIATION.search(before):
        return True
    if _DAY.search(before) and (word := _WORD.match(rest)) and word.group().lower() in MONTHS:
        return True
    return rest[0].isdigit() and _BEFORE_A_NUMBER.search(before) is not None


def numbers(text: str) -> set[Decimal]:
    """The numbers of a text as values: `7,500` = `7 500` = `7500`, `7.50` = `7.5`, `twenty-six` = `26`."""
    found = set()
    for match in _NUMBER.finditer(_THOUSANDS.sub(_joined, text)):
        for part in re.split(r"[, '\u00a0\u202f]+", match.group()):
            try:
                found.add(abs(Decimal(part.strip(".+-"))).normalize())
            except InvalidOperation:
                found |= {Decimal(digits) for digits in re.findall(r"\d+", part)}
    return found | _spelled(text)


def _joined(match: re.Match[str]) -> str:
    return re.sub(r"\D", "", match.group())


def _spelled(text: str) -> set[Decimal]:
    """Number words up to ninety-nine; `one` is too often no number."""
    found, tens = set(), 0
    for word in re.findall(r"[a-z]+", text.lower()):
        value = NUMBER_WORDS.get(word)
        if value is None:
            tens = 0
        elif value >= 20:
            tens = value
            found.add(Decimal(value))
        elif tens and 0 < value < 10:
            found.discard(Decimal(tens))
            found.add(Decimal(tens + value))
            tens = 0
        elif value != 1:
            found.add(Decimal(value))
            tens = 0
    return {one.normalize() for one in found}


def codes(text: str) -> set[str]:
    """Identifiers that mix letters and digits: `AB-1234`, `10-K`, `X3`; lower case."""
    return {
        code.lower()
        for code in _CODE.findall(text)
        if any(c.isdigit() for c in code) and any(c.isalpha() for c in code)
    }


def names(text: str) -> set[str]:
    """Capitalised words that do not begin the sentence, lower case."""
    words = list(_WORD.finditer(text))
    return {
        _plain(word.group())
        for word in words[1:]
        if word.group()[0].isupper() and _plain(word.group()) not in STOP_WORDS | NUMBER_WORDS.keys()
    }


def content_words(text: str) -> set[str]:
    """Words that carry meaning, lower case; scripts without spaces in pairs of characters."""
    return {
        one
        for word in set(_WORD.findall(text))
        for one in (_remembered(word) if len(word) <= LONGEST_WORD else _content(word))
    }


def _content(written: str) -> tuple[str, ...]:
    """What a word says: its stem, its pairs of characters, or nothing."""
    word = _plain(written)
    if _CJK.search(word):
        return tuple(word[i : i + 2] for i in range(max(1, len(word) - 1)))
    says = len(word) > 2 and word not in STOP_WORDS and word not in NUMBER_WORDS
    return (stem(word),) if says else ()


_remembered = lru_cache(maxsize=8192)(_content)  # few words make up most of every text


def stem(word: str) -> str:
    """A word without its commonest English endings, for comparing only."""
    for ending in (
        "ingly",
        "edly",
        "ments",
        "ment",
        "ings",
        "ing",
        "ies",
        "ied",
        "ed",
        "es",
        "ly",
        "s",
        "e",
        "y",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _plain(word: str) -> str:
    return re.sub(r"['’]s?$", "", word.lower().replace("’s", "").replace("'s", ""))
