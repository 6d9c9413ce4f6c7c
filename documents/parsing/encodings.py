"""Which encoding a text file is in: mark, then strict UTF-8 over the whole file, then a guess."""

import codecs

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BLOCK = 1 << 20
SAMPLE = 1 << 16
MIN_HIGH_BYTES = 8
TRUSTED = frozenset(
    [
        "cp932",
        "shift_jis",
        "shift_jisx0213",
        "euc_jp",
        "iso2022_jp",
        "cp949",
        "euc_kr",
        "johab",
        "big5",
        "big5hkscs",
        "gb2312",
        "gbk",
        "gb18030",
        "hz",
        "cp1250",
        "iso8859_2",
        "cp1251",
        "koi8_r",
        "koi8_u",
        "iso8859_5",
        "cp1253",
        "iso8859_7",
        "cp1254",
        "iso8859_9",
        "cp1255",
        "iso8859_8",
        "cp1256",
        "iso8859_6",
        "cp874",
        "tis_620",
        "cp1258",
    ]
)
CENTRAL = ("cp1250", "iso8859_2")
CENTRAL_LETTERS = "łąęśżźćńčřšžěůőűťďňľășțţşđ"


def detect(path: str) -> str:
    """A codec name that decodes the whole file without an error."""
    with open(path, "rb") as file:
        head = file.read(SAMPLE)
    for mark, encoding in MARKS:
        if head.startswith(mark) and decodes(path, encoding):
            return encoding
    wide = wide_without_mark(head)
    if wide and decodes(path, wide):
        return wide
    if decodes(path, "utf-8"):
        return "utf-8"
    for guess in (_guess(head), "cp1252"):
        if guess and decodes(path, guess):
            return guess
    return "latin-1"  # every byte is a character in it


def wide_without_mark(head: bytes) -> str | None:
    """UTF-16 without its mark shows as NULs in every other byte of Latin text."""
    if len(head) < 8:
        return None
    even, odd = head[0::2], head[1::2]
    if odd.count(0) > len(odd) * 0.6 and even.count(0) < len(even) * 0.1:
        return "utf-16-le"
    if even.count(0) > len(even) * 0.6 and odd.count(0) < len(odd) * 0.1:
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


def _guess(head: bytes) -> str | None:
    """The detector's answer where it can be trusted; None leaves the commonest, cp1252.

    It often takes Western text for a rare code page: so non-Latin scripts must show by many high bytes.
    """
    from charset_normalizer import from_bytes

    best = from_bytes(head).best()
    high = sum(byte >= 0x80 for byte in head)
    if best is None or best.encoding not in TRUSTED or high < max(MIN_HIGH_BYTES, len(head) * 0.02):
        return None
    if best.encoding in CENTRAL and not _central(head.decode(best.encoding, errors="replace")):
        return None
    return str(best.encoding)


def _central(text: str) -> bool:
    """Whether the letters are Polish, Czech, Hungarian…: German and French look the same in both families."""
    foreign = [letter for letter in text.lower() if letter > "\x7f" and letter.isalpha()]
    return sum(letter in CENTRAL_LETTERS for letter in foreign) > len(foreign) * 0.4
