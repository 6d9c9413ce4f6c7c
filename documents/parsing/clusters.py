"""Where text may be cut: never within what people see as one character (Unicode's grapheme clusters)."""

import regex

CLUSTER = regex.compile(r"\X")
LONGEST = 64  # code points; whoever piles up more marks than that sees them cut
PLAIN = "\u0300"  # below it each code point stands for itself, but for a line's end of two


def boundary_before(text: str, at: int) -> int:
    """The last place up to `at` where the text may be cut; `at` itself within an absurdly long cluster."""
    if at <= 0 or at >= len(text):
        return min(max(at, 0), len(text))
    floor = max(0, at - LONGEST)
    place = next((near for near in range(at, floor, -1) if _is_plain(text, near)), floor)
    for cluster in CLUSTER.finditer(text, place, at + 1):
        if cluster.end() > at:
            return cluster.start() if cluster.start() > floor or floor == 0 else at
        place = cluster.end()
    return place


def boundary_after(text: str, start: int, length: int) -> int:
    """The first place `length` (over 0) or more after `start` where the text may be cut.

    Args:
        start: a place where it may be cut, too.
    """
    least, last = start + length, min(len(text), start + length + LONGEST)
    if least >= last or _is_plain(text, least):
        return min(least, last)
    ends = (cluster.end() for cluster in CLUSTER.finditer(text, start, last))
    return next((end for end in ends if end >= least), last)


def _is_plain(text: str, at: int) -> bool:
    """Whether text[at - 1] and text[at] are two characters, whatever stands around them."""
    return text[at - 1] < PLAIN and text[at] < PLAIN and text[at] != "\n"
