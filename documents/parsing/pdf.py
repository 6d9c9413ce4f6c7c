"""PDF: text with pdfium, page by page; pypdf and text recognition where that text is poor or missing.

Offsets count in `pdf_text.page_text(...)` of one page (or in the second reader's or the recognised text).
pdfium reads company reports at 230 pages/s with their lines put in order (see `pdf_layout`); pypdf reads 18,
and scrambled the words of two reports of twelve, but it repairs some damaged files that pdfium gives up on.
"""

import time
from typing import Any

from documents.parsing import ocr
from documents.parsing.base import Block, ParseError, Reading, Structure
from documents.parsing.pdf_forms import open_forms
from documents.parsing.pdf_furniture import is_running, pages_to_look_at, running_lines
from documents.parsing.pdf_headings import headings
from documents.parsing.pdf_outline import Entry, document_title, entries_between, outline, titled
from documents.parsing.pdf_quality import POOR, quality
from documents.parsing.pdf_second import SecondReader
from documents.parsing.pdf_text import PageText, assembled, normalise, page_of, page_text

__all__ = ["normalise", "page_text", "read", "split"]

MIN_PAGES, MAX_PAGES = 4, 16  # per part: 16 pages of a report are about 1 s of embedding on one core
SCANNED_PAGES = 1  # per part: recognising a dense page takes about 10 s on one core
PROBED, EVERY = 1500, 5  # pages that are looked at for whether they hold text: at most, and from 65 on
ENOUGH = 0.3  # of the length of poor text that recognised text must have to take its place
BETTER = 0.05  # by how much the second reader's text must be better
PASSWORD_ERROR, SECURITY_ERROR = 4, 5  # FPDF_ERR_PASSWORD; _SECURITY: an encryption that is not known


def split(path: str, name: str) -> Structure:
    """Runs of pages, with the outline's titles.

    Raises:
        ParseError: pdf_encrypted, pdf_corrupt, pdf_no_pages.
    """
    document = _open(path)
    if document is None:
        pages, title = SecondReader(path).look()
        return _structure(pages, document_title(title), [], "pypdf", scans=[], running=[])
    with document:
        pages = len(document)
        if pages == 0:
            raise ParseError("pdf_no_pages")
        entries = outline(document, pages)
        title = document_title(document.get_metadata_dict().get("Title", ""))
        running = running_lines({number: page_of(document, number) for number in pages_to_look_at(pages)})
        scans = _scans(document, pages) if ocr.available() else []
    return _structure(pages, title, entries, "pdfium", scans=scans, running=running)


def read(path: str, span: dict[str, Any]) -> Reading:
    """The passages' blocks: pages, cut where a section begins and where a running line is left out."""
    document = _open(path) if span["reader"] == "pdfium" else None
    reader = _Reader(path, document)
    entries: list[Entry] = [(entry[0], entry[1], (*entry, None)[2]) for entry in span["sections"]]
    section = next((title for page, title, _ in reversed(entries) if page < span["first"]), "")
    blocks: list[Block] = []
    for number in range(span["first"], span["last"] + 1):
        page = reader.page(number)
        stretches = titled(page, number, entries, section)
        section = stretches[-1][1]
        blocks += _blocks(page, number, stretches, is_running(page, number, span.get("running_lines", [])))
    if document is not None:
        document.close()
    warnings = [{"code": code, "numbers": numbers} for code, numbers in reader.noticed.items() if numbers]
    return Reading(blocks=tuple(blocks), warnings=tuple(warnings))


class _Reader:
    """Reads page after page with the best means that there are, and notes which."""

    def __init__(self, path: str, document: Any) -> None:
        self._document = document
        self._second = SecondReader(path)
        self._clock = ocr.Clock()
        codes = ("pages_without_text", "pages_read_otherwise", "pages_recognised")
        more = ("pages_need_recognition", "pages_not_reached")
        self.noticed: dict[str, list[int]] = {code: [] for code in (*codes, *more)}

    def page(self, number: int) -> PageText:
        """pdfium's text; where that is poor, the best of pypdf's and of what text recognition sees."""
        found = page_of(self._document, number) if self._document is not None else PageText()
        best = quality(found.text)
        if best < POOR:
            other = self._second.page_text(number)
            if quality(other) > best + BETTER:
                found, best = PageText(other), quality(other)
                if self._document is not None and best >= POOR:
                    self.noticed["pages_read_otherwise"].append(number)
            if best < POOR:
                found = self._recognised(number, found)
        return found

    def _recognised(self, number: int, found: PageText) -> PageText:
        """What is seen on the page, or what was found before."""
        text = found.text.strip()
        if self._document is None or not _drawn(self._document, number):
            self._note("pages_read_otherwise" if text else "pages_without_text", number)
        elif not ocr.available():
            self._note("pages_read_otherwise" if text else "pages_need_recognition", number)
        elif not self._clock.enough():
            self._note("pages_read_otherwise" if text else "pages_not_reached", number)
        else:
            started = time.monotonic()
            page = self._document[number - 1]
            try:
                seen = assembled(ocr.read_page(page))
            finally:
                page.close()
            self._clock.took(time.monotonic() - started)
            letters = sum(1 for c in seen.text if c.isalnum())
            if letters > ENOUGH * len(text) and quality(seen.text) > quality(text):
                self._note("pages_recognised", number)
                return seen
            self._note("pages_read_otherwise" if text else "pages_without_text", number)
        return found

    def _note(self, code: str, number: int) -> None:
        self.noticed[code].append(number)


def _blocks(page: PageText, number: int, stretches: list[tuple[int, str]], left_out: set[int]) -> list[Block]:
    """The page's text between section beginnings and without the lines that are left out."""
    cuts = dict(stretches)
    holes = sorted((page.lines[index].start, page.lines[index].end + 1) for index in left_out)
    edges = sorted({*cuts, *(edge for hole in holes for edge in hole), len(page.text)})
    above = headings(page, left_out)
    blocks: list[Block] = []
    section = ""
    for start, end in zip([0, *edges], edges, strict=False):
        section = cuts.get(start, section)
        if any(a <= start and end <= b for a, b in holes):
            continue
        text = page.text[start:end]
        if text.strip():
            first = sum(1 for place, _ in above if place < start)
            last = sum(1 for place, _ in above if place < end)
            over = tuple((place - start, heading) for place, heading in above[max(0, first - 1) : last])
            blocks.append(Block(text, start=start, section=section, page=number, headings=over))
    return blocks


def _drawn(document: Any, number: int) -> bool:
    """Whether there is anything to be seen on a page."""
    from pypdfium2 import PdfiumError, raw

    try:
        page = document[number - 1]
    except PdfiumError:
        return False
    try:
        return int(raw.FPDFPage_CountObjects(page)) > 0
    finally:
        page.close()


def _scans(document: Any, pages: int) -> list[int]:
    """Pages that text recognition will have to read.

    In longer documents every fifth page is looked at, and those around it if it is one: what slips through
    are few pages of a part, for which its time is enough. In very long ones those around it are taken for
    such.
    """
    step = 1 if pages <= 64 else max(EVERY, -(-pages // PROBED))
    found: set[int] = set()
    for number in range(1, pages + 1, step):
        if _poor(document, number):
            around = range(max(1, number - step + 1), min(pages, number + step - 1) + 1)
            found |= {other for other in around if step > EVERY or other == number or _poor(document, other)}
    return sorted(found)


def _poor(document: Any, number: int) -> bool:
    from pypdfium2 import PdfiumError, raw

    try:
        page = document[number - 1]
        try:
            textpage = page.get_textpage()
            text = str(textpage.get_text_range())
            textpage.close()
            return raw.FPDFPage_CountObjects(page) > 0 and quality(text) < POOR
        finally:
            page.close()
    except PdfiumError:
        return False


def _open(path: str) -> Any:
    """pdfium's document; None when only pypdf may be able to read it.

    An empty password is tried by pdfium itself: a file that only restricts its owner opens.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code in (PASSWORD_ERROR, SECURITY_ERROR) or "password" in str(error).lower():
            raise ParseError("pdf_encrypted") from error
        return None
    open_forms(document)
    return document


def _structure(
    pages: int,
    title: str,
    entries: list[Entry],
    reader: str,
    *,
    scans: list[int],
    running: list[dict[str, Any]],
) -> Structure:
    size = min(MAX_PAGES, max(MIN_PAGES, -(-pages // 8)))
    pictures = set(scans)
    spans: list[dict[str, Any]] = []
    first = 1
    while first <= pages:
        last = first
        while last < pages and last - first + 1 < size:
            seen = sum(1 for number in range(first, last + 2) if number in pictures)
            if seen > SCANNED_PAGES:
                break
            last += 1
        spans.append({"first": first, "last": last, "sections": entries_between(entries, first, last)})
        first = last + 1
    reading = {"reader": reader} | ({"running_lines": running} if running else {})
    return Structure(spans=tuple(spans), title=title, page_count=pages, reading=reading)
