"""A question's words as a plan's parser sees them: columns, values, numbers, dates, table, keywords, fillers.

One word may be several things ("total" is a column's name and asks for a sum): `readings` gives the whole
question in each way that has no unknown word, the likeliest first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from documents.parsing.values import MONTHS, dates
from documents.tables.schema import Match, Table

MAX_WORDS = 60
MAX_GRAM = 6
MAX_READINGS = 48
MAX_STEPS = 20_000
WORD = re.compile(r"\"[^\"]+\"|“[^”]+”|[<>]=?|=|[^\W_]+(?:[.,'’:/&_-]+[^\W_]+)*")
NUMBER = re.compile(r"^\d[\d,]*(\.\d+)?$")
YEAR = re.compile(r"^(1[5-9]|20|21)\d\d$")
# Phrase -> keyword; "" for words that carry nothing here.
PHRASES = {
    "count": "how many|number of|total number of|count of|count|the number of",
    "sum": "sum|total|sum total|combined|total sum|sum of all",
    "average": "average|mean|avg",
    "median": "median",
    "maximum": "highest|maximum|max|largest|biggest|greatest",
    "minimum": "lowest|minimum|min|smallest",
    "latest": "latest|most recent|newest",
    "earliest": "earliest",
    "most": "most",
    "fewest": "fewest|least",
    "common": "most common|most frequent|commonest|most often|most frequently",
    "rare": "least common|least frequent|rarest",
    "distinct": "different|distinct|unique",
    ">": "more than|greater than|higher than|larger than|bigger than|over|above|exceeding|exceeds"
    "|that exceed|that exceeds|>",
    ">=": "at least|no less than|not less than|>=|from at least",
    "<": "less than|fewer than|lower than|smaller than|under|below|<",
    "<=": "at most|no more than|not more than|up to|<=",
    "after": "after|later than",
    "before": "before|earlier than|prior to",
    "since": "since",
    "until": "until|till|through",
    "between": "between",
    "and": "and",
    "or": "or",
    "to": "to",
    "not": "not|isn't|is not|aren't|are not|other than|except|excluding|but not|not in",
    "by": "by|per|for each|in each|each|for every|in every|every|grouped by|broken down by|split by",
    "year": "year",
    "month": "month",
    "blank": "blank|empty|missing|not filled|not given|without a value",
    "contains": "contains|contain|containing|that contain|that contains",
    "which": "which|what|who",
    "have": "has|have|had|with|that has|that have|that had",
    "top": "top",
    "in": "in|during|on|from|for|of|at",
    "=": "=|equals|equal to|is equal to",
    "list": "list|show|show me|list all|show all",
    "": "the|a|an|is|are|was|were|be|been|do|does|did|please|tell|me|give|what is|what are|what was"
    "|what were|what's|whose|where|which are|which is|all|value|values|any"
    "|is there|are there|was there|were there|there is|there are|there was|there were|there be|there been"
    "|that is|that are|that was|that were|that live|that come|that belong|that exist"
    "|can you|could you|i|we|in total|altogether|overall|calculate|compute|find|only"
    "|located|listed|recorded|exist|exists|live|lives|come|comes|belong|belongs",
}
KEYWORDS = {phrase: keyword for keyword, phrases in PHRASES.items() for phrase in phrases.split("|")}
LONGEST = max(len(phrase.split()) for phrase in KEYWORDS)
# What stands for something said before, which nobody here knows: no reading of a question has such a word.
REFERRING = re.compile(
    r"it|its|itself|they|them|their|theirs|themselves|he|him|his|she|her|hers|this|that|these|those|there|ones"
    r"|others",
    re.IGNORECASE,
)
# Behind one of these "that" begins no clause about the word before: "how many in that are open".
BEFORE_A_PRONOUN = re.compile(
    r"in|on|at|of|for|from|by|per|with|than|to|during|and|or|not|is|are|was|were|do|does|did|has|have|had|can"
    r"|could",
    re.IGNORECASE,
)
# Behind one of these a column is part of a condition, and not what is asked for.
BEFORE_A_CONDITION = re.compile(
    r"\b(?:where|whose|with|has|have|had|in|on|at|for|from|and|or|not|(?<!number )(?<!count )of)"
    r"\s+(?:the\s+)?$",
    re.IGNORECASE,
)
ROWS = {"row", "record", "entry", "line", "item", "case", "datum"}
PLACES = {"table", "file", "csv", "data", "dataset", "sheet", "spreadsheet", "document", "list"}


@dataclass(frozen=True)
class Token:
    """One part of a question.

    Attributes:
        kind: column, value, number, date, rows (what a row of the table is), place (the table itself), word
            (a keyword) or "" (a filler).
        text: a number's, date's or keyword's text.
    """

    kind: str
    text: str = ""
    column: int = -1
    matches: tuple[Match, ...] = ()
    size: int = 1


def words_of(question: str) -> list[str]:
    """The words, quoted passages as one each."""
    return WORD.findall(question.replace("’", "'"))


def grams(question: str) -> list[str]:
    """What a value might be called: runs of words, and the singular of their last one."""
    found = WORD.finditer(question.replace("’", "'"))
    places = [(match.start(), match.end()) for match in islice(found, MAX_WORDS)]
    made = []
    for first in range(len(places)):
        for last in range(first, min(first + MAX_GRAM, len(places))):
            text = question.replace("’", "'")[places[first][0] : places[last][1]]
            made += [text, *singulars(text)]
    return list(dict.fromkeys(" ".join(bare(text).lower().split()) for text in made))


def bare(text: str) -> str:
    """Without quotation marks around it."""
    return text[1:-1] if len(text) > 2 and text[0] in '"“' else text


def singulars(word: str) -> list[str]:
    """What an English plural may be the plural of."""
    made = []
    if word.endswith("ies") and len(word) > 4:
        made.append(word[:-3] + "y")
    if word.endswith("es") and len(word) > 4:
        made.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        made.append(word[:-1])
    return made


def forms(word: str) -> set[str]:
    """A word in lower case with its singulars, for comparing."""
    word = word.lower()
    return {word, *singulars(word)}


def name_words(name: str) -> list[str]:
    """The words of a column's or file's name: `unitPrice (EUR)` is unit price."""
    name = (
        re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", name)
        if re.sub(r"\([^)]*\)|\[[^\]]*\]", "", name).strip()
        else name
    )
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W_]+", name)]


def readings(question: str, table: Table, matches: dict[str, list[Match]]) -> Iterator[list[Token]]:
    """See the module."""
    found = WORD.finditer(question.replace("’", "'"))
    spans = [(match.start(), match.end()) for match in islice(found, MAX_WORDS + 1)]
    if len(spans) > MAX_WORDS:
        return
    text = question.replace("’", "'")
    options = _Options([text[a:b] for a, b in spans], spans, text, table, matches)
    steps = 0

    def walk(at: int) -> Iterator[list[Token]]:
        nonlocal steps
        steps += 1
        if at == len(spans):
            yield []
            return
        if steps > MAX_STEPS:
            return
        for token in options.at(at):
            for rest in walk(at + token.size):
                yield [token, *rest]

    for tokens in islice(walk(0), MAX_READINGS):
        yield [token for token in tokens if token.kind]


class _Options:
    """What the words from a place on may be, the longest and likeliest first."""

    def __init__(
        self,
        words: list[str],
        spans: list[tuple[int, int]],
        text: str,
        table: Table,
        matches: dict[str, list[Match]],
    ) -> None:
        self.words, self.spans, self.text, self.table, self.matches = words, spans, text, table, matches
        self.is_shouted = text.isupper()
        self.columns = [(name_words(column.name), column.index) for column in table.columns]
        stem = re.sub(r"\.\w{1,4}$", "", table.name.rsplit("/", 1)[-1])
        self.nouns = {form for word in name_words(stem) for form in forms(word) if len(word) > 2}
        for column in table.columns:
            named = name_words(column.name)
            if (
                column.is_key
                and len(named) == 2
                and named[1] in ("id", "no", "number", "nr", "name", "key", "code")
            ):
                self.nouns |= forms(named[0])
        self._known: dict[int, list[Token]] = {}

    def at(self, at: int) -> list[Token]:
        if at not in self._known:
            made = [*self._columns(at), *self._values(at), *self._keywords(at), *self._others(at)]
            if self._refers(at):
                made = [token for token in made if self._stands_for_itself(at, token)]
            self._known[at] = sorted(dict.fromkeys(made), key=lambda token: -token.size)
        return self._known[at]

    def _refers(self, at: int) -> bool:
        """Whether the word stands for something said before; the department IT is written in capitals."""
        word = self.words[at]
        return bool(REFERRING.fullmatch(word)) and (self.is_shouted or not word.isupper())

    def _stands_for_itself(self, at: int, token: Token) -> bool:
        """Whether a word that may refer back does not: in a phrase, spelled as a cell, in a condition."""
        if token.size > 1:
            return not self._is_pronoun(at)
        if token.kind == "column":
            written = [self.table.columns[token.column].name]
        elif token.kind == "value":
            written = [match.value for match in token.matches]
        else:
            return False
        word = self.words[at]
        if at > 0 and word[0].isupper() and not self.is_shouted and {word, *singulars(word)} & set(written):
            return True
        return self._is_condition(at, token)

    def _is_condition(self, at: int, token: Token) -> bool:
        """Whether the word is a value of the column before it, and that column begins a condition.

        So in "where dept is it", not in "how many depts does it have", though one may be called IT.
        """
        before = self._column_before(at)
        if before is None or not any(match.column == before[1].column for match in token.matches):
            return False
        asked = self.text[: self.spans[before[0]][0]]
        return bool(BEFORE_A_CONDITION.search(asked)) and not any(
            KEYWORDS.get(word.lower()) == "have" for word in self.words[at + 1 : at + 2]
        )

    def _is_pronoun(self, at: int) -> bool:
        """Whether a "that" is the thing itself, and does not begin a clause about the word before."""
        is_that = self.words[at].lower() == "that"
        return is_that and (at == 0 or bool(BEFORE_A_PRONOUN.fullmatch(self.words[at - 1])))

    def _columns(self, at: int) -> Iterator[Token]:
        for named, index in self.columns:
            here = [bare(word) for word in self.words[at : at + len(named)]]
            here_words = [part for word in here for part in name_words(word)] if here else []
            if named and here_words and self._same(here_words[: len(named)], named):
                yield Token("column", column=index, size=self._size(here, len(named)))
        word = bare(self.words[at]).lower()
        holding = [index for named, index in self.columns if len(named) > 1 and forms(word) & set(named)]
        if len(holding) == 1 and len(word) > 3 and word not in KEYWORDS:
            yield Token("column", column=holding[0])

    @staticmethod
    def _same(here: list[str], named: list[str]) -> bool:
        if len(here) != len(named):
            return False
        return here[:-1] == named[:-1] and bool(forms(here[-1]) & forms(named[-1]))

    @staticmethod
    def _size(here: list[str], wanted: int) -> int:
        """How many words of the question make up so many words of a name (`unit_price` is one of two)."""
        size = count = 0
        for word in here:
            if count >= wanted:
                break
            count += len(name_words(word))
            size += 1
        return size

    def _values(self, at: int) -> Iterator[Token]:
        for last in range(min(at + MAX_GRAM, len(self.words)) - 1, at - 1, -1):
            text = self.text[self.spans[at][0] : self.spans[last][1]]
            quoted = text[0] in '"“'
            text = " ".join(bare(text).lower().split())
            if (text in KEYWORDS or NUMBER.match(text)) and not quoted and not self._column_before(at):
                continue
            for form in (text, *singulars(text)):
                if form in self.matches:
                    yield Token("value", text=form, matches=tuple(self.matches[form]), size=last - at + 1)
                    break

    def _column_before(self, at: int) -> tuple[int, Token] | None:
        """The column that is named just before, and where, so that "no" or "in" may be its value."""
        end = at
        while end > 0 and KEYWORDS.get(self.words[end - 1].lower()) in ("", "="):
            end -= 1
        for start in range(max(0, end - MAX_GRAM), end):
            for token in self._columns(start):
                if start + token.size == end:
                    return start, token
        return None

    def _keywords(self, at: int) -> Iterator[Token]:
        for size in range(min(LONGEST, len(self.words) - at), 0, -1):
            phrase = " ".join(self.words[at : at + size]).lower()
            if phrase in KEYWORDS:
                keyword = KEYWORDS[phrase]
                yield Token("word" if keyword else "", keyword, size=size)

    def _others(self, at: int) -> Iterator[Token]:
        for size in (3, 2, 1):
            if at + size <= len(self.words):
                date = _date(" ".join(self.words[at : at + size]))
                if date:
                    yield Token("date", date, size=size)
        word = self.words[at].lower()
        if NUMBER.match(word):
            yield Token("number", word.replace(",", ""))
        if forms(word) & (ROWS | self.nouns):
            yield Token("rows")
        if forms(word) & PLACES or word.endswith((".csv", ".tsv")):
            yield Token("place")
        if word[0] in '"“':
            yield Token("value", bare(word))


def _date(text: str) -> str | None:
    """A day, or a month of a year; as `plan` takes it."""
    text = text.replace(",", " ").replace("  ", " ")
    words = text.split()
    if len(words) == 2 and words[0][:3].lower() in MONTHS and words[0].isalpha() and YEAR.match(words[1]):
        return f"{words[1]}-{MONTHS[words[0][:3].lower()]:02d}"
    if NUMBER.match(text) or len(words) == 2:
        return None
    read = dates(text)
    return read[0] if read and read[0] and read[0] == read[1] else None
