"""The words of the documents' names and titles, kept in the process while the documents stay the same."""

import re
from collections import OrderedDict
from dataclasses import replace
from itertools import pairwise
from threading import Lock

from django.db.backends.utils import CursorWrapper

from documents.retrieval.scope import VISIBLE_DOCUMENTS, Scope, ScopeSize, measure

MAX_DOCUMENTS = 10_000  # above it reading all titles again after each upload would cost more than it gives
MAX_SCOPES = 64

WORD = re.compile(r"[^\W_]+")
LETTERS_OR_DIGITS = re.compile(r"[^\W\d_]+|\d+")
# The same in PostgreSQL: where a digit follows a letter, or a letter a digit.
PARTED = r"regexp_replace({}, '(?<=[[:alpha:]])(?=\d)|(?<=\d)(?=[[:alpha:]])', ' ', 'g')"

Titles = dict[int, frozenset[str]]
_kept: OrderedDict[tuple[Scope, str], tuple[ScopeSize, Titles]] = OrderedDict()
_lock = Lock()


def title_words(cursor: CursorWrapper, scope: Scope, size: ScopeSize, config: str) -> Titles:
    """Document id -> lexemes of its folders, file name (without the suffix) and title; empty above
    MAX_DOCUMENTS. What is written with letters and digits together (`2024Q2`) counts in its parts too.

    Args:
        cursor: a database cursor.
        scope: whose documents.
        size: of the scope; a change of it makes us read the titles again.
        config: the text search configuration that the question's terms were made with.
    """
    if size.documents > MAX_DOCUMENTS:
        return {}
    shared = replace(scope, user_id=0, session_id=None)
    if not size.uploads:
        return _shared(cursor, shared, size, config)
    titles = _shared(cursor, shared, measure(cursor, shared), config)
    return titles | _read(cursor, scope, config, "AND d.session_id IS NOT NULL")


def _shared(cursor: CursorWrapper, scope: Scope, size: ScopeSize, config: str) -> Titles:
    """The titles of a model's own documents, read once for all users and chats."""
    key = (scope, config)
    with _lock:
        known = _kept.get(key)
        if known and known[0] == size:
            _kept.move_to_end(key)
            return known[1]
    titles = _read(cursor, scope, config)
    with _lock:
        _kept[key] = (size, titles)
        while len(_kept) > MAX_SCOPES:
            _kept.popitem(last=False)
    return titles


def _read(cursor: CursorWrapper, scope: Scope, config: str, condition: str = "") -> Titles:
    cursor.execute(
        rf"""SELECT d.id, tsvector_to_array(verbatim_lexemes(%(config)s::regconfig, d.title, concat_ws(' ',
                    d.words, {PARTED.format("d.words")}, {PARTED.format("d.title")})))
               FROM (SELECT d.id, d.title,
                            translate(regexp_replace(d.name, '\.\w{{1,8}}$', ''), '_-./', '    ') AS words
                       FROM {VISIBLE_DOCUMENTS} {condition}) AS d""",  # noqa: S608
        scope.params | {"config": config},
    )
    return {document_id: frozenset(words) for document_id, words in cursor.fetchall()}


def question_words(cursor: CursorWrapper, text: str, terms: list[str], config: str) -> list[str]:
    """The question's terms, and those that only titles hold, as people name files.

    `FY2022` also means 2022, and `Best Buy` bestbuy: file names often have no blank where language has one.

    Args:
        cursor: a database cursor.
        text: the question.
        terms: from `lexical.question_terms`.
        config: as for `title_words`.
    """
    words = WORD.findall(text)
    parts = [found for word in words for found in LETTERS_OR_DIGITS.findall(word) if found != word]
    joined = [first + second for first, second in pairwise(words)]
    cursor.execute(
        "SELECT lexeme FROM unnest(to_tsvector(%s::regconfig, %s))",
        [config, " ".join(dict.fromkeys([*(part for part in parts if len(part) > 1), *joined]))],
    )
    return sorted({*terms, *(lexeme for (lexeme,) in cursor.fetchall())})
