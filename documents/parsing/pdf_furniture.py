"""Running headers, footers and page numbers: lines that come back on page after page.

They are left out of the passages (not out of the page's text, in which passages have their places). A line
is taken for one only if it is among the outermost of its page, at the same height as on the others, and says
the same there or counts with the pages; on half of all pages looked at, or on most of the even or the odd
ones. So a heading that opens every page, and the last row of a table, stay.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import Any

from documents.parsing.pdf_text import PageText, Placed

SAMPLE = 48  # pages looked at
RUN = 4  # of them in a row, so that even and odd ones are seen
FEWEST_PAGES = 4
ROWS = 3  # from the top and from the bottom
SHARE, SHARE_OF_SIDE = 0.5, 0.8  # of all pages; of the even or of the odd ones
NEAR = 8.0  # points
FEWEST_LINES = 3  # that a page has beside them
CLOSE = 4.0  # usual lines' heights from one row of them to the next
TALLER = 1.3  # than the page's usual line: a heading
NUMBER = re.compile(r"\d{1,5}")

Running = dict[str, Any]  # {"top": bool, "height": float, "text": str, "offset": int | None}


def pages_to_look_at(pages: int) -> list[int]:
    """A bounded number of pages (from 1), in runs, over the whole document."""
    if pages <= SAMPLE:
        return list(range(1, pages + 1))
    runs = SAMPLE // RUN
    starts = [1 + round(index * (pages - RUN) / (runs - 1)) for index in range(runs)]
    return sorted({start + step for start in starts for step in range(RUN)})


def running_lines(pages: dict[int, PageText]) -> list[Running]:
    """The lines that come back, from some pages' texts."""
    pages = {number: page for number, page in pages.items() if len(page.lines) > FEWEST_LINES}
    if len(pages) < FEWEST_PAGES:
        return []
    groups: dict[tuple[bool, str], list[_Seen]] = defaultdict(list)
    for number, page in pages.items():
        for seen in _outermost(page, number):
            groups[seen.top, NUMBER.sub("#", seen.text)].append(seen)
    found = []
    for (top, _), members in groups.items():
        height = median(seen.height for seen in members)
        for text, offset in _says(members):
            entry = {"top": top, "height": height, "text": text, "offset": offset}
            if _often({seen.page for seen in members if _is(seen, entry)}, set(pages)):
                found.append(entry)
    return found


def is_running(page: PageText, number: int, running: list[Running]) -> set[int]:
    """Indices of the page's lines that are left out; none when hardly anything would be left."""
    if not running or len(page.lines) <= FEWEST_LINES:
        return set()
    return {seen.index for seen in _outermost(page, number) if any(_is(seen, entry) for entry in running)}


@dataclass(frozen=True)
class _Seen:
    """A line near the edge of a page; `first` in the outermost row."""

    page: int
    index: int
    top: bool
    first: bool
    height: float
    text: str


def _is(seen: _Seen, entry: Running) -> bool:
    """What counts with the pages may stand at any height, if it is the outermost: right under the text."""
    if seen.top != entry["top"]:
        return False
    near = abs(seen.height - entry["height"]) <= NEAR
    if entry["offset"] is None:
        return near and seen.text == entry["text"]
    counted = str(seen.page + entry["offset"]) in NUMBER.findall(seen.text)
    return (near or seen.first) and counted and NUMBER.sub("#", seen.text) == entry["text"]


def _outermost(page: PageText, number: int) -> list[_Seen]:
    """The lines of the highest and of the lowest rows."""
    places = {id(placed): index for index, placed in enumerate(page.lines)}
    lines = sorted((placed for placed in page.lines if placed.line.upright), key=lambda p: -p.line.bottom)
    usual = median(placed.line.height for placed in lines) if lines else 0
    rows: list[list[Placed]] = []
    for placed in lines:
        if rows and rows[-1][0].line.bottom - placed.line.bottom < 0.5 * max(usual, 1):
            rows[-1].append(placed)
        else:
            rows.append([placed])
    if len(rows) <= FEWEST_LINES:
        return []
    found = []
    for top, edge in ((True, rows), (False, rows[::-1])):
        for index, row in enumerate(_together(edge, usual)):
            for placed in row:
                if not top or placed.line.height <= TALLER * usual:
                    text = " ".join(placed.line.text.split()).casefold()
                    place = (number, places[id(placed)], top, index == 0, placed.line.bottom)
                    found.append(_Seen(*place, text))
    return found


def _together(rows: list[list[Placed]], usual: float) -> list[list[Placed]]:
    """The first rows as far as they stand close to one another."""
    count = 1
    most = min(ROWS, len(rows) // 2)
    while count < most:
        step = abs(rows[count][0].line.bottom - rows[count - 1][0].line.bottom)
        if step > CLOSE * max(usual, 1):
            break
        count += 1
    return rows[:count]


def _says(members: list[_Seen]) -> list[tuple[str, int | None]]:
    """(text, None) of what is the same on the pages; (text with #, offset) of what counts with them."""
    said: list[tuple[str, int | None]] = []
    text, times = Counter(seen.text for seen in members).most_common(1)[0]
    if times > 1 and re.search(r"[^\W\d_]", text):
        said.append((text, None))
    offsets = Counter(int(n) - seen.page for seen in members for n in set(NUMBER.findall(seen.text)))
    if offsets and (best := offsets.most_common(1)[0])[1] > 1:
        said.append((NUMBER.sub("#", members[0].text), best[0]))
    return said


def _often(numbers: set[int], looked_at: set[int]) -> bool:
    if len(numbers) >= max(FEWEST_PAGES - 1, SHARE * len(looked_at)):
        return True
    for side in (0, 1):
        there = {number for number in looked_at if number % 2 == side}
        if len(there) >= FEWEST_PAGES and len(numbers & there) >= SHARE_OF_SIDE * len(there):
            return True
    return False
