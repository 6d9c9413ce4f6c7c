"""The words of the documents' names and titles, kept in the process while the documents stay the same."""

from collections import OrderedDict
from threading import Lock

from django.db.backends.utils import CursorWrapper

from documents.retrieval.scope import VISIBLE_DOCUMENTS, Scope, ScopeSize

MAX_DOCUMENTS = 10_000  # above it reading all titles again after each upload would cost more than it gives
MAX_SCOPES = 64

Titles = dict[int, frozenset[str]]
_kept: OrderedDict[tuple[Scope, str], tuple[ScopeSize, Titles]] = OrderedDict()
_lock = Lock()


def title_words(cursor: CursorWrapper, scope: Scope, size: ScopeSize, config: str) -> Titles:
    """Document id -> lexemes of its folders, file name (without the suffix) and title; empty above
    MAX_DOCUMENTS.

    Args:
        cursor: a database cursor.
        scope: whose documents.
        size: of the scope; a change of it makes us read the titles again.
        config: the text search configuration that the question's terms were made with.
    """
    if size.documents > MAX_DOCUMENTS:
        return {}
    key = (scope, config)
    with _lock:
        known = _kept.get(key)
        if known and known[0] == size:
            _kept.move_to_end(key)
            return known[1]
    cursor.execute(
        rf"""SELECT d.id, tsvector_to_array(verbatim_lexemes(%(config)s::regconfig,
                    translate(regexp_replace(d.name, '\.\w{{1,8}}$', ''), '_-./', '    '), d.title))
               FROM {VISIBLE_DOCUMENTS}""",  # noqa: S608
        scope.params | {"config": config},
    )
    titles = {document_id: frozenset(words) for document_id, words in cursor.fetchall()}
    with _lock:
        _kept[key] = (size, titles)
        while len(_kept) > MAX_SCOPES:
            _kept.popitem(last=False)
    return titles
