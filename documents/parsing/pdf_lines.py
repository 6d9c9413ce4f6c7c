"""The lines of a PDF page as pdfium has them, and where they stand."""

import ctypes
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

LETTER_GAP = 0.2  # of the line's height: less room between two letters is no space
SAME_ROW = 0.5  # share of the lower line's height that two lines on one row have in common
RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
LTR = rf"(?:(?!{RTL.pattern})\S)+"
RUNS = re.compile(rf"{RTL.pattern}(?:[^\w]*{RTL.pattern})*|\s+|{LTR}(?:\s+{LTR})*")
WORD = re.compile(r"[^\W\d_]{2,}")
CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

PAIR = re.compile(r"(?<!\S)[A-Za-z0-9\u00c0-\u058f\u0900-\uabff]{2}")  # not right-to-left letters
DIRECTIONS = 40  # words that are asked how the page is turned

Box = tuple[float, float, float, float]  # left, bottom, right, top as the page is looked at


@dataclass(slots=True)
class Line:
    """One line of a page.

    Attributes:
        text: as pdfium has it.
        ranges: (first, end) of the page's characters that it consists of, in order.
    """

    text: str
    ranges: list[tuple[int, int]]
    left: float = 0.0
    bottom: float = 0.0
    right: float = 0.0
    top: float = 0.0
    upright: bool = True
    words: int = field(default=0)

    @property
    def height(self) -> float:
        return self.top - self.bottom


class Measure:
    """Places of a page's characters, turned so that most of its text is upright."""

    def __init__(self, textpage: Any, text: str) -> None:
        from pypdfium2 import raw

        self._get, self._page, self._rotation = raw.FPDFText_GetCharBox, textpage, 0
        self._values = [ctypes.c_double() for _ in range(4)]
        self._references = [ctypes.byref(value) for value in self._values]

        self._rotation = self._direction(text)

    def _direction(self, text: str) -> int:
        """How the page has to be turned for most of its words to run to the right."""
        steps = Counter(self._step(place) for place in islice(PAIR.finditer(text), DIRECTIONS))
        return steps.most_common(1)[0][0] if steps else 0

    def _step(self, place: re.Match[str]) -> int:
        """Which way two letters that follow one another run: 0 right, 90 up, 180 left, 270 down."""
        a, b = self.box(place.start()), self.box(place.start() + 1)
        across, up = b[0] + b[2] - a[0] - a[2], b[1] + b[3] - a[1] - a[3]
        if abs(across) >= abs(up):
            return 0 if across >= 0 else 180
        return 90 if up > 0 else 270

    def box(self, index: int) -> Box:
        """The ink of one character."""
        left, right, bottom, top = self._values
        self._get(self._page, index, *self._references)
        x0, y0, x1, y1 = left.value, bottom.value, right.value, top.value
        if self._rotation == 90:
            return y0, -x1, y1, -x0
        if self._rotation == 180:
            return -x1, -y1, -x0, -y0
        if self._rotation == 270:
            return -y1, x0, -y0, x1
        return x0, y0, x1, y1


def line_at(text: str, start: int, measure: Measure) -> Line:
    """The line text, with its place."""
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip()) - 1
    a, b = measure.box(start + first), measure.box(start + last)
    line = Line(text[first : last + 1], [(start + first, start + last + 1)])
    line.left, line.right = min(a[0], b[0]), max(a[2], b[2])
    line.bottom, line.top = min(a[1], b[1]), max(a[3], b[3])
    near = measure.box(start + min(first + 2, last))
    line.upright = abs(near[0] - a[0]) >= abs(middle(near) - middle(a))
    line.words = len(WORD.findall(line.text)) + len(CJK.findall(line.text)) // 2
    return line


def rows_at(text: str, start: int, measure: Measure) -> list[Line]:
    """The line; or several, when it runs over several rows of a table (pdfium saw no break there)."""
    line = line_at(text, start, measure)
    first, last = measure.box(line.ranges[0][0]), measure.box(line.ranges[-1][1] - 1)
    tall = max(first[3] - first[1], last[3] - last[1])
    if len(line.text) < 8 or not line.upright or abs(middle(first) - middle(last)) < 0.9 * tall:
        return [line]
    cuts, before = [0], first
    for index in range(1, len(text)):
        if text[index].isspace():
            continue
        here = measure.box(start + index)
        size = max(here[3] - here[1], before[3] - before[1], 1.0)
        if here[0] < before[0] - 6 * size and abs(middle(here) - middle(before)) > 0.6 * size:
            cuts.append(index)
        before = here
    pieces = [(a, b) for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True) if text[a:b].strip()]
    return [line_at(text[a:b], start + a, measure) for a, b in pieces] if len(pieces) > 1 else [line]


def middle(box: Box) -> float:
    return (box[1] + box[3]) / 2


def logical(line: Line, raw: str, measure: Measure) -> Line:
    """Right-to-left words in the order in which they are read, where the file holds them as they look."""
    first, end = line.ranges[0]
    places = {i: measure.box(i)[0] for i in range(first, end) if RTL.match(raw[i])}
    steps = [places[i + 1] - places[i] for i in places if i + 1 in places]
    # to the right: drawn as they look; no step at all: one picture with its text beside it, turned by pdfium
    if sum(1 for step in steps if step >= 0) <= len(steps) / 2:
        return line
    runs: list[list[int]] = []
    for found in RUNS.finditer(line.text):
        run = list(range(first + found.start(), first + found.end()))
        runs.append(run[::-1] if RTL.search(found[0]) else run)
    if len(places) * 2 > len(line.text.replace(" ", "")):  # the line itself reads from the right
        runs.reverse()
    order = [index for run in runs for index in run]
    line.text = "".join(raw[index] for index in order)
    line.ranges = [(index, index + 1) for index in order]
    return line


def same_row(a: Line, b: Line) -> bool:
    """Whether two lines stand beside one another."""
    common = min(a.top, b.top) - max(a.bottom, b.bottom)
    return a.upright and b.upright and common > SAME_ROW * min(a.height, b.height)


def join(a: Line, b: Line) -> Line:
    # letters that were drawn one by one make words again
    single = min(len(a.text), len(b.text)) <= 2 and -1 < b.left - a.right < LETTER_GAP * max(
        a.height, b.height
    )
    line = Line(f"{a.text}{'' if single else ' '}{b.text}", [*a.ranges, *b.ranges])
    line.left, line.right = min(a.left, b.left), max(a.right, b.right)
    line.bottom, line.top = min(a.bottom, b.bottom), max(a.top, b.top)
    line.words = a.words + b.words
    return line
