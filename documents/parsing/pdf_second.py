"""pypdf, the second reader: for files that pdfium gives up on, and for pages whose text is poor."""

from typing import Any

from documents.parsing.base import ParseError
from documents.parsing.clean import clean_text
from documents.parsing.pdf_text import compatible


class SecondReader:
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
            return clean_text(compatible(self.reader.pages[number - 1].extract_text()))
        except Exception:  # as above; the page then counts as one without text
            return ""

    def look(self) -> tuple[int, str]:
        """The number of pages and the title.

        Raises:
            ParseError: pdf_encrypted, pdf_corrupt, pdf_no_pages.
        """
        reader = self.reader
        try:
            if reader is None:
                raise ParseError("pdf_corrupt")
            if reader.is_encrypted and not reader.decrypt(""):
                raise ParseError("pdf_encrypted")
            pages = len(reader.pages)
            title = str((reader.metadata or {}).get("/Title") or "")
            if pages == 0:  # meant so, or all that is left of a torn file
                meant = reader.root_object["/Pages"].get("/Count") == 0
                raise ParseError("pdf_no_pages" if meant else "pdf_corrupt")
        except ParseError:
            raise
        except NotImplementedError as error:  # an encryption that pypdf does not know
            raise ParseError("pdf_encrypted") from error
        except Exception as error:  # pypdf raises nearly anything over a damaged file
            raise ParseError("pdf_corrupt") from error
        return pages, title
