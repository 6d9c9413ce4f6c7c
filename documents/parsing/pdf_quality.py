"""How well a page's text was read, from 0 to 1, without knowing its language."""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

POOR = 0.7  # below this another reader is asked
SOME, LEAST = 10, 40  # letters; less text says nothing about mixed, or about split and scrambled words
GLUED = 30  # letters of one word: longer than any but the longest German ones
LOST = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")  # unmapped glyphs, private use, controls
WORDS = re.compile(r"[^\W\d_]+")
LINK = re.compile(r"[@/\\]|www\.")
LINKS = re.compile(r"\S*(?:://|www\.|@|[/\\])\S*")
VOWELS = frozenset("aeiouyæøœ")
# Scripts that put no spaces between words, or join letters that no other script's words have.
UNSPACED = frozenset(
    ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "BOPOMOFO")
)
SPACED = frozenset(("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN", "HEBREW", "ARABIC"))
LATIN = frozenset(("LATIN",))


def quality(text: str) -> float:
    """1 minus the worst of five faults, each from 0 to 1.

    - lost: glyphs that became U+FFFD, private use, control or unassigned characters; 1 in 10 is the worst;
    - glued: letters in words of more than 30 letters (links do not count);
    - split: words of one letter, when more than half are;
    - mixed: words of several scripts ("aΒд"), which no language writes but a wrong font table does;
    - scrambled: Latin words of four letters or more without a vowel, when more than 3 in 10 are.

    Only scripts that put spaces between words count for glued and split words: Chinese, Japanese, Korean,
    Thai and their like are never called bad for having none. Short texts are judged by lost glyphs alone.
    """
    solid = "".join(text.split())
    if not solid:
        return 0.0
    lost = len(LOST.findall(solid))
    if not text.isascii():
        unassigned = [c for c in set(solid) if unicodedata.category(c) == "Cn"]
        lost += sum(solid.count(c) for c in unassigned)
    faults = [min(1.0, 10 * lost / len(solid))]
    words = WORDS.findall(LINKS.sub(" ", text) if LINK.search(text) else text)
    letters = sum(map(len, words))
    if letters >= SOME:
        scripts = {word: LATIN if word.isascii() else _scripts(word) for word in set(words)}
        mixed = sum(len(word) for word in words if not word.isascii() and _mixed(scripts[word]))
        faults.append(min(1.0, 3 * mixed / letters))
        faults += _spacing([word for word in words if scripts[word] and scripts[word] <= SPACED], scripts)
    return 1 - max(faults)


def _spacing(words: list[str], scripts: dict[str, frozenset[str]]) -> list[float]:
    """Glued, split and scrambled, over the words of scripts that use spaces."""
    letters = sum(map(len, words))
    if letters < LEAST:
        return []
    long = [len(word) for word in words if len(word) > GLUED]
    glued = sum(long) if len(long) > 2 or max(long, default=0) > 2 * GLUED else 0
    after = [*words[1:], ""]
    single = sum(1 for a, b in zip(words, after, strict=True) if len(a) == 1 and not _alphabet(a, b))
    split = max(0.0, single / len(words) - 0.5) * 2 if len(words) >= 20 else 0.0
    latin = {word for word in words if len(word) >= 4 and not word.isupper() and scripts[word] == LATIN}
    dumb = sum(1 for word in latin if not VOWELS & set(word.lower() if word.isascii() else _plain(word)))
    scrambled = max(0.0, dumb / len(latin) - 0.3) / 0.7 * 2 if len(latin) >= 8 else 0.0
    return [min(1.0, 3 * max(0.0, glued / letters - 0.1)), min(1.0, 2 * split), min(1.0, scrambled)]


def _alphabet(letter: str, after: str) -> bool:
    """Whether letters are told off one by one: tables of characters, lists a b c."""
    return len(after) == 1 and ord(after) - ord(letter) == 1


def _plain(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(c))


def _scripts(word: str) -> frozenset[str]:
    return frozenset(script for script in map(_script, set(word)) if script)


def _mixed(scripts: frozenset[str]) -> bool:
    spaced = len(scripts & SPACED)
    strange = len(scripts - SPACED - UNSPACED)
    return spaced > 1 or strange > 1 or (strange == 1 and spaced == 1)


@lru_cache(maxsize=8192)
def _script(character: str) -> str:
    """The first word of the letter's name, which is its script; "" for what belongs to all."""
    script = Counter(unicodedata.name(character, "").split()[:1]).most_common(1)
    name = script[0][0] if script else ""
    if name in ("MODIFIER", "COMBINING", "FEMININE", "MASCULINE", "MICRO", "OHM", "KELVIN", "ANGSTROM"):
        return ""
    if name in ("FULLWIDTH", "HALFWIDTH", "IDEOGRAPHIC", "KANGXI"):
        return "CJK"
    return "LATIN" if name in ("DOUBLE-STRUCK", "SCRIPT", "MATHEMATICAL", "LONG", "TURNED") else name
