"""Finding one's own chats by words, codes and names, in any language, while the last word is being typed.

The text vectors are those of the documents without a language (ADR 0010): no endings are cut, words are found
without their accents too, codes also joined, and scripts without blanks by pairs of characters.
"""

import re
import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.contrib.postgres.search import SearchQueryField
from django.db import connection
from django.db.models import BooleanField, Case, F, Func, Model, Q, QuerySet, Value, When
from django.db.models.functions import Cast

from chat.models import ChatSession, Message
from chat.text import storable
from documents.retrieval.lexical import quoted, spellings, unsigned

M = TypeVar("M", bound=Model)

MAX_CHARS = 200
MAX_WORDS = 12
CODE = re.compile(r"\d|\w[_/.:@\\]\w")
EDGES = " \t.,;:!?()[]{}<>|*\"'„“”‘’«»`~#+-–—"
WITHIN = re.compile(r"[-–—'’/&+,.;:!?()\[\]{}\"„“”«»|*#`~\\_@<>=]+")


@dataclass(frozen=True)
class Word:
    """One of the words that are looked for.

    Attributes:
        forms: its lexemes; a text holds it when it holds all of them, or `either` one.
        joined: spellings of the whole that suffice as well (`ab1234` for `AB-1234`).
    """

    text: str
    forms: tuple[str, ...]
    joined: tuple[str, ...] = ()
    either: bool = False
    typing: bool = False

    def as_query(self) -> str:
        """PostgreSQL's tsquery."""
        suffix = ":*" if self.typing else ""
        parts = [
            "(" + " | ".join(quoted(sign) + suffix for sign in _signs(form)) + ")" for form in self.forms
        ]
        whole = (" | " if self.either else " & ").join(parts)
        others = [quoted(one) + suffix for one in self.joined]
        return "(" + " | ".join([f"({whole})", *others] if whole else others) + ")"


@dataclass(frozen=True)
class WordQuery:
    """What is looked for: every word, the last one as far as it is typed. Empty: nothing can be found."""

    words: tuple[Word, ...] = ()
    phrase: str = ""

    def as_query(self) -> str:
        """PostgreSQL's tsquery."""
        return " & ".join(word.as_query() for word in self.words)


class _Holds(Func):
    """`vector @@ query`."""

    template = "(%(expressions)s)"
    arg_joiner = " @@ "
    output_field = BooleanField()


def holds(vector: str, query: str) -> _Holds:
    """A condition: whether the vector of this name matches a tsquery."""
    return _Holds(F(vector), Cast(Value(query), SearchQueryField()))


def read_query(text: str) -> WordQuery:
    """What a reader typed, as words. Asks the database for their lexemes, once."""
    typed = " ".join(storable(text)[:MAX_CHARS].split())
    pieces = _pieces(typed)
    if not pieces:
        return WordQuery()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT verbatim_terms('simple', word) FROM unnest(%s::text[]) WITH ORDINALITY AS w(word, n)"
            " ORDER BY n",
            [pieces],
        )
        terms = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT phraseto_tsquery('simple', %s)::text", [typed])
        phrase = cursor.fetchone()[0]
    found = [(piece, lexemes) for piece, lexemes in zip(pieces, terms, strict=True) if lexemes]
    words = tuple(
        _word(piece, lexemes, typing=position == len(found))
        for position, (piece, lexemes) in enumerate(found, 1)
    )
    return WordQuery(words, f"{phrase}:*" if len(words) > 1 and phrase else "")


def sessions_matching(
    sessions: QuerySet[ChatSession], messages: QuerySet[Message], query: WordQuery
) -> QuerySet[ChatSession]:
    """The sessions whose title holds the words, or one of whose messages does; the best first.

    Title before words in sequence before words; the last used first within each.

    Args:
        sessions, messages: what the reader may see.
    """
    if not query.words:
        return sessions.none()
    wanted = query.as_query()
    titled = Q(holds("title_vector", wanted))
    in_text = Q(pk__in=messages.filter(holds("search_vector", wanted)).order_by().values("session_id"))
    ranks = [When(titled, then=3)]
    if query.phrase:
        in_sequence = messages.filter(holds("search_vector", wanted), holds("search_vector", query.phrase))
        ranks.append(When(Q(pk__in=in_sequence.order_by().values("session_id")), then=2))
    return (
        sessions.filter(titled | in_text)
        .annotate(relevance=Case(*ranks, default=1))
        .order_by("-relevance", "-updated_at", "id")
    )


def messages_matching(messages: QuerySet[Message], query: WordQuery) -> QuerySet[Message]:
    """The messages that hold all words."""
    return messages.filter(holds("search_vector", query.as_query())) if query.words else messages.none()


def best_messages(
    messages: QuerySet[Message], query: WordQuery, session_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, Message]:
    """Session -> its message that fits best: with the words in sequence, else the newest. One query."""
    if not query.words:
        return {}
    found = messages_matching(messages, query).filter(session_id__in=list(session_ids))
    in_sequence = (
        Case(When(holds("search_vector", query.phrase), then=0), default=1) if query.phrase else Value(0)
    )
    best = (
        found.annotate(sequence=in_sequence).order_by("session_id", "sequence", "-id").distinct("session_id")
    )
    return {message.session_id: message for message in best}


def _pieces(text: str) -> list[str]:
    """The words of a query; codes and file names stay whole, others are parted as PostgreSQL parts them."""
    pieces: list[str] = []
    for raw in text.split():
        word = raw.strip(EDGES)
        pieces += [word] if CODE.search(word) else [part for part in WITHIN.split(word) if part]
    return pieces[:MAX_WORDS]


def _word(text: str, lexemes: list[str], *, typing: bool) -> Word:
    if CODE.search(text):
        joined = spellings(lexemes)
        rest = tuple(dict.fromkeys(unsigned(one) for one in lexemes if unsigned(one) not in joined))
        return Word(text, rest, tuple(sorted(joined)), typing=typing)
    plain = unicodedata.normalize("NFD", text.lower())
    has_accents = any(unicodedata.combining(char) for char in plain) or any(
        char in plain for char in "ßæœøłđı"
    )
    return Word(text, tuple(lexemes), either=has_accents, typing=typing)


def _signs(form: str) -> tuple[str, ...]:
    """PostgreSQL stores the number of `AB-1234` as `-1234`."""
    return (form, f"-{form}") if form.isdigit() else (form,)
