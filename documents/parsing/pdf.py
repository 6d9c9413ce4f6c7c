"""PDF: text with pdfium, page by page; pypdf as second reader where that text is poor.

Offsets count in `page_text(...)` of one page. pdfium read 1,635 pages of company reports in 4.5 s (pypdf:
90 s, two of twelve files with scrambled words), but gives up on some damaged files that pypdf repairs.
"""

import re
from typing import Any

from documents.parsing.base import MAX_SECTION, Block, ParseError, Reading, Structure
from documents.parsing.clean import LIGATURES, clean_line, clean_text

MIN_PAGES, MAX_PAGES = 4, 16  # per part: 16 pages of a report are about 1 s of embedding on one core
LINE_HYPHEN = re.compile("(\\w*)[\x02\ufffe]\n?(\\w*)")  # how pdfium writes a hyphen at a line's end
WORD = re.compile(r"[^\W\d_]{3,}")
POOR = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")  # unmapped glyphs, private use, controls
POOR_SHARE = 0.05
PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
DULL_TITLE = re.compile(
    r"^(untitled.*|document\d*|slide \d+|microsoft \w+ - .*|.*\.(docx?|indd|pptx?|xlsx?|tex|dvi|qxd))$", re.I
)


def split(path: str, name: str) -> Structure:
    """Runs of pages, with the outline's titles.

    Raises:
        ParseError: pdf_encrypted, pdf_corrupt, pdf_no_pages.
    """
    document = _open(path)
    if document is None:
        return _split_with_pypdf(path)
    with document:
        pages = len(document)
        if pages == 0:
            raise ParseError("pdf_no_pages")
        sections = _outline(document, pages)
        title = _title(document.get_metadata_dict().get("Title", ""))
    return _structure(pages, title, sections, "pdfium")


def read(path: str, span: dict[str, Any]) -> Reading:
    """One block per page, under the section that is in force at its top."""
    texts, otherwise = {}, []
    document = _open(path) if span["reader"] == "pdfium" else None
    second = _SecondReader(path)
    for number in range(span["first"], span["last"] + 1):
        text = page_text(document, number) if document is not None else ""
        if _poor(text):
            other = second.page_text(number)
            if _better(other, text):
                text = other
                otherwise += [number] if document is not None else []
        texts[number] = text
    if document is not None:
        document.close()
    sections = dict(span["sections"])
    blocks, section = [], ""
    for number, text in texts.items():
        section = sections.get(number, section)
        if text.strip():
            blocks.append(Block(text, section=section, page=number))
    empty = [number for number, text in texts.items() if not re.search(r"\w", text)]
    noticed = {"pages_without_text": empty, "pages_read_otherwise": otherwise}
    warnings = [{"code": code, "numbers": numbers} for code, numbers in noticed.items() if numbers]
    return Reading(blocks=tuple(blocks), warnings=tuple(warnings))


def page_text(document: Any, number: int) -> str:
    """The clean text of page `number` (from 1) with pdfium; "" for a page that it cannot read."""
    from pypdfium2 import PdfiumError

    try:
        page = document[number - 1]
        try:
            textpage = page.get_textpage()
            raw = textpage.get_text_range()
            textpage.close()
        finally:
            page.close()
    except PdfiumError:
        return ""
    return normalise(raw)


def normalise(raw: str) -> str:
    """pdfium's text as we keep it: ligatures spelled out, words joined that a line's end had cut."""
    text = raw.replace("\r\n", "\n").translate(LIGATURES)
    if "\x02" in text or "\ufffe" in text:
        words = {word.lower() for word in WORD.findall(text)}
        text = LINE_HYPHEN.sub(lambda found: _joined(found[1], found[2], words), text)
    return clean_text(text)


def _joined(left: str, right: str, words: set[str]) -> str:
    """`infor-` + `mation` is one word, `wholly-` + `owned` keeps its hyphen: the page's own words decide."""
    whole = (left + right).lower()
    if whole in words:
        return left + right
    compound = left.lower() in words or right.lower() in words or not (left.isalpha() and right.isalpha())
    return f"{left}-{right}" if compound else left + right


def _open(path: str) -> Any:
    """pdfium's document; None when only pypdf may be able to read it.

    An empty password is tried by pdfium itself: a file that only restricts its owner opens.
    """
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == PASSWORD_ERROR or "password" in str(error).lower():
            raise ParseError("pdf_encrypted") from error
        return None


def _structure(pages: int, title: str, sections: list[tuple[int, str]], reader: str) -> Structure:
    size = min(MAX_PAGES, max(MIN_PAGES, -(-pages // 8)))
    spans = []
    for first in range(1, pages + 1, size):
        last = min(first + size - 1, pages)
        before = [item for item in sections if item[0] <= first][-1:]
        within = [item for item in sections if first < item[0] <= last]
        listed = [(first, before[0][1])] if before else []
        spans.append({"first": first, "last": last, "sections": [*listed, *within]})
    return Structure(spans=tuple(spans), title=title, page_count=pages, reading={"reader": reader})


def _outline(document: Any, pages: int) -> list[tuple[int, str]]:
    """(page, title path) where sections begin, in the order of pages; the deepest title of a page wins."""
    from pypdfium2 import PdfiumError

    path: list[str] = []
    found: dict[int, str] = {}
    try:
        for bookmark in document.get_toc(max_depth=4):
            destination = bookmark.get_dest()
            title = clean_line(bookmark.get_title() or "", 120)
            index = destination.get_index() if destination is not None else None
            if title:
                path = [*path[: bookmark.level], title]
            if title and index is not None and 0 <= index < pages:
                found[index + 1] = " › ".join(path)[:MAX_SECTION]
    except PdfiumError:
        pass  # a broken outline costs section titles, not the document
    return sorted(found.items())


def _title(raw: str) -> str:
    title = clean_line(raw)
    words = WORD.findall(title)
    return "" if DULL_TITLE.match(title) or len(words) < 2 else title


def _poor(text: str) -> bool:
    return not text.strip() or len(POOR.findall(text)) > len(text) * POOR_SHARE


def _better(other: str, text: str) -> bool:
    return bool(other.strip()) and (not text.strip() or len(POOR.findall(other)) < len(POOR.findall(text)))


def _split_with_pypdf(path: str) -> Structure:
    reader = _SecondReader(path).reader
    try:
        if reader is None:
            raise ParseError("pdf_corrupt")
        if reader.is_encrypted and not reader.decrypt(""):
            raise ParseError("pdf_encrypted")
        pages = len(reader.pages)
        title = _title(str((reader.metadata or {}).get("/Title") or ""))
        if pages == 0:  # meant so, or all that is left of a torn file
            meant = reader.root_object["/Pages"].get("/Count") == 0
            raise ParseError("pdf_no_pages" if meant else "pdf_corrupt")
    except ParseError:
        raise
    except Exception as error:  # pypdf raises nearly anything over a damaged file
        raise ParseError("pdf_corrupt") from error
    return _structure(pages, title, [], "pypdf")


class _SecondReader:
    """pypdf, opened only when it is needed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._opened = False
        self._reader: Any = None

    @property
    def reader(self) -> Any:
        """pypdf's reader, or None when it cannot open the file either."""
        if not self._opened:
            import logging

            import pypdf

            logging.getLogger("pypdf").setLevel(logging.CRITICAL)
            self._opened = True
            try:
                self._reader = pypdf.PdfReader(self._path)
            except Exception:  # noqa: S110  pypdf raises nearly anything over a damaged file
                pass
        return self._reader

    def page_text(self, number: int) -> str:
        """The clean text of page `number`; "" when there is none to be had."""
        try:
            return clean_text(self.reader.pages[number - 1].extract_text().translate(LIGATURES))
        except Exception:  # as above; the page then counts as one without text
            return ""
