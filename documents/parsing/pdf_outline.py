"""A PDF's outline: which title each passage stands under."""

import re
import unicodedata
from bisect import bisect_right
from typing import Any

from documents.parsing.base import MAX_SECTION
from documents.parsing.clean import clean_line
from documents.parsing.pdf_text import PageText

MOST = 20_000  # entries that are read
BETWEEN = " › "
Entry = tuple[int, str, float | None]  # page, titles from the outermost on, height on the page

DULL_TITLE = re.compile(
    r"^(untitled.*|document\d*|slide \d+|microsoft \w+ - .*|.*\.(docx?|indd|pptx?|xlsx?|tex|dvi|qxd))$", re.I
)
WORD = re.compile(r"[^\W\d_]{3,}")


def document_title(raw: str) -> str:
    """The title of the file's metadata; "" for one that says nothing."""
    title = clean_line(raw)
    return "" if DULL_TITLE.match(title) or len(WORD.findall(title)) < 2 else title


def outline(document: Any, pages: int) -> list[Entry]:
    """The outline's entries in the order of their pages."""
    from pypdfium2 import PdfiumError

    path: list[str] = []
    found: list[Entry] = []
    try:
        for count, bookmark in enumerate(document.get_toc(max_depth=4)):
            if count >= MOST:
                break
            destination = bookmark.get_dest()
            title = clean_line(bookmark.get_title() or "", 120)
            index = destination.get_index() if destination is not None else None
            if title:
                path = [*path[: bookmark.level], title]
            if title and index is not None and 0 <= index < pages:
                mode, place = destination.get_view()
                height = place[1] if mode == 1 and len(place) > 1 else None  # 1: left, top, zoom
                found.append((index + 1, BETWEEN.join(path)[:MAX_SECTION], height or None))
    except PdfiumError:
        pass  # a broken outline costs section titles, not the document
    return sorted(found, key=lambda entry: entry[0])


def entries_between(entries: list[Entry], first: int, last: int) -> list[Entry]:
    """What concerns a run of pages: the entry in force before it, and those within."""
    start = bisect_right(entries, first - 1, key=lambda entry: entry[0])
    end = bisect_right(entries, last, key=lambda entry: entry[0])
    return entries[max(0, start - 1) : end]


def titled(page: PageText, number: int, entries: list[Entry], before: str) -> list[tuple[int, str]]:
    """(offset, title) of the stretches of a page.

    An entry begins at the line that says its title; failing that, at the height where it points; failing
    that, it holds from the top of the page on.

    Args:
        before: the title in force at the top of the page.
    """
    stretches, from_line = [(0, before)], 0
    for _, section, height in (entry for entry in entries if entry[0] == number):
        line = _said(page, section.rsplit(BETWEEN, 1)[-1], from_line)
        if line is None and height is not None:
            below = (i for i, placed in enumerate(page.lines) if placed.line.top <= height + 2)
            line = next((i for i in below if i >= from_line), None)
        if line is None:
            stretches[-1] = (stretches[-1][0], section)
        else:
            stretches.append((page.lines[line].start, section))
            from_line = line
    return stretches


def _said(page: PageText, title: str, from_line: int) -> int | None:
    """The line at which a title begins: alone, or over up to three lines."""
    wanted = _unnumbered(_letters(title))
    for index in range(from_line, len(page.lines) if wanted else 0):
        said = ""
        for placed in page.lines[index : index + 3]:
            said = _unnumbered(said + _letters(placed.line.text))
            if len(said) >= len(wanted) or not wanted.startswith(said):
                break
        if said == wanted:
            return index
    return None


def _unnumbered(letters: str) -> str:
    """Without the number before it: "Methods" of the outline is "3.2 Methods" on the page, or reversed."""
    return letters.lstrip("0123456789") or letters


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c.isalnum())
