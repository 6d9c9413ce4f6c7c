"""Which encoding a text file is in: mark, then UTF-8 over the whole file, then a guess by evidence.

A file that is UTF-8 but for a few bytes stays UTF-8: those bytes are read as Windows-1252, where nearly all
of them come from (see `mixed`), and the lines they stand in are named. It counts as UTF-8 when at most one
in MOST_BROKEN of its characters beyond ASCII is broken, or when only its last character is cut off.
"""

import codecs
from dataclasses import dataclass
from typing import Any

from documents.parsing import guess

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BLOCK = 1 << 20
SAMPLE = 1 << 16
MIXED = "mixed"
LAST = "latin-1"  # every byte is a character in it: what nothing else can be
MOST_BROKEN = 10
LONGEST = 3  # bytes of a cut character
MOST_LISTED = 200


@dataclass(frozen=True)
class Encoding:
    """How to decode a file.

    Attributes:
        name: a codec name.
        errors: the codec's error handler; "strict" when the whole file is valid.
        lines: numbers of the first lines that hold invalid bytes.
        broken: how many invalid places there are.
    """

    name: str
    errors: str = "strict"
    lines: tuple[int, ...] = ()
    broken: int = 0

    def reading(self) -> dict[str, Any]:
        """For `Structure.reading`; `errors` only where a reader has to know."""
        return {"encoding": self.name} | ({"errors": self.errors} if self.errors != "strict" else {})

    def warnings(self) -> tuple[dict[str, Any], ...]:
        """What a person has to know."""
        if self.name == LAST:
            return ({"code": "encoding_unsure"},)
        if not self.broken:
            return ()
        return ({"code": "bytes_not_utf8", "numbers": list(self.lines), "count": self.broken},)


def mixed(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: a byte that is not UTF-8 is Windows-1252; a cut character becomes U+FFFD."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    if len(bad) > 1 or error.reason == "unexpected end of data":
        return "\ufffd", error.end
    return bad.decode("cp1252", errors="replace"), error.end


codecs.register_error(MIXED, mixed)


def detect(path: str) -> Encoding:
    """How to decode the whole file without losing a character, as far as that can be known."""
    with open(path, "rb") as file:
        head = file.read(SAMPLE)
    for mark, encoding in MARKS:
        if head.startswith(mark):
            if decodes(path, encoding):
                return Encoding(encoding)
            if encoding != "utf-8-sig" and wide_without_mark(head[len(mark) :]):
                return Encoding(encoding, "replace")  # e.g. cut in the middle of a character
    wide = wide_without_mark(head)
    if wide and decodes(path, wide):
        return Encoding(wide)
    if decodes(path, "utf-8"):
        return Encoding("utf-8")
    nearly = _nearly_utf8(path)
    if nearly is not None:
        marked = head.startswith(codecs.BOM_UTF8)
        return Encoding("utf-8-sig" if marked else "utf-8", MIXED, *nearly)
    sample = guess.telling(path, head)
    for name in (guess.foreign(sample), guess.western(sample), "cp1252"):
        if name and decodes(path, name):
            return Encoding(name)
    return Encoding(LAST)


def body_of(name: str, head: bytes) -> tuple[int, str]:
    """(bytes of the mark, codec for what follows it), so that pieces of the file can be decoded."""
    for mark, marked in MARKS:
        if marked == name and head.startswith(mark):
            order = "-be" if mark in (codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE) else "-le"
            return len(mark), "utf-8" if name == "utf-8-sig" else name + order
    return 0, name


def wide_without_mark(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without its mark: NULs or few different values in every other byte."""
    if len(head) < 8:
        return None
    head = head[: len(head) // 4 * 4]
    if not any(head[2::4]) and not any(head[3::4]) and head[0::4].count(0) < len(head) * 0.02:
        return "utf-32-le"
    if not any(head[0::4]) and not any(head[1::4]) and head[3::4].count(0) < len(head) * 0.02:
        return "utf-32-be"
    even, odd = head[0::2], head[1::2]
    if odd.count(0) > len(odd) * 0.6 and even.count(0) < len(even) * 0.1:
        return "utf-16-le"
    if even.count(0) > len(even) * 0.6 and odd.count(0) < len(odd) * 0.1:
        return "utf-16-be"
    if len(head) >= 64 and 0 in head:  # other scripts: their blanks and newlines hold the NULs
        if _narrow(odd) and not _narrow(even):
            return "utf-16-le"
        if _narrow(even) and not _narrow(odd):
            return "utf-16-be"
    return None


def decodes(path: str, encoding: str) -> bool:
    """Whether the whole file is valid in that encoding; read in blocks."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except (UnicodeDecodeError, UnicodeError):
        return False
    return True


def _narrow(values: bytes) -> bool:
    """Whether four values or fewer make up nearly all: the upper halves of one script's characters."""
    counts = sorted((values.count(value) for value in set(values)), reverse=True)
    return sum(counts[:4]) > len(values) * 0.95 and len(counts) < 16


def _nearly_utf8(path: str) -> tuple[tuple[int, ...], int] | None:
    """(numbers of the first broken lines, how many breaks), or None when it is not UTF-8 at all."""
    valid, broken, line = 0, 0, 1
    lines: list[int] = []
    start, last = 0, -1  # byte offsets of the data in hand and of the last break
    rest = b""
    with open(path, "rb") as file:
        while True:
            block = file.read(BLOCK)
            data = rest + block
            cut = data.rfind(b"\n") + 1 if block and b"\n" in data else len(data)
            data, rest = data[:cut], data[cut:]
            if not data.isascii():
                good, places = _judged(data)
                valid += good
                broken += len(places)
                last = start + places[-1] if places else last
                for place in places[: MOST_LISTED - len(lines)]:
                    lines.append(line + data.count(b"\n", 0, place))
                if broken > 1000 and broken * MOST_BROKEN > valid:
                    return None
            line += data.count(b"\n")
            start += len(data)
            if not block:
                break
    if valid and (broken * MOST_BROKEN <= valid or (broken == 1 and last >= start - LONGEST)):
        return tuple(dict.fromkeys(lines)), broken
    return None


def _judged(data: bytes) -> tuple[int, list[int]]:
    """How many characters beyond ASCII are valid, and where the invalid bytes are."""
    places: list[int] = []

    def note(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        places.append(error.start)
        return "", error.end

    codecs.register_error("noted", note)
    return _beyond_ascii(data.decode("utf-8", errors="noted")), places


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", errors="ignore"))
