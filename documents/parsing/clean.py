"""Text that PostgreSQL, JSON and people can take. The one place where characters are dropped or replaced."""

import re
import unicodedata
from typing import Any

# NUL (PostgreSQL refuses it), other controls but tab and newline, lone surrogates, byte order marks.
UNWANTED = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")
NEWLINES = re.compile("\r\n|[\r\x0c\x85\u2028\u2029]")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes them in no text and no JSON
BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LIGATURES = {
    ord(ligature): unicodedata.normalize("NFKC", ligature) for ligature in "ﬀﬁﬂﬃﬄﬅﬆ"
}  # PDF fonts use them; a search for "office" must find "oﬃce"


def clean_text(raw: str) -> str:
    """The text with one kind of newline, composed accents (NFC) and nothing unwanted."""
    text = UNWANTED.sub("", NEWLINES.sub("\n", raw))
    return unicodedata.normalize("NFC", text)


def clean_line(raw: str, limit: int = 255) -> str:
    """One line for titles and names: spaces collapsed, no direction marks, at most `limit` characters."""
    return " ".join(BIDI.sub("", clean_text(raw)).split())[:limit].rstrip()


def storable(value: Any) -> Any:
    """JSON that the database takes: the last gate between the readers' process and us.

    Parsers clean what they read; whatever slips through is replaced one for one, so that places stay right.
    """
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value


def clean_name(raw: str, limit: int = 255) -> str:
    """A file's name for display, with the folders that it came with: "2019/annual.pdf".

    Nothing is ever opened by it. Drive letters, empty, `.` and `..` folders are dropped; of a name that is
    too long the last `limit` characters stay, which hold the file's own name.
    """
    parts = [
        clean_line(part) for part in re.sub(r"^[A-Za-z]:(?=[\\/])", "", raw).replace("\\", "/").split("/")
    ]
    kept = [part for part in parts if part.strip(".")]
    return "/".join(kept)[-limit:].lstrip("/ ") or "unnamed"
