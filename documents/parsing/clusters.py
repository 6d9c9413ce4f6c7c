"""Where text may be cut: never within what people see as one character (Unicode's grapheme clusters)."""

import unicodedata

JOINER = "\u200d"
EXTENDS = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")  # joiners, Thai and Lao AM, narrow kana marks
PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
VIRAMA = 9  # the combining class of the sign that binds an Indic consonant to the next one
LONGEST = 64  # code points; whoever piles up more marks than that sees them cut


def boundary_before(text: str, at: int) -> int:
    """The last place up to `at` where the text may be cut; `at` itself within an absurdly long cluster."""
    for place in range(at, max(0, at - LONGEST), -1):
        if place >= len(text) or not _joined(text, place, 0):
            return place
    return at if at > LONGEST else 0


def boundary_after(text: str, start: int, length: int) -> int:
    """The first place `length` (over 0) or more after `start` where the text may be cut.

    Args:
        start: a place where it may be cut, too.
    """
    last = min(len(text), start + length + LONGEST)
    return next((place for place in range(start + length, last) if not _joined(text, place, start)), last)


def _joined(text: str, at: int, floor: int) -> bool:
    """Whether text[at - 1] and text[at] belong together; the text may be cut at `floor`, before them."""
    before, after = text[at - 1], text[at]
    if before < "\u0300" and after < "\u0300":
        return before == "\r" and after == "\n"
    category = unicodedata.category(after)
    if category in ("Mn", "Me", "Mc") or after in EXTENDS or _is_modifier(after):
        return True
    if before in PREPENDED or (before == JOINER and category == "So"):
        return True
    if unicodedata.combining(before) == VIRAMA and category == "Lo":
        return True
    if _is_flag(before) and _is_flag(after):
        first = at - 1
        while first > floor and _is_flag(text[first - 1]):
            first -= 1
        return (at - first) % 2 == 1
    return after in _followers(before)


def _is_modifier(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"


def _is_flag(character: str) -> bool:
    """Half of a flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


class _Ranges:
    """Characters by first and last."""

    def __init__(self, *pairs: str) -> None:
        self._pairs = pairs

    def __contains__(self, character: str) -> bool:
        return any(pair[0] <= character <= pair[1] for pair in self._pairs)


LEADING, VOWEL, TRAILING = (
    _Ranges("\u1100\u115f", "\ua960\ua97c"),
    _Ranges("\u1160\u11a7"),
    _Ranges("\u11a8\u11ff"),
)
SYLLABLE = _Ranges("\uac00\ud7a3")


def _followers(before: str) -> _Ranges:
    """What continues a Korean syllable that is written in letters."""
    if before in LEADING:
        return _Ranges("\u1100\u11a7", "\ua960\ua97c", "\uac00\ud7a3")
    if before in VOWEL or (before in SYLLABLE and (ord(before) - 0xAC00) % 28 == 0):
        return _Ranges("\u1160\u11ff", "\ud7b0\ud7fb")
    if before in TRAILING or before in SYLLABLE:
        return _Ranges("\u11a8\u11ff", "\ud7cb\ud7fb")
    return _Ranges()
