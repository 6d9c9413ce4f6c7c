"""The text of a PDF page as we keep it, and where each of its lines stands in it.

Chunk offsets count in this text, and the marks on a page's image are found through its lines (`page_of`).
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from documents.parsing.clean import clean_text
from documents.parsing.pdf_forms import field_values
from documents.parsing.pdf_layout import lines_of
from documents.parsing.pdf_lines import Line, Measure

LINE_HYPHEN = re.compile("(\\w*)[\x02\ufffe]\n?(\\w*)")  # how pdfium writes a hyphen at a line's end
WORD = re.compile(r"[^\W\d_]{3,}")
SURROGATE = re.compile("[\ud800-\udfff]")
PARAGRAPH = 1.45  # lines this many times further apart than usual begin a paragraph
# One character for what is written with several or with another: Latin ligatures, Hebrew and Arabic letter
# shapes, CJK radicals and compatibility forms, full-width letters and digits. A search for "office" must
# find "oﬃce". Not superscripts and fractions: 10² is not 102.
COMPATIBLE = re.compile(
    "[\ufb00-\ufb4f\ufb50-\ufdff\ufe70-\ufefc\u2e80-\u2fdf\uf900-\ufaff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"
)


@dataclass(frozen=True)
class Placed:
    """A line in the page's text: text[start:end]."""

    start: int
    end: int
    line: Line


@dataclass(frozen=True)
class PageText:
    """The clean text of a page, and its lines in order."""

    text: str = ""
    lines: tuple[Placed, ...] = ()


def page_text(document: Any, number: int) -> str:
    """The clean text of page `number` (from 1) with pdfium; "" for a page that it cannot read."""
    return page_of(document, number).text


def page_of(document: Any, number: int) -> PageText:
    """The text of page `number` (from 1) and its lines; empty for a page that pdfium cannot read."""
    from pypdfium2 import PdfiumError

    try:
        page = document[number - 1]
        try:
            return text_of(document, page)
        finally:
            page.close()
    except PdfiumError:
        return PageText()


def text_of(document: Any, page: Any) -> PageText:
    """The text of a page that is open: its own, then what its form's fields hold.

    Raises:
        PdfiumError: pdfium cannot read it.
    """
    textpage = page.get_textpage()
    try:
        raw = characters(textpage)
        found = assembled(lines_of(raw, Measure(textpage, raw)))
    finally:
        textpage.close()
    values = field_values(document, page)
    if not values:
        return found
    return PageText(f"{found.text}\n" * bool(found.text) + "\n".join(values) + "\n", found.lines)


def characters(textpage: Any) -> str:
    """pdfium's text with one character per character index."""
    from pypdfium2 import raw

    count = textpage.count_chars()
    text = str(textpage.get_text_range()) if count else ""
    if len(text) == count:
        return text
    codes = (raw.FPDFText_GetUnicode(textpage, index) for index in range(count))
    return "".join(chr(code) if 0 < code < 0x110000 else "\ufffd" for code in codes)


def assembled(lines: list[Line]) -> PageText:
    """The lines under one another, a blank line where a paragraph begins."""
    words: set[str] = set()
    if any("\x02" in line.text or "\ufffe" in line.text for line in lines):
        words = {word.lower() for line in lines for word in WORD.findall(line.text)}
    steps = [a.bottom - b.bottom for a, b in pairwise(lines) if a.bottom > b.bottom]
    usual = median(steps) if steps else 0.0
    pieces: list[str] = []
    placed: list[Placed] = []
    at, index = 0, 0
    while index < len(lines):
        line, raw = lines[index], lines[index].text
        while raw.endswith(("\x02", "\ufffe")) and index + 1 < len(lines):
            index += 1  # the word goes on: two lines of the page are one of the text
            raw += "\n" + lines[index].text
        text = _clean(raw, words)
        if pieces and line.upright and 0 < PARAGRAPH * usual < _fall(lines, index, line):
            pieces.append("\n")
            at += 1
        pieces.append(text + "\n")
        placed.append(Placed(at, at + len(text), line))
        at += len(text) + 1
        index += 1
    return PageText("".join(pieces), tuple(placed))


def normalise(raw: str) -> str:
    """pdfium's text, cleaned: see `COMPATIBLE`; words joined that a line's end had cut."""
    text = raw.replace("\r\n", "\n")
    return _clean(text, {word.lower() for word in WORD.findall(text)})


def compatible(text: str) -> str:
    """The text with the characters of `COMPATIBLE` written out."""
    return COMPATIBLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)


def _fall(lines: list[Line], index: int, line: Line) -> float:
    """How far below the line before it a line stands; 0 at the top of a column."""
    place = next((i for i in range(index, -1, -1) if lines[i] is line), index)
    above = lines[place - 1]
    return above.bottom - line.bottom if above.upright else 0.0


def _clean(raw: str, words: set[str]) -> str:
    text = compatible(raw)
    if "\x02" in text or "\ufffe" in text:
        text = LINE_HYPHEN.sub(lambda found: _joined(found[1], found[2], words), text)
    if SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return clean_text(text)


def _joined(left: str, right: str, words: set[str]) -> str:
    """`infor-` + `mation` is one word, `wholly-` + `owned` keeps its hyphen: the page's own words decide."""
    whole = (left + right).lower()
    if whole in words:
        return left + right
    compound = left.lower() in words or right.lower() in words or not (left.isalpha() and right.isalpha())
    return f"{left}-{right}" if compound else left + right
