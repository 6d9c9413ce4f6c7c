"""A text as a row of stems, numbers and breaks, for comparing what stands near what."""

import re
from dataclasses import dataclass
from functools import lru_cache

from chat.sentences import LONGEST_WORD, NUMBER_WORDS, STOP_WORDS, stem

LONGEST_SENTENCE = 600  # characters; longer texts are read anew

_TOKEN = re.compile(
    r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d[\d.,'’]*\d|\d|(?<!\b\d)(?<!\b\d\d)\.|[;:!?。；！？(){}\n|]|,(?!\d)|，|、|\s[-–—]\s"
)
_EMPTY_WORDS = """
    nicht kein keine keinen keiner keinem keines ohne nie niemals der die das den dem des ein eine einen
    einem einer und oder ist sind war wird werden wurde wurden hat haben kann können darf dürfen muss
    müssen soll sollen auf für mit von bei aus nach zum zur sich auch als durch über unter vor nur noch
    man sie wir ihr los las del una uno por para con que sin nunca jamás ningún ninguna son fue está
    están han sus como más les des est une dans pour par sur aux sont avec pas sans jamais qui que cette
    aucun aucune non mai senza della delle degli nel alla che per sono без нет или для это как что при
    его был была было были они над под нельзя никогда never none nobody nothing neither cannot can't
    don't doesn't didn't isn't aren't wasn't weren't won't shall need needs use used using make makes
    made get gets got yes
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Token:
    """A word, a number, or a mark that ends a clause.

    Attributes:
        key: the word's stem or the number; "" for a word without meaning of its own, and for a mark.
        low: the word in lower case.
        is_break: ends a clause.
    """

    low: str
    key: str
    start: int
    is_break: bool = False
    is_name: bool = False


def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text; scripts without spaces one token per pair of characters."""
    return _remembered(text) if len(text) <= LONGEST_SENTENCE else _tokens(text)


def _tokens(text: str) -> tuple[Token, ...]:
    found: list[Token] = []
    fresh = True  # whether a sentence begins here
    for match in _TOKEN.finditer(text):
        low = match.group().lower().replace("’", "'")
        if not low[0].isalnum():
            found.append(Token(low.strip(), "", match.start(), is_break=True))
            fresh = low.strip() in (".", "!", "?", "\n")
            continue
        if _CJK.search(low):
            pairs = [low[at : at + 2] for at in range(max(1, len(low) - 1))]
            found += [Token(pair, pair, match.start() + at) for at, pair in enumerate(pairs)]
        else:
            named = match.group()[0].isupper() and not fresh and low not in STOP_WORDS
            found.append(Token(low, key(low), match.start(), is_name=named))
        fresh = False
    return tuple(found)


_remembered = lru_cache(maxsize=256)(_tokens)  # read for negations, directions and alignment


def key(word: str) -> str:
    """What a lower-case word is compared by; "" when it carries no meaning of its own."""
    return _remembered_key(word) if len(word) <= LONGEST_WORD else _key(word)


def _key(word: str) -> str:
    if word[0].isdigit():
        return word.replace(",", "").replace("'", "").strip(".")
    plain = re.sub(r"'s?$", "", word)
    if len(plain) < 3 or plain in STOP_WORDS or plain in _EMPTY or "'" in plain:
        return ""
    return plain if plain in NUMBER_WORDS else stem(plain)


_remembered_key = lru_cache(maxsize=8192)(_key)
