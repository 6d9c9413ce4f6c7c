"""No LLM at all: the best sentences of the passages, quoted word for word with their markers.

The default of a fresh installation. It can be wrong about what matters, never about what is written.
"""

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from chat.engine.refusal import NOTHING
from chat.llm.base import ChatMessage, Finished, LLMConfig, LLMEvent, LLMRequest, TextDelta
from chat.sentences import codes, content_words, numbers, wrapped_sentences
from documents.embedding.registry import get_embedder
from documents.retrieval.types import Passage

LEAD_IN = "From the documents:"
LEAD_IN_ROWS = "These rows come nearest; they were not counted or compared with the others:"
MAX_QUOTES = 3
MAX_EMBEDDED = 32  # of the units, those with the most of the question's words: embedding is what takes time
MEANING, WORDS = 0.6, 0.4  # how similarity and shared words weigh in a unit's score
# Below both of these nothing is quoted. Tried on questions that a handbook does and does not answer: those
# it does not reached 0.34 and 0.32, those it does (also without a shared word) one of the two.
GOOD_SCORE, GOOD_SIMILARITY = 0.38, 0.47
NEAR_THE_BEST = 0.85  # of the best score; what is worse is not quoted beside it
RANK_PENALTY = 0.01  # per place: retrieval knows something too
FRAGMENT_PENALTY = 0.08
ANSWER_BONUS = 0.1  # for holding what the question asks for: a date, a number
WORDS_PER_DELTA = 3

_MARKER_LIKE = re.compile(r"\[([\s\d,;^–—-]+)\]")
_COMPARES = re.compile(
    r"\b(?:most|least|fewest|more|less|fewer|\w+est|best|worst|total|sum|average|mean|median|count|how many"
    r"|number of|top|rank\w*|maximum|minimum|max|min)\b",
    re.IGNORECASE,
)
_ASKS_WHEN = re.compile(
    r"\b(?:when|what (?:year|date|day)|which (?:year|day)|wann|quand|cuándo)\b", re.IGNORECASE
)
_ASKS_HOW_MANY = re.compile(
    r"\b(?:how (?:many|much|long|old|far|often)|wie ?viele?|combien|cuánt[oa]s?)\b", re.IGNORECASE
)
_YEAR_OR_DAY = re.compile(r"\b(?:1[5-9]|20)\d\d\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b\d{1,2}:\d\d\b")
_PIECES = re.compile(rf"(?:\s*\S+){{1,{WORDS_PER_DELTA}}}\s*")


@dataclass(frozen=True)
class Unit:
    """What may be quoted: a sentence, a table's line or a CSV row, as it stands in its passage.

    Attributes:
        marker: the passage's number.
        start: where it begins in the passage.
        text: word for word, line breaks as blanks.
        heading: the heading above it, for finding only.
    """

    marker: int
    start: int
    text: str
    heading: str = ""
    is_row: bool = False


@dataclass(frozen=True)
class ScoredUnit:
    """A unit with its cosine similarity to the question, and with what decides."""

    unit: Unit
    similarity: float
    score: float


class ExtractiveLLM:
    """See `LLM`. Deterministic, offline, never says anything that is not in a passage."""

    def __init__(self, config: LLMConfig) -> None:
        self.config = config

    async def stream(self, request: LLMRequest) -> AsyncIterator[LLMEvent]:
        """The quotes in small groups of words."""
        quotes = await asyncio.to_thread(best_quotes, request.question, request.passages)
        text = as_markdown(request.question, quotes) if quotes else NOTHING
        for piece in _PIECES.findall(text):
            yield TextDelta(piece)
            await asyncio.sleep(0)
        yield Finished("stop", {"prompt_tokens": 0, "completion_tokens": 0})

    async def models(self) -> list[str]:
        """There is one way of quoting."""
        return ["extractive"]

    async def tokens(self, messages: Sequence[ChatMessage]) -> int | None:
        """See `base.LLM`."""
        return None

    async def window(self) -> int | None:
        """Nothing is read but the passages."""
        return None


def as_markdown(question: str, quotes: list[Unit]) -> str:
    """Block quotes, each with its marker behind it. Rows never pose as the result of a comparison."""
    compared = any(quote.is_row for quote in quotes) and _COMPARES.search(question)
    lines = [f"> {_MARKER_LIKE.sub(_escaped, quote.text)} [{quote.marker}]" for quote in quotes]
    return "\n\n".join([LEAD_IN_ROWS if compared else LEAD_IN, *lines])


def best_quotes(question: str, passages: tuple[Passage, ...]) -> list[Unit]:
    """At most MAX_QUOTES units that answer the question best; none when nothing is good enough.

    Returns:
        The passage with the best unit first, within a passage in the order of the text.
    """
    pool = _without_repeats([unit for n, one in enumerate(passages, 1) for unit in units(one, n)])
    scored = _scored(question, pool)
    if not any(one.score >= GOOD_SCORE or one.similarity >= GOOD_SIMILARITY for one in scored[:1]):
        return []
    bar = scored[0].score * NEAR_THE_BEST
    chosen = [one.unit for one in scored[:MAX_QUOTES] if one.score >= bar]
    place = {marker: at for at, marker in enumerate(dict.fromkeys(unit.marker for unit in chosen))}
    return sorted(chosen, key=lambda unit: (place[unit.marker], unit.start))


def units(passage: Passage, marker: int) -> list[Unit]:
    """What of a passage may be quoted."""
    if passage.rows is not None:
        rows = [(match.start(), match.group()) for match in re.finditer(r"[^\r\n]+", passage.content)]
        return [Unit(marker, start, _plain(text), is_row=True) for start, text in rows if text.strip()]
    found = []
    heading = ""
    for sentence in wrapped_sentences(passage.content):
        text = _plain(sentence.text)
        if _is_heading(text):
            heading = text
        elif len(text) > 2:
            found.append(Unit(marker, sentence.start, text, heading))
    if not found and passage.content.strip():
        return [Unit(marker, 0, _plain(passage.content))]
    return found


def _is_heading(text: str) -> bool:
    return (
        len(text) <= 80 and text[-1:].isalnum() and not any(c.isdigit() for c in text.lstrip("0123456789. "))
    )


def _plain(text: str) -> str:
    return " ".join(text.split())


def _without_repeats(pool: list[Unit]) -> list[Unit]:
    """Overlapping chunks hold the same sentence twice: the first stays, and wholes before their fragments."""
    times = Counter(unit.text for unit in pool)
    everything = "\n".join(unit.text for unit in pool)
    wholes = [unit for unit in pool if everything.count(unit.text) == times[unit.text]]
    return list({unit.text: unit for unit in reversed(wholes)}.values())[::-1]


def _scored(question: str, pool: list[Unit]) -> list[ScoredUnit]:
    """Best first: similarity of meaning and rare shared words; ties in the passages' order."""
    if not pool or not question.strip():
        return []
    asked = _terms(question)
    held = [_terms(f"{unit.heading} {unit.text}") & asked for unit in pool]
    frequency = Counter(term for terms in held for term in terms)
    weight = {term: math.log(1 + (len(pool) + 0.5) / (frequency[term] + 0.5)) for term in asked}
    total = math.fsum(weight.values())
    shared = [math.fsum(weight[term] for term in terms) / total if total else 0.0 for terms in held]
    order = sorted(range(len(pool)), key=lambda at: (-shared[at], at))[:MAX_EMBEDDED]
    embedder = get_embedder()
    texts = [f"{pool[at].heading}: {pool[at].text}" if pool[at].heading else pool[at].text for at in order]
    similarity = embedder.embed(texts) @ embedder.embed_query(question)
    scored = []
    for near, at in zip(similarity, order, strict=True):
        unit = pool[at]
        score = MEANING * float(near) + WORDS * shared[at] - RANK_PENALTY * (unit.marker - 1)
        score -= FRAGMENT_PENALTY * (unit.text[0].islower() and not unit.is_row)
        score += ANSWER_BONUS * _may_answer(question, unit)
        scored.append(ScoredUnit(unit, float(near), round(score, 5)))
    return sorted(scored, key=lambda one: (-one.score, one.unit.marker, one.unit.start))


def _may_answer(question: str, unit: Unit) -> bool:
    """Whether the unit holds a date or number for a question that asks for one. Rows hold them anyway."""
    if unit.is_row:
        return False
    if _ASKS_WHEN.search(question):
        return _YEAR_OR_DAY.search(unit.text) is not None
    return _ASKS_HOW_MANY.search(question) is not None and bool(numbers(unit.text))


def _terms(text: str) -> set[str]:
    return content_words(text) | {str(number) for number in numbers(text)} | codes(text)


def _escaped(match: re.Match[str]) -> str:
    """A passage's own `[12]` is no citation of ours."""
    return rf"\[{match.group(1)}\]"
