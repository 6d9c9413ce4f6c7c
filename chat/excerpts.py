"""The stretch of a text in which searched words stand, and where they stand in it: offsets, no markup."""

import re
import unicodedata
from dataclasses import dataclass

from chat.markers import without
from chat.search import CODE, Word, WordQuery
from chat.text import plain

BEFORE, LENGTH = 40, 180  # characters
LOOKED_AT = 20_000
LETTER = r"[^\W_]"
SPELT = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}


@dataclass(frozen=True)
class Excerpt:
    """A piece of plain text on one line; `marks` are `[start, end]` in code points, the end not included."""

    text: str
    marks: list[list[int]]


def excerpt(markdown: str, query: WordQuery) -> Excerpt:
    """The part of a message around the first word that was found, without its Markdown and its `[n]`."""
    text = plain(without(markdown[:LOOKED_AT]))
    found = marks(text, query)
    start = _start(text, found[0][0]) if found else 0
    end = _end(text, start + LENGTH)
    lead, tail = "… " if start else "", " …" if end < len(text) else ""
    kept = text[start:end].strip()
    shift = len(lead) - start - (len(text[start:end]) - len(text[start:end].lstrip()))
    limit = len(lead) + len(kept)
    inside = [[one + shift, min(other + shift, limit)] for one, other in found if start <= one < end]
    return Excerpt(lead + kept + tail, [pair for pair in inside if pair[0] < pair[1]])


def marks(text: str, query: WordQuery) -> list[list[int]]:
    """Where the words of a query stand in a text, in order, without overlaps."""
    folded, places = _folded(text)
    found = sorted(
        (places[match.start()], places[match.end() - 1] + 1)
        for word in query.words
        for match in _pattern(word).finditer(folded)
        if match.end() > match.start()
    )
    merged: list[list[int]] = []
    for start, end in found:
        if merged and start <= merged[-1][1] - 1:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def _pattern(word: Word) -> re.Pattern[str]:
    tail = rf"{LETTER}*" if word.typing else rf"(?!{LETTER})"
    if CODE.search(word.text):
        folded = _folded(word.text)[0]
        runs = re.findall(r"[^\W\d_]+|\d+", folded)
        return re.compile(rf"(?<!{LETTER})" + r"[\W_]{0,2}".join(map(re.escape, runs)) + tail)
    forms = {_folded(form)[0] for form in (word.text, *word.forms)}
    forms |= {re.sub("([aou])e", r"\1", form) for form in forms}  # Mueller stands there as Müller
    choice = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    if any(_is_unspaced(char) for char in word.text):
        return re.compile(re.escape(_folded(word.text)[0]) + f"|{choice}")
    return re.compile(rf"(?<!{LETTER})(?:{choice}){tail}")


def _folded(text: str) -> tuple[str, list[int]]:
    """Small letters without accents, and for each of them where it comes from."""
    letters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for letter in SPELT.get(small := char.lower(), unicodedata.normalize("NFD", small)):
            if not unicodedata.combining(letter):
                letters.append(letter)
                places.append(place)
    return "".join(letters), places


def _is_unspaced(char: str) -> bool:
    """Whether it belongs to a script that does not part its words; as in documents/migrations/0006."""
    return (
        "\u0e00" <= char <= "\u0eff"
        or "\u1000" <= char <= "\u109f"
        or "\u1780" <= char <= "\u17ff"
        or char >= "\u3040"
    )


def _start(text: str, first: int) -> int:
    """A little before the first mark, at the beginning of a word."""
    if first <= BEFORE:
        return 0
    blank = text.find(" ", first - BEFORE, first)
    return first - BEFORE if blank < 0 else blank + 1


def _end(text: str, wanted: int) -> int:
    if wanted >= len(text):
        return len(text)
    blank = text.rfind(" ", wanted - 30, wanted)
    return wanted if blank < 0 else blank
