"""A passage ready for comparing: its sentences or rows, each with what it holds; and a sentence's claims."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from chat.sentences import Sentence, codes, content_words, names, wrapped_sentences
from chat.support import language as languages
from chat.support.numerals import decimal_comma, read
from chat.support.polarity import Polarity, polarity
from chat.support.quantities import Reading
from chat.support.tokens import Token, key, tokens
from documents.retrieval.types import Passage

_FISCAL = re.compile(r"(?:fy|cy|h[12]|q[1-4])[-/]?((?:19|20)?\d\d)$")
_QUOTED = re.compile(r"[\"“„«»「『](?=\S)([^\"“”„«»「」『』\n]{3,600})(?<=\S)[\"“”«»」』]")
_SINGLE_QUOTED = re.compile(r"(?<![\w'`])[‘‚'](?=\w)([^‘’‚'`\n]{3,600})(?<=\S)[’'](?![\w'])")
_GAP = re.compile(r"\s*(?:\[?(?:…|\.\.\.)\]?|\[[^\]]{0,60}\])\s*")
MIN_QUOTED_WORDS = 3  # fewer are scare quotes, titles or terms
_CAPITAL = r"[A-ZÄÖÜ][\w-]+"
_GERMAN_NAME = re.compile(
    rf"\b(?:in|aus|nach) ({_CAPITAL})|\b({_CAPITAL} {_CAPITAL})|\b(\w*[A-ZÄÖÜ]{{2,}}\w*)\b"
)
_HANDLE = re.compile(r"[\w.+-]+[@_/:][\w.@_/:+-]*\w")
_SEPARATORS = re.compile(r"[\s_/.-]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


@dataclass(frozen=True)
class Claim:
    """What a text says, whether a sentence of an answer or a unit of a passage.

    Attributes:
        language: `en`, `de`, …; "" when it is not known.
        comma: whether 7,5 is seven and a half in it; None when only its own numbers can tell.
    """

    text: str
    language: str
    comma: bool | None = None

    @cached_property
    def words(self) -> frozenset[str]:
        """Stems of the content words."""
        return frozenset(content_words(self.text))

    @cached_property
    def values(self) -> frozenset[str]:
        """Content words, and addresses and file names whole: what may tell one row from another."""
        return self.words | {one.lower() for one in _HANDLE.findall(self.text)}

    @cached_property
    def reading(self) -> Reading:
        """Numbers and dates; `FY2022` names the year 2022."""
        found = read(self.text, language=self.language, comma=self.comma)
        return replace(found, years=found.years | self.years)

    @cached_property
    def codes(self) -> frozenset[str]:
        """Identifiers; `FY2022` is the year 2022."""
        return frozenset(
            code for code in codes(self.text) if not _FISCAL.match(code) and not _is_measure(code, self.text)
        )

    @cached_property
    def years(self) -> frozenset[int]:
        """Of identifiers like FY22."""
        return _fiscal_years(codes(self.text))

    @cached_property
    def names(self) -> frozenset[str]:
        """Names, lower case. In German every noun has a capital: only what can be nothing else counts."""
        if self.language != "de":
            return frozenset(names(self.text))
        found = {word for match in _GERMAN_NAME.finditer(self.text) for word in _WORD.findall(match.group())}
        return frozenset(word.lower() for word in found if key(word.lower()) and word[0].isupper())

    @property
    def has_facts(self) -> bool:
        """Whether it says a number, a date, a code or a name."""
        return bool(self.reading.quantities or self.reading.dates or self.codes or self.names)

    @cached_property
    def polarity(self) -> Polarity:
        """Negations and directions."""
        return polarity(self.text, self.language)

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """Stems, numbers and breaks in order."""
        return tokens(self.text)


@dataclass(frozen=True)
class Unit(Claim):
    """A sentence or row of a passage."""

    start: int = 0


@dataclass(frozen=True)
class Evidence:
    """A passage (or several) to check against.

    Attributes:
        content: word for word.
        around: the document's name and section: count as held.
        before: the text before it, for a table's scale.
        is_table: its lines are rows.
    """

    content: str
    around: str
    before: str
    is_table: bool
    language: str

    @classmethod
    def of(cls, passage: Passage) -> "Evidence":
        """The passage's evidence."""
        around = f"{passage.document_name}\n{passage.section}"
        return _evidence(passage.content, around, passage.before[-600:], passage.rows is not None)

    @cached_property
    def reading(self) -> Reading:
        """Numbers and dates, those of its name and section too."""
        text = f"{self.content}\n{self.around}"
        found = read(text, about=self.before, language=self.language, comma=self.comma)
        return replace(found, years=found.years | _fiscal_years(self.codes))

    @cached_property
    def comma(self) -> bool:
        """Whether it writes 7,5 for seven and a half."""
        return decimal_comma(self.content, self.language)

    @cached_property
    def words(self) -> frozenset[str]:
        """Stems of all content words."""
        return frozenset(content_words(self.content))

    @cached_property
    def around_words(self) -> frozenset[str]:
        """Those words of its name and section that it does not hold itself."""
        return frozenset(content_words(self.around)) - self.words

    @cached_property
    def folded(self) -> frozenset[str]:
        """All words without accents, for names."""
        return frozenset(fold(word) for word in _WORD.findall(f"{self.around}\n{self.content}"))

    @cached_property
    def proper(self) -> frozenset[str]:
        """Words that it never writes without a capital: names, mostly."""
        written = _WORD.findall(self.content)
        small = {fold(word) for word in written if word[0].islower()}
        return frozenset(fold(word) for word in written if word[0].isupper() and len(word) > 1) - small

    @cached_property
    def prefixes(self) -> frozenset[str]:
        """Beginnings of its longer words: `management` speaks of the `manager`."""
        return frozenset(word[:PREFIX] for word in self.folded if len(word) >= PREFIX)

    @cached_property
    def codes(self) -> frozenset[str]:
        """Identifiers."""
        return frozenset(codes(f"{self.around}\n{self.content}"))

    def has_code(self, code: str) -> bool:
        """Whether an identifier stands in it, with or without its hyphens and blanks."""
        if code in self.codes:
            return True
        squeezed = _SEPARATORS.sub("", code)
        at = self.squeezed.find(squeezed) if len(squeezed) >= 4 else -1
        return at >= 0 and not self.squeezed[at + len(squeezed) : at + len(squeezed) + 1].isdigit()

    @cached_property
    def squeezed(self) -> str:
        """Everything without blanks and hyphens."""
        return _SEPARATORS.sub("", f"{self.around}\n{self.content}".lower())

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Its sentences, or rows."""
        if self.is_table:
            lines = [
                Sentence(match.group().strip(), match.start(), match.end())
                for match in re.finditer(r"[^\r\n]+", self.content)
            ]
        else:
            lines = wrapped_sentences(self.content)
        return tuple(
            Unit(" ".join(line.text.split()), self.language, self.comma, line.start)
            for line in lines
            if line.text
        )

    @cached_property
    def quotable(self) -> str:
        """The content as quotations are compared."""
        return quotable(self.content)

    def has_word(self, word: str) -> bool:
        """Whether a stem stands in it, or a longer word of the same beginning."""
        return word in self.words or (len(word) > PREFIX and fold(word)[:PREFIX] in self.prefixes)

    def has_name(self, name: str) -> bool:
        """Whether a name stands in it, in any case, with or without accents, also inflected."""
        folded = fold(name)
        return folded in self.folded or (len(folded) >= PREFIX and folded[:PREFIX] in self.prefixes)


@lru_cache(maxsize=128)  # an answer is read twice, and many answers cite the same passages
def _evidence(content: str, around: str, before: str, is_table: bool) -> Evidence:
    return Evidence(content, around, before, is_table, languages.guess(content))


PREFIX = 6
_MEASURE = re.compile(
    r"[\d.,/-]+(?:k|m|bn|b|mn|mm|st|nd|rd|th|s|eur|usd|kg|km|cm|mg|g|h|gb|mb|kw|mw|day|days|pm|am)?"
)


def quotations(text: str) -> list[str]:
    """What a text quotes in quotation marks, of at least three words; around an omission piece by piece."""
    found = []
    for pattern in (_QUOTED, _SINGLE_QUOTED):
        for match in pattern.finditer(text):
            pieces = [piece for piece in _GAP.split(match.group(1)) if piece.strip()]
            if len(quotable(match.group(1)).split()) >= MIN_QUOTED_WORDS or _is_long_cjk(match.group(1)):
                found += pieces
    return found


def quotable(text: str) -> str:
    """A text as quotations are compared: lower case; blanks, quotation marks, dashes, ligatures alike."""
    plain = unicodedata.normalize("NFKC", text).replace("\u00ad", "")
    plain = re.sub(r"(?<=\w)-\s*\n\s*(?=[a-zäöüß])", "", plain)
    plain = re.sub(r"[\"“”„«»‘’‚'`*_]", "", plain)
    plain = re.sub(r"[‐-―−]", "-", plain)
    return re.sub(r"\s+", " ", re.sub(r"\s+([,.;:!?%)])", r"\1", plain)).strip(" .,;:!?").lower()


def _is_long_cjk(text: str) -> bool:
    return len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff]", text)) >= 6


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """Lower case without accents and possessive."""
    plain = re.sub(r"['’]s?$", "", word.lower())
    return "".join(char for char in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(char))


def _is_measure(code: str, text: str) -> bool:
    """`10k`, `7.5m`, `3rd`, `20-year-old`: a number, not an identifier."""
    if _MEASURE.fullmatch(code):
        return True
    return re.fullmatch(r"\d+(?:-[^\W\d_]{3,})+", code) is not None and code in text


def _fiscal_years(written: Collection[str]) -> frozenset[int]:
    found = (_FISCAL.match(code) for code in written)
    return frozenset(_full_year(match.group(1)) for match in found if match)


def _full_year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else 2000 + int(digits)
