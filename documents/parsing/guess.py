"""Which eight-bit or multibyte encoding a file is in that is no Unicode: the detector, then evidence.

The detector is asked about scripts other than Western. Among the Western ones (Windows, old Mac, DOS) the
bytes decide: each reading of a byte is plausible or not between its neighbours. In Windows-1252 `caf\\x8e` is
"cafŽ", in Mac-Roman "café".
"""

import re
from collections.abc import Iterator

SAMPLE = 1 << 16
MIN_HIGH_BYTES = 8
TRUSTED = frozenset(
    ["cp932", "shift_jis", "shift_jisx0213", "euc_jp", "iso2022_jp", "cp949", "euc_kr", "johab"]
    + ["big5", "big5hkscs", "gb2312", "gbk", "gb18030", "hz", "cp1250", "iso8859_2", "cp1251", "koi8_r"]
    + ["koi8_u", "iso8859_5", "cp1253", "iso8859_7", "cp1254", "iso8859_9", "cp1255", "iso8859_8"]
    + ["cp1256", "iso8859_6", "cp874", "tis_620", "cp1258"]
    + ["euc_jis_2004", "euc_jisx0213", "shift_jis_2004"]
)
LATIN = ("cp1250", "iso8859_2", "cp1254", "iso8859_9", "cp1258")
CENTRAL = ("cp1250", "iso8859_2")
LEAST_CENTRAL = 3  # different ones
CENTRAL_LETTERS = "łąęśżźćńčřšžěůőűťďňľășțţşđ"
WESTERN = ("cp1252", "mac_roman", "cp850")
LOWER = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüßœ")
RARE = frozenset("ðþýÿšž")
OPENING, CLOSING = frozenset("“‘«„‚¿¡"), frozenset("”’»…®©™ªº°²³")
LOOSE = frozenset("–—•·€£¥¢§±×÷½¼¾\u00a0")
GOOD = 0.4  # a plausibility below is no reading of words
MARGIN = 0.2  # by which another reading must be better than Windows-1252
HIGH_LINE = re.compile(rb"[^\r\n]{0,200}[\x80-\xff][^\r\n]{0,200}")


def telling(path: str, head: bytes) -> bytes:
    """The head, or, when it is nearly all ASCII, the later lines that are not."""
    if sum(byte >= 0x80 for byte in head) >= MIN_HIGH_BYTES:
        return head
    found, size = [], 0
    with open(path, "rb") as file:
        while size < SAMPLE and (block := file.read(1 << 20)):
            if block.isascii():
                continue
            for line in HIGH_LINE.findall(block):
                found.append(line)
                size += len(line)
                if size >= SAMPLE:
                    break
    return b"\n".join(found)


def foreign(sample: bytes) -> str | None:
    """The detector's answer where it can be trusted, else None.

    It often takes Western text for a rare code page: so other scripts must show by many high bytes.
    """
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    high = sum(byte >= 0x80 for byte in sample)
    if best is None or best.encoding not in TRUSTED or high < max(MIN_HIGH_BYTES, len(sample) * 0.02):
        return None
    text = sample.decode(best.encoding, errors="replace")
    if best.encoding not in LATIN and not _whole_words(text):
        return None
    if best.encoding in CENTRAL and not _central(text):
        return None
    return str(best.encoding)


def western(sample: bytes) -> str:
    """The Western encoding whose reading of the bytes is the most plausible; Windows-1252 when in doubt."""
    scores = {name: _plausibility(sample.decode(name, errors="replace")) for name in WESTERN}
    best = max(WESTERN, key=lambda name: scores[name])
    return best if scores[best] > max(scores["cp1252"] + MARGIN, GOOD) else "cp1252"


def _whole_words(text: str) -> bool:
    """Whether characters beyond ASCII stand together, as in other scripts, and not one by one in words."""
    beyond = len(re.findall(r"[^\x00-\x7f]", text))
    return len("".join(re.findall(r"[^\x00-\x7f]{2,}", text))) > beyond * 0.6


def _central(text: str) -> bool:
    """Whether the letters are Polish, Czech, Hungarian…: German and French look the same in both families."""
    letters = [letter for letter in text.lower() if letter > "\x7f" and letter.isalpha()]
    central = [letter for letter in letters if letter in CENTRAL_LETTERS]
    return len(set(central)) >= LEAST_CENTRAL and len(central) > len(letters) * 0.4


def _plausibility(text: str) -> float:
    """Mean over the characters beyond ASCII, from -1 to 1."""
    judged = [_judged(*around) for around in _high(text)]
    return sum(judged) / len(judged) if judged else 0.0


def _high(text: str) -> Iterator[tuple[str, str, str]]:
    padded = f" {text} "
    for found in re.finditer(r"[^\x00-\x7f]", text):
        at = found.start()
        yield padded[at], found[0], padded[at + 2]


def _judged(before: str, character: str, after: str) -> float:
    if character in LOWER or character in RARE:
        good = 1.0 if character in LOWER else 0.4
        return good if before.isalpha() or after.isalpha() else good / 2
    if character.isupper() and character.lower() in LOWER | RARE:
        if before.islower():
            return -1.0
        return 1.0 if after.isalpha() else 0.2
    if character in OPENING:
        return 1.0 if not before.isalnum() and not after.isspace() else -0.5
    if character in CLOSING:
        if before.isalpha() and after.isalpha():
            return 0.8 if character == "’" else -0.5
        return 1.0 if not before.isspace() else 0.2
    if character in LOOSE:
        return -0.3 if before.isalpha() and after.isalpha() and character not in "–—\u00a0" else 0.8
    return -1.0  # a control, half a box, a sign of mathematics: no part of words
