"""The lexical leg: BM25 over PostgreSQL's full text vectors, without a table of our own.

Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). The rarest terms of
the question find candidates; all of its terms rank them. How rare a term is comes from the table's
statistics where it is frequent, and from counting its rows where it is not.
"""

import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.backends.utils import CursorWrapper

from documents.retrieval.scope import LIVE_DOCUMENT, Scope, ScopeSize

K1, B = 1.2, 0.75
MAX_TERMS = 48  # of the question; a longer one keeps its rarest
MAX_CANDIDATE_TERMS = 16
# Rows that the candidates' terms may match together. The terms beyond it are so frequent that they only rank.
CANDIDATE_ROWS = 4_000
RANKED_ROWS = 200  # of the candidates, those with the greatest sum of idf are ranked exactly
STATISTICS_SECONDS = 60.0

_statistics: tuple[float, dict[str, float]] = (0.0, {})


@dataclass(frozen=True)
class LexicalHit:
    """A chunk, its BM25 score, which of the question's terms it holds, and its rank from 1.

    `rank` is None for a chunk that only the other leg found: its score is the same, but others that were
    not looked at may lie between.
    """

    chunk_id: int
    score: float
    terms: frozenset[str]
    rank: int | None


@dataclass(frozen=True)
class LexicalLeg:
    """What the leg found.

    Attributes:
        hits: best first, ties by id; those of the other leg that hold none of the terms are missing.
        frequency: term -> the number of visible chunks that hold it, for every term of the question but
            spellings that none holds; an estimate for the frequent ones.
        weights: term (`unsigned`) -> its idf, for every term that any visible chunk holds.
        absent: the idf of the terms that none holds, together.
    """

    hits: list[LexicalHit] = field(default_factory=list)
    frequency: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    absent: float = 0.0

    @property
    def ceiling(self) -> float:
        """What BM25 comes near to where a chunk holds all the terms that any chunk holds, very often."""
        return (K1 + 1) * sum(self.weights.values())

    def share_of(self, terms: Iterable[str], *, with_absent: bool = False) -> float:
        """How much of the question's weight these of its terms have, from 0 to 1.

        Args:
            with_absent: of all its terms, not only of those that any chunk holds.
        """
        total = sum(self.weights.values()) + (self.absent if with_absent else 0.0)
        held = {unsigned(term) for term in terms} & self.weights.keys()
        return sum(self.weights[term] for term in sorted(held)) / total if total else 0.0


def question_terms(cursor: CursorWrapper, text: str, config: str) -> list[str]:
    """The lexemes of a text, made as those of the chunks are: see documents/migrations/0006_lexemes.py.

    PostgreSQL stores a number after a hyphen as signed (`AB-1234` -> `ab`, `-1234`): both forms are searched.
    """
    cursor.execute("SELECT verbatim_terms(%s::regconfig, %s)", [config, text])
    terms: list[str] = cursor.fetchone()[0]
    numbers = {unsigned(term) for term in terms if unsigned(term).isdigit()}
    return sorted({*terms, *numbers, *(f"-{number}" for number in numbers)})


def unsigned(term: str) -> str:
    """A term without the hyphen that made a negative number of it."""
    return term[1:] if term.startswith("-") else term


def spellings(terms: Iterable[str]) -> frozenset[str]:
    """The terms that others of them make up, as `ab` and `1234` do `ab1234`: not words of their own."""
    parts = {unsigned(term) for term in terms}
    return frozenset(
        term for term in parts if is_code(term) and not term.isdigit() and _is_made_of(term, parts - {term})
    )


def _is_made_of(term: str, parts: set[str]) -> bool:
    reached = [0]
    for end in range(1, len(term) + 1):
        if any(term[start:end] in parts for start in reached):
            reached.append(end)
    return reached[-1] == len(term)


def is_code(term: str) -> bool:
    """Whether a term is a number or an identifier, which embeddings hardly see."""
    return any(character.isdigit() for character in term)


def find(
    cursor: CursorWrapper,
    scope: Scope,
    terms: list[str],
    *,
    limit: int,
    size: ScopeSize,
    also: Sequence[int] = (),
) -> LexicalLeg:
    """The best visible chunks by BM25.

    Args:
        cursor: a database cursor.
        scope: what may be seen; part of the SQL, before ranking.
        terms: from `question_terms`.
        limit: how many.
        size: of the scope.
        also: visible chunks that the other leg found: they get a score too.
    """
    if not terms or not size.chunks:
        return LexicalLeg()
    known = _frequent_terms(cursor)
    estimate = {term: known.get(term, 0.0) * size.chunks for term in terms}
    ranked = sorted(terms, key=lambda term: (estimate[term], term))[:MAX_TERMS]
    finding = _candidate_terms(ranked, estimate)
    cursor.execute(
        _statement(scope, len(finding)),
        scope.params
        | {f"q{i}": quoted(term) for i, term in enumerate(finding)}
        | {
            "terms": ranked,
            "queries": [quoted(term) for term in ranked],
            "estimates": [estimate[term] for term in ranked],
            "total": size.chunks,
            "mean": size.mean_tokens,
            "rows": RANKED_ROWS,
            "limit": limit,
            "also": list(also),
        },
    )
    rows = cursor.fetchall()
    frequency = estimate | dict.fromkeys(finding, 0.0)
    if rows and rows[0][4]:
        frequency |= {ranked[int(ord_)]: count for ord_, count in json.loads(rows[0][4]).items()}
    for term in spellings(terms):
        if not frequency[term]:  # the documents spell it otherwise
            del frequency[term]
    return LexicalLeg(
        [
            LexicalHit(chunk_id, float(score), frozenset(held), rank if rank <= limit else None)
            for chunk_id, score, held, rank, _ in rows
        ],
        frequency,
        weights := _weights(frequency, ranked, size.chunks),
        len({unsigned(term) for term in ranked if term in frequency} - weights.keys()) * _idf(0, size.chunks),
    )


def _weights(frequency: dict[str, float], terms: list[str], chunks: int) -> dict[str, float]:
    weights: dict[str, float] = {}
    for term in terms:
        if count := frequency.get(term, 0.0):
            weights[unsigned(term)] = max(_idf(count, chunks), weights.get(unsigned(term), 0.0))
    return weights


def _idf(count: float, chunks: int) -> float:
    return math.log(1 + max(chunks - count + 0.5, 0.5) / (count + 0.5))


def quoted(term: str) -> str:
    """A lexeme as the text of a tsquery, taken literally."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"


def _candidate_terms(ranked: list[str], estimate: dict[str, float]) -> list[str]:
    """The rarest terms, as many as stay within CANDIDATE_ROWS; always at least one."""
    chosen: list[str] = []
    rows = 0.0
    for term in ranked[:MAX_CANDIDATE_TERMS]:
        rows += estimate[term]
        if chosen and rows > CANDIDATE_ROWS:
            break
        chosen.append(term)
    return chosen


def _statement(scope: Scope, finding: int) -> str:
    """One statement: rows per rare term -> idf -> the most promising rows -> BM25 of all terms on those.

    Each rare term is its own subquery with a literal query, so that the planner knows how many rows it
    matches and takes the GIN index for it; no text vector is read before the last step. There the question's
    terms get a weight of their own, and the vector is cut down to these before it becomes rows: most of the
    time went into lexemes that nobody asked for. Only a lexeme without positions has to be looked up.
    """
    found = " UNION ALL ".join(
        f"SELECT {i} AS ord, c.id, c.token_count, c.document_id, c.generation, c.session_id"  # noqa: S608
        f" FROM documents_chunk c WHERE {scope.chunk_condition} AND c.search_vector @@ %(q{i})s::tsquery"
        for i in range(finding)
    )
    return f"""
    WITH pair AS MATERIALIZED (SELECT c.ord, c.id, c.token_count FROM ({found}) c {LIVE_DOCUMENT}),
    counted AS (SELECT ord, count(*)::float8 AS n FROM pair GROUP BY ord),
    term AS MATERIALIZED (
      SELECT t.ord::int - 1 AS ord, t.lexeme, t.query::tsquery AS query,
             ln(1 + greatest(%(total)s - f.n + 0.5, 0.5) / (f.n + 0.5)) AS idf
        FROM unnest(%(terms)s::text[], %(queries)s::text[], %(estimates)s::float8[])
             WITH ORDINALITY AS t(lexeme, query, estimate, ord)
        LEFT JOIN counted ON counted.ord = t.ord - 1
        CROSS JOIN LATERAL (SELECT coalesce(counted.n, t.estimate)) AS f(n)),
    promising AS MATERIALIZED (
      SELECT pair.id, pair.token_count FROM pair JOIN term USING (ord)
       GROUP BY pair.id, pair.token_count ORDER BY sum(term.idf) DESC, pair.token_count, pair.id
       LIMIT %(rows)s),
    looked_at AS (
      SELECT * FROM promising UNION
      SELECT c.id, c.token_count FROM documents_chunk c WHERE c.id = ANY(%(also)s)),
    ranked AS (
    SELECT p.id, s.score, s.held,
           row_number() OVER (ORDER BY round(s.score::numeric, 9) DESC, p.id) AS rank
      FROM looked_at p JOIN documents_chunk c ON c.id = p.id
      CROSS JOIN LATERAL (
        SELECT setweight(c.search_vector, 'A', %(terms)s::text[]) OFFSET 0) AS own(vector)
      CROSS JOIN LATERAL (
        SELECT sum(term.idf * tf.n * ({K1} + 1)
                   / (tf.n + {K1} * (1 - {B} + {B} * p.token_count / %(mean)s))) AS score,
               array_agg(term.lexeme) AS held
          FROM term LEFT JOIN unnest(ts_filter(own.vector, '{{a}}')) AS u(lexeme, positions, weights)
               ON u.lexeme = term.lexeme
          CROSS JOIN LATERAL (SELECT coalesce(array_length(u.positions, 1), 1)::float8) AS tf(n)
         WHERE u.lexeme IS NOT NULL OR own.vector @@ term.query) AS s
     WHERE s.score IS NOT NULL)
    SELECT id, score, held, rank, (SELECT jsonb_object_agg(ord, n) FROM counted)
      FROM ranked WHERE rank <= %(limit)s OR id = ANY(%(also)s) ORDER BY rank"""  # noqa: S608


def _frequent_terms(cursor: CursorWrapper) -> dict[str, float]:
    """Lexeme -> share of all chunks, for the most frequent ones, as ANALYZE saw them; kept for a minute.

    Empty until the table has been analysed: then every term is counted.
    """
    global _statistics
    read_at, shares = _statistics
    if time.monotonic() - read_at < STATISTICS_SECONDS and shares:
        return shares
    cursor.execute(
        "SELECT e.lexeme, e.share FROM pg_stats s CROSS JOIN LATERAL"
        " unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS e(lexeme, share)"
        " WHERE s.schemaname = current_schema() AND s.tablename = 'documents_chunk'"
        " AND s.attname = 'search_vector' AND e.lexeme IS NOT NULL"
    )
    shares = dict(cursor.fetchall())
    _statistics = (time.monotonic(), shares)
    return shares


def forget_statistics() -> None:
    """Read the table's statistics anew at the next question."""
    global _statistics
    _statistics = (0.0, {})
