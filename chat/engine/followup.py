"""A follow-up completed by rule: which questions stand alone, and what replaces what in those that do not.

"What was the revenue in 2018?", "and in 2019?" -> "What was the revenue in 2019?": a year takes a year's
place, a name a name's, a phrase that of the one behind the same preposition or with the same last word. Pure.
"""

import re
from dataclasses import dataclass

MIN_WORDS_ALONE = 5
MIN_CJK_ALONE = 7  # characters
MOST_FRAGMENT_WORDS = 8
BARE_FRAGMENT_WORDS = 4  # of one that neither begins with "and" nor with a preposition
MAX_CHARS = 400

_LEAD = re.compile(
    r"^[\s¿¡]*(?:(?:and|or|but|then|what about|how about|und|oder|aber|was ist mit"
    r"|wie (?:sieht es|ist es) mit|et|ou|qu['’]en est-il (?:de|du|des)|y|o|e|и|а|или|а что насч[её]т"
    r"|что насч[её]т)(?=[\s,]))[\s,]*",
    re.I,
)
_FILLER = re.compile(
    r"^(?:(?:ok(?:ay)?|so|now|well|great|thanks|thank you|danke|gut|merci|gracias|спасибо)[\s,.!]+)+", re.I
)
# Per language: how a question begins, and what in it refers to what was said before.
_ALONE = [
    (
        r"(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|may|must|should"
        r"|will|would|has|have|list|name|give|show|tell|explain|describe|summari[sz]e)\b",
        r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|these|those|same|former|latter|previous"
        r"|others?|another|else|instead|also|too)\b|\bones?\b(?! of\b)|\bsuch\b(?! as\b)|\babove\b(?! \d)"
        r"|\bmore\b(?! than\b)|\bthis\b(?! (?:year|month|week|quarter|model)\b)"
        r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )\bthere\b"
        r"|(?:^|\b(?:is|are|was|were|do|does|did|can|about|of|for|in|with|by|on|to|from|than|at) )that\b"
        r"|\bhow many (?:(?:may|can|must|should|will) be|are|were|have|of|that|which|where|with)\b"
        r"|^which (?:has|have|had)\b",
    ),
    (
        r"(?:wie|was|wer|wen|wem|wessen|welche[rsnm]?|wann|wo|woher|wohin|warum|wieso|weshalb|ist|sind|war|waren"
        r"|hat|haben|gibt|kann|können|darf|dürfen|muss|müssen|soll|nenne|zeige|erkläre|beschreibe)\b",
        r"\b(?:er|(?-i:sie)|ihn|ihm|ihr|ihre\w*|sein|seine\w*|dies\w*|jene\w*|dessen|deren|denen|dort|davon|dafür"
        r"|damit|darin|darüber|dabei|dazu|daran|darauf|auch|sonst|noch|andere\w*|solche\w*|stattdessen)\b"
        r"|(?<!\bgibt )\bes\b(?! gibt\b)|\bdas\s*\?",
    ),
    (
        r"(?:que|quels?|quelles?|qui|quand|où|comment|combien|pourquoi|est|sont|qu['’])\b",
        r"\b(?:il|elle|ils|elles|lui|leurs?|son|sa|ses|ce|cet|cette|ces|cela|ça|celui|celle|ceux|aussi|autres?"
        r"|mêmes?|là)\b",
    ),
    (
        r"¿?(?:qué|cuál(?:es)?|quién(?:es)?|cuándo|dónde|cómo|cuánt[oa]s?|por qué|es|son|hay|tiene|puede)\b",
        r"\b(?:él|ellas?|ellos|sus?|est[oae]s?|es[oa]s?|allí|ahí|también|otr[oa]s?|mism[oa]s?|lo)\b",
    ),
    (
        r"(?:что|кто|как|как(?:ой|ая|ие|ое|ов|ова|овы)|когда|где|куда|откуда|почему|зачем|сколько|можно|нужно)\b",
        r"\b(?:он|она|оно|они|его|её|ее|их|ему|ей|им|эт\w+|т(?:от|а|е|ого|ой|ому)|там|тоже|также|ещё|еще|друг\w+"
        r"|так(?:ой|ая|ие|ое))\b",
    ),
]
_STARTS = [(re.compile(start, re.I), re.compile(back, re.I)) for start, back in _ALONE]
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CJK_FILLER = re.compile(r"那么|那|呢|年度?|[？?\s]")
_CJK_ASKS = re.compile(r"什么|谁|哪|多少|几|怎|吗|如何|为何|何时")
_CJK_REFERS = re.compile(r"它|他|她|这|那|其|也|呢|还")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PREPOSITIONS = _words(
    "in for at of on by from to with during since under about per within before after until through between"
    " im für bei von vom am mit seit aus nach ab pro während unter bis zu zum zur"
    " en pour chez avec depuis sous avant après par dans du para con desde bajo antes sin por"
    " в во на для о об из по у с за до от"
)
_ARTICLES = _words("the a an der die das den dem des ein eine einen einem einer le la les un une el los las")
_BOUNDARY = _PREPOSITIONS | _words(
    "is are was were be been do does did have has had can could may might must should will would and or that"
    " which who what when where why how many much get gets got cost costs need needs apply applies work works"
    " ist sind war waren hat haben wird werden kann können darf muss und oder"
)
_CONNECTORS = _words("of and & the de du der von van la")
_KINDS = [
    re.compile(r"\bFY\s?\d{2,4}\b", re.I),
    re.compile(r"\bQ[1-4]\b", re.I),
    re.compile(r"(?<![A-Za-z0-9_,.-])(?:1\d|20|21)\d\d(?![A-Za-z0-9_%-]|[,.]\d)"),
    re.compile(r"§\s?\d[\d.]*\d|§\s?\d"),
    re.compile(
        r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
        r"|januar|februar|märz|mai|juni|juli|oktober|dezember)\b",
        re.I,
    ),
    re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![\w-])"),
    re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*%?(?![\w-])"),
]
_TIMES = _KINDS[:3]
_WORD = re.compile(r"[^\s,;:?!¿¡()\"“”«»]+")

Span = tuple[int, int]


def stands_alone(question: str) -> bool:
    """Whether a question needs no help from the turns before it. In doubt it does."""
    text = _FILLER.sub("", question.strip())
    if len(_CJK.findall(text)) >= MIN_CJK_ALONE:
        return bool(_CJK_ASKS.search(text)) and not _CJK_REFERS.search(text)
    if len(text.split()) < MIN_WORDS_ALONE or _LEAD.match(text):
        return False
    return any(start.match(text) and not back.search(text) for start, back in _STARTS)


def refers_back(question: str) -> bool:
    """Whether a word of a question stands for something that was said before it."""
    text = _FILLER.sub("", question.strip())
    if _CJK.search(text):
        return bool(_CJK_REFERS.search(text))
    return any(start.match(text) and back.search(text) for start, back in _STARTS)


def completed(question: str, earlier: str) -> str:
    """A question as it stands alone.

    Args:
        question: as asked.
        earlier: the question before it, complete itself.

    Returns:
        The question itself if it stands alone; else the earlier one with what the new one puts in the place
        of something in it; else both, one below the other.
    """
    if stands_alone(question):
        return question
    substituted = _substituted(question, earlier)
    if substituted:
        return substituted
    return f"{_with_times_of(question, earlier)[:MAX_CHARS]}\n{question}"


@dataclass(frozen=True)
class _Piece:
    """A part of a fragment: "in 2019", "part-time staff"; `said` with its preposition and article."""

    preposition: str
    text: str
    said: str

    @property
    def words(self) -> list[str]:
        return _WORD.findall(self.text)

    @property
    def kind(self) -> re.Pattern[str] | None:
        """What sort of number or code it is, if it is one and nothing else."""
        return next((kind for kind in _KINDS if kind.fullmatch(self.text)), None)


def _substituted(question: str, earlier: str) -> str:
    """The earlier question with the pieces of a fragment put in or added; "" when none of them fits."""
    taken: dict[Span, str] = {}
    left_over = []
    for piece in _pieces(question):
        span = _place(piece, earlier, set(taken))
        if span is None:
            left_over.append(piece)
        else:
            taken[span] = piece.text
    if not taken and not (left_over and all(piece.preposition for piece in left_over)):
        return ""
    whole = earlier
    for (start, end), text in sorted(taken.items(), reverse=True):
        owner = whole[end - 2 : end] if whole[end - 2 : end] in ("'s", "’s") else ""
        whole = whole[:start] + text.removesuffix(owner) + owner + whole[end:]
    for piece in left_over:
        mark = "?" if whole.rstrip().endswith("?") else ""
        whole = f"{whole.rstrip(' ?')} {piece.said}{mark}"
    return "" if whole == earlier else whole


def _pieces(question: str) -> list[_Piece]:
    """The pieces of a question that is only a fragment; none of one that is more."""
    if _CJK.search(question):
        left = _CJK_FILLER.sub("", question)
        return [_Piece("", left, left)] if any(kind.fullmatch(left) for kind in _KINDS) else []
    lead = _LEAD.match(question)
    rest = question[lead.end() :] if lead else question
    words = _WORD.findall(rest)
    if not words or len(words) > MOST_FRAGMENT_WORDS:
        return []
    bare = not lead and words[0].lower() not in _PREPOSITIONS
    if bare and len(words) > BARE_FRAGMENT_WORDS:
        return []
    if any(start.match(rest) or back.search(rest) for start, back in _STARTS):
        return []
    starts = [
        at
        for at, word in enumerate(words)
        if at == 0 or (word.lower() in _PREPOSITIONS and word.lower() not in _CONNECTORS)
    ]
    cuts = zip(starts, [*starts[1:], len(words)], strict=True)
    pieces = (_piece(words[start:end]) for start, end in cuts)
    return [piece for piece in pieces if piece.text]


def _piece(words: list[str]) -> _Piece:
    said = " ".join(words)
    preposition = words[0].lower() if words[0].lower() in _PREPOSITIONS else ""
    words = words[1:] if preposition else words
    while words and words[0].lower() in _ARTICLES:
        words = words[1:]
    return _Piece(preposition, " ".join(words).rstrip("."), said)


def _place(piece: _Piece, earlier: str, taken: set[Span]) -> Span | None:
    """What of the earlier question a piece takes the place of."""
    kind = piece.kind
    if kind is not None:
        spans = [match.span() for match in kind.finditer(earlier) if match.span() not in taken]
        behind = [span for span in spans if _preposition_before(earlier, span[0]) == piece.preposition]
        if piece.preposition and behind:
            return behind[-1]
        return spans[0] if len(spans) == 1 else None
    found = _behind(piece, earlier) or _same_head(piece, earlier) or _only_name(piece, earlier)
    return found if found is not None and found not in taken else None


def _preposition_before(text: str, at: int) -> str:
    words = [word.lower() for word in _WORD.findall(text[:at])]
    while words and words[-1] in _ARTICLES | {"fiscal", "year", "jahr"}:
        words.pop()
    return words[-1] if words else ""


def _behind(piece: _Piece, earlier: str) -> Span | None:
    """The words behind the last of the same preposition; the whole name when that stands within a name."""
    words = list(_WORD.finditer(earlier))
    found: Span | None = None
    for at in range(len(words) - 1, -1, -1):
        if piece.preposition and words[at].group().lower() == piece.preposition:
            phrase = _phrase(words[at + 1 :])
            if not phrase or any(kind.fullmatch(phrase[0].group()) for kind in _KINDS):
                continue
            span = phrase[0].start(), phrase[-1].end()
            if found is None or span[1] >= found[1]:
                found = span
    return found


def _phrase(words: list[re.Match[str]]) -> list[re.Match[str]]:
    """The noun phrase that the words begin with, without article: a name whole, else up to a small word."""
    while words and words[0].group().lower() in _ARTICLES:
        words = words[1:]
    if words and words[0].group()[0].isupper():
        return _run(words)
    found = []
    for word in words:
        if word.group().lower() in _BOUNDARY:
            break
        found.append(word)
    return found


def _run(words: list[re.Match[str]]) -> list[re.Match[str]]:
    """The capitalised words that the words begin with, small connecting ones between them included."""
    end = 0
    for at, word in enumerate(words):
        text = word.group()
        if text[0].isupper() or text[0].isdigit():
            end = at + 1
        elif text.lower() not in _CONNECTORS:
            break
    return words[:end]


def _same_head(piece: _Piece, earlier: str) -> Span | None:
    """The phrase with the same last word: "the Harbour Branch" for "the Station Branch"."""
    wanted = _stem(piece.words[-1])
    words = list(_WORD.finditer(earlier))
    at = next((n for n in range(len(words) - 1, -1, -1) if _stem(words[n].group()) == wanted), None)
    if at is None or len(piece.words) < 2:
        return None
    first = at
    while first > 0 and at - first + 1 < len(piece.words):
        before = words[first - 1].group().lower()
        if before in _BOUNDARY or before in _ARTICLES:
            break
        first -= 1
    return words[first].start(), words[at].end()


def _only_name(piece: _Piece, earlier: str) -> Span | None:
    """The one name of the earlier question, for a name."""
    if not all(word[0].isupper() or word.lower() in _CONNECTORS for word in piece.words):
        return None
    words = list(_WORD.finditer(earlier))
    names, at = [], 1  # the first word is capitalised anyway
    while at < len(words):
        run = _run(words[at:]) if words[at].group()[0].isupper() and words[at].group() != "I" else []
        if run:
            names.append((run[0].start(), run[-1].end()))
        at += len(run) or 1
    return names[0] if len(names) == 1 else None


def _stem(word: str) -> str:
    return word.lower().removesuffix("'s").removesuffix("’s").rstrip("s")


def _with_times_of(question: str, earlier: str) -> str:
    """The earlier question with the years and quarters of the new one, so that not both are found."""
    for kind in _TIMES:
        new, old = kind.findall(question), kind.findall(earlier)
        if len(new) == len(old) == 1:
            earlier = earlier.replace(old[0], new[0])
    return earlier
