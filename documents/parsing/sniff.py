"""What a file is, by its content; the name decides only between kinds of text."""

import re
from collections import Counter

from documents.parsing import encodings
from documents.parsing.base import ParseError

PDF, CSV, TEXT, MARKDOWN = "application/pdf", "text/csv", "text/plain", "text/markdown"
HEAD = 1 << 16
FOREIGN = (
    b"MZ", b"\x7fELF", b"PK\x03\x04", b"PK\x05\x06", b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"RIFF",
    b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\xd0\xcf\x11\xe0", b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe", b"II*\x00", b"MM\x00*", b"{\\rtf", b"%!PS", b"OggS", b"ID3", b"SQLite format 3",
    b"\x00asm", b"wOFF", b"\x00\x00\x01\x00",
)  # fmt: skip
MARKUP = re.compile(
    rb"\s*(<!--.*?-->\s*)*<(!doctype\s+(html|svg)|html|head|body|script|svg|\?xml|iframe)\b", re.I | re.S
)
DELIMITERS = ",;\t|"


def media_type(path: str, name: str) -> str:
    """One of the four kinds.

    Args:
        path: the stored file.
        name: as the client called it.

    Raises:
        ParseError: file_empty, or file_type_unsupported for anything else.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        raise ParseError("file_empty")
    if b"%PDF-" in head[:1024]:
        return PDF
    body = head.removeprefix(b"\xef\xbb\xbf")
    if head.startswith(FOREIGN) or MARKUP.match(body[:4096]):
        raise ParseError("file_type_unsupported")
    text = _decoded(head)
    if _binary(text):
        raise ParseError("file_type_unsupported")
    extension = name.lower().rsplit(".", 1)[-1] if "." in name else ""
    if extension in ("csv", "tsv"):
        return CSV
    if extension in ("md", "markdown"):
        return MARKDOWN
    if extension in ("txt", "text", "log"):
        return TEXT
    return CSV if looks_tabular(text) else TEXT


def looks_tabular(text: str) -> bool:
    """Whether nearly all of the first lines have the same number (2 or more) of delimited cells."""
    lines = [line for line in text.splitlines()[:60] if line.strip()]
    if len(lines) < 3:
        return False
    for delimiter in DELIMITERS:
        counts = Counter(line.count(delimiter) for line in lines)
        usual, times = counts.most_common(1)[0]
        if usual >= 1 and times >= len(lines) * 0.9:
            return True
    return False


def _decoded(head: bytes) -> str:
    for mark, encoding in encodings.MARKS:
        if head.startswith(mark):
            return head.decode(encoding, errors="replace")
    return head.decode(encodings.wide_without_mark(head) or "latin-1", errors="replace")


def _binary(text: str) -> bool:
    """Whether more than a tenth are control characters (texts with a few stray NULs stay texts)."""
    controls = sum(1 for character in text if character < " " and character not in "\t\n\r\f\x1b")
    return controls > len(text) * 0.1
