"""The one door to retrieval: the chat, the preview, the API and the evaluation all call `search`."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from accounts.models import User
from collections_app import access
from collections_app.models import Collection
from config.errors import ErrorCode, VerbatimError
from documents.embedding import catalogue
from documents.retrieval import dense, fusion, gate, lexical, passages, questions, scope, titles
from documents.retrieval.passages import ChunkRow
from documents.retrieval.types import Passage, SearchResult

MAX_TOP_K = 50
CANDIDATES = 40  # per leg, more when top_k asks for more
NEAREST_DOCUMENTS = 5

T = TypeVar("T")


def search(
    *,
    user: User,
    collection: Collection,
    query: str,
    top_k: int | None = None,
    session_id: UUID | None = None,
    rewritten: str | None = None,
    similarity_threshold: float | None = None,
) -> SearchResult:
    """The passages of a collection that answer a question best, as this user may see them.

    Args:
        user: who asks; access is checked here, and again inside the SQL.
        collection: what to search.
        query: the question as asked.
        top_k: how many passages at most, 1 to 50; the collection's own setting when None.
        session_id: also search the files that this user uploaded into this chat.
        rewritten: what to search for instead of `query`, e.g. a follow-up made complete.
        similarity_threshold: instead of the collection's own, to see what another would do.

    Returns:
        Passages past the gate, best first; see `SearchResult`. Nothing at all for an empty scope.

    Raises:
        VerbatimError: NOT_FOUND when the user may not use the collection, MESSAGE_EMPTY for an empty
            query, VALIDATION_ERROR for a top_k out of range.
    """
    collection = _looked_up(user, collection.pk, similarity_threshold)
    wanted = collection.top_k if top_k is None else top_k
    if not 1 <= wanted <= MAX_TOP_K:
        raise VerbatimError(
            ErrorCode.VALIDATION_ERROR, details={"top_k": [f"Choose a number from 1 to {MAX_TOP_K}."]}
        )
    text = clean(query if rewritten is None else rewritten)
    if not text:
        raise VerbatimError(ErrorCode.MESSAGE_EMPTY)
    clock = _Clock()
    while True:
        model, language = collection.embedding_model, collection.text_search_config
        vector = clock.timed("embed", functools.partial(questions.vector, model, text))
        bounds = scope.Scope(collection.pk, user.pk, session_id, model)
        with transaction.atomic(), connection.cursor() as cursor:
            run = _Run(cursor, bounds, collection, text, vector, wanted, clock)
            found = run.passages()
        same = access.visible_to(user).filter(embedding_model=model, text_search_config=language)
        if same.filter(pk=collection.pk).exists():
            break  # else a rebuild came to its end meanwhile: with its model and language then
        collection = _looked_up(user, collection.pk, similarity_threshold)
    return SearchResult(
        query=query,
        rewritten=text if rewritten is not None else query,
        passages=found,
        passed=bool(found),
        nearest=tuple(run.nearest),
        trace=run.trace,
        took_ms=clock.total(),
    )


def embed_ahead(collection: Collection, query: str) -> None:
    """Begin to embed a question that `search` is about to be called with, as it is, by another thread."""
    questions.begin(collection.embedding_model, clean(query))


def clean(text: str) -> str:
    """The question without what PostgreSQL refuses (NUL, lone surrogates) and without outer blanks."""
    return text.replace("\x00", " ").encode("utf-8", "replace").decode("utf-8").strip()


def _looked_up(user: User, collection_id: int, similarity_threshold: float | None) -> Collection:
    """The collection as it is now, with the threshold that is tried instead of its own."""
    collection = access.get_for(user, collection_id)
    if similarity_threshold is not None:
        collection.similarity_threshold = similarity_threshold
    return collection


class _Clock:
    """Milliseconds per step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._start = time.perf_counter()

    def timed(self, step: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = work()
        self.steps[step] = round((time.perf_counter() - start) * 1000, 2)
        return result

    def total(self) -> float:
        return round((time.perf_counter() - self._start) * 1000, 2)


@dataclass
class _Run:
    """One search, step by step, within one transaction."""

    cursor: CursorWrapper
    bounds: scope.Scope
    collection: Collection
    text: str
    vector: Any
    top_k: int
    clock: _Clock
    nearest: list[dict[str, Any]] = field(default_factory=list)
    trace: dict[str, Any] = field(default_factory=dict)

    def passages(self) -> tuple[Passage, ...]:
        """Both legs, fusion, gate, room for several documents, neighbours; fills `nearest` and `trace`."""
        size = self.clock.timed("scope", lambda: scope.measure(self.cursor, self.bounds))
        self.trace |= {"documents": size.documents, "chunks": size.chunks, "ms": self.clock.steps}
        if not size.documents:
            return ()
        limit = max(CANDIDATES, 2 * self.top_k)
        near, method = self.clock.timed(
            "dense",
            lambda: dense.find(self.cursor, self.bounds, self.vector, limit=limit, size=size),
        )
        config = self.collection.text_search_config
        terms = self.clock.timed("terms", lambda: lexical.question_terms(self.cursor, self.text, config))
        leg = self.clock.timed(
            "lexical",
            lambda: lexical.find(
                self.cursor,
                self.bounds,
                terms,
                limit=limit,
                size=size,
                also=[hit.chunk_id for hit in near],
            ),
        )
        boosts = self.clock.timed("titles", lambda: self._title_boosts(size, terms))
        self.trace |= {"dense_method": method, "terms": leg.frequency}
        rows = self.clock.timed(
            "rows",
            lambda: passages.rows(
                self.cursor,
                self.bounds,
                sorted({hit.chunk_id for hit in near} | {hit.chunk_id for hit in leg.hits}),
                self.vector,
            ),
        )
        self.trace["rare_terms"] = sorted(gate.rare_terms(leg.frequency, size.chunks))
        known = catalogue.understands(self.bounds.embedding_model, config, self.text)
        weight = fusion.DENSE_WEIGHT if known else fusion.FOREIGN_WEIGHT
        self.trace["dense_weight"] = weight
        ordered = _fused(near, leg, rows, boosts, weight)
        self.nearest = _nearest(rows)
        chosen = self._choose(ordered, rows, leg, understood=known)
        texts = self.clock.timed(
            "texts",
            lambda: passages.texts(self.cursor, [rows[one.chunk_id] for one in chosen]),
        )
        return tuple(
            _passage(one, rows[one.chunk_id], texts[one.chunk_id]) for one in chosen if one.chunk_id in texts
        )

    def _title_boosts(self, size: scope.ScopeSize, terms: list[str]) -> dict[int, float]:
        config = self.collection.text_search_config
        known = titles.title_words(self.cursor, self.bounds, size, config)
        if len(known) < 2:
            return {}
        return fusion.title_boosts(titles.question_words(self.cursor, self.text, terms, config), known)

    def _choose(
        self,
        ordered: list[fusion.Candidate],
        rows: dict[int, ChunkRow],
        leg: lexical.LexicalLeg,
        *,
        understood: bool,
    ) -> list[fusion.Candidate]:
        threshold = self.collection.similarity_threshold
        near = {one.chunk_id: _nearness(one, leg, understood) for one in ordered}
        rare, terms = frozenset(self.trace["rare_terms"]), frozenset(leg.frequency)
        passing = [
            one
            for one in ordered
            if gate.passes(
                near=near[one.chunk_id], threshold=threshold, held=one.terms, rare=rare, terms=terms
            )
        ]
        # none is cut while a worse one stays; and the best one that passes by itself always has a place
        past = ordered[: ordered.index(passing[-1]) + 1] if passing else []
        choice = fusion.choose(past, self.top_k, sure=passing[0] if passing else None)
        through = {one.chunk_id for one in past}
        kept = {one.chunk_id for one in choice.chosen}

        def cut(chunk_id: int) -> str:
            if chunk_id in kept:
                return ""
            if chunk_id not in through:
                return "below_threshold"
            if chunk_id in choice.other_pages:
                return "page_share"
            return "document_share" if chunk_id in choice.other_documents else "beyond_top_k"

        self.trace |= {
            "threshold": threshold,
            "understood": understood,
            "top_k": self.top_k,
            "candidates": [
                {
                    "chunk_id": one.chunk_id,
                    "document_id": one.document_id,
                    "document_name": rows[one.chunk_id].document_name,
                    **passages.place(rows[one.chunk_id]),
                    "similarity": round(one.similarity, 4),
                    "near": round(near[one.chunk_id], 4),
                    "dense_rank": one.dense_rank,
                    "lexical_rank": one.lexical_rank,
                    "lexical_score": one.lexical_score and round(one.lexical_score, 4),
                    "title_boost": round(one.title_boost, 5),
                    "document_boost": round(one.document_boost, 5),
                    "score": round(one.score, 6),
                    "cut": cut(one.chunk_id),
                }
                for one in ordered
            ],
        }
        return choice.chosen


def _nearness(one: fusion.Candidate, leg: lexical.LexicalLeg, understood: bool) -> float:
    words = fusion.words_share(one.lexical_score, leg.ceiling)
    return gate.nearness(
        one.similarity, words, leg.share_of(one.terms, with_absent=True), understood=understood
    )


def _fused(
    near: list[dense.DenseHit],
    leg: lexical.LexicalLeg,
    rows: dict[int, ChunkRow],
    boosts: dict[int, float],
    weight: float,
) -> list[fusion.Candidate]:
    dense_ranks = {hit.chunk_id: rank for rank, hit in enumerate(near, start=1)}
    by_words = {hit.chunk_id: hit for hit in leg.hits}
    whole = fusion.document_boosts(
        ((rows[hit.chunk_id].document_id, hit.terms) for hit in leg.hits if hit.chunk_id in rows), leg
    )
    candidates = []
    for chunk_id, row in rows.items():
        hit = by_words.get(chunk_id)
        score = hit.score if hit else None
        title, document = boosts.get(row.document_id, 0.0), whole.get(row.document_id, 0.0)
        candidates.append(
            fusion.Candidate(
                chunk_id=chunk_id,
                document_id=row.document_id,
                page=row.page_from,
                similarity=row.similarity,
                dense_rank=dense_ranks.get(chunk_id),
                lexical_rank=hit.rank if hit else None,
                lexical_score=score,
                terms=hit.terms if hit else frozenset(),
                title_boost=title,
                document_boost=document,
                score=fusion.fused_score(row.similarity, score, leg.ceiling, title + document, weight),
            )
        )
    return fusion.in_order(candidates)


def _nearest(rows: dict[int, ChunkRow]) -> list[dict[str, Any]]:
    """The documents whose best candidate is nearest to the question."""
    best: dict[int, ChunkRow] = {}
    for row in sorted(rows.values(), key=lambda row: (-row.similarity, row.id)):
        best.setdefault(row.document_id, row)
    return [
        {
            "document_id": row.document_id,
            "document_name": row.document_name,
            "similarity_score": round(row.similarity, 4),
        }
        for row in list(best.values())[:NEAREST_DOCUMENTS]
    ]


def _passage(one: fusion.Candidate, row: ChunkRow, texts: passages.Texts) -> Passage:
    return Passage(
        chunk_id=row.id,
        document_id=row.document_id,
        document_name=row.document_name,
        content=texts.content,
        similarity_score=row.similarity,
        score=one.score,
        before=texts.before,
        after=texts.after,
        dense_rank=one.dense_rank,
        lexical_rank=one.lexical_rank,
        lexical_score=one.lexical_score,
        title_boost=one.title_boost,
        document_boost=one.document_boost,
        char_start=row.char_start,
        char_end=row.char_end,
        **passages.place(row),
    )
