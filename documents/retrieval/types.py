"""What retrieval returns. Frozen: a result may be shared, stored and compared."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Passage:
    """One ranked chunk, with everything that a citation, a prompt and a trace need.

    Attributes:
        content: the chunk's text, word for word as in its source.
        before, after: neighbouring text for the LLM to read (never cited).
        similarity_score: cosine similarity of question and chunk, -1..1.
        dense_rank, lexical_rank: from 1 within each leg; None where that leg did not find it.
        score: the fused score that orders passages.
        rows, lines: [from, to], both from 1 and included.
        char_start, char_end: as the chunk's (see `documents.models.Chunk`); None for a computed passage.
    """

    chunk_id: int
    document_id: int
    document_name: str
    content: str
    similarity_score: float
    score: float
    section: str = ""
    before: str = ""
    after: str = ""
    page: int | None = None
    page_to: int | None = None
    rows: tuple[int, int] | None = None
    lines: tuple[int, int] | None = None
    char_start: int | None = None
    char_end: int | None = None
    dense_rank: int | None = None
    lexical_rank: int | None = None
    lexical_score: float | None = None
    title_boost: float = 0.0
    document_boost: float = 0.0

    def as_source(self, marker: int) -> dict[str, Any]:
        """The contract's source object; `supported` is filled in when the answer is checked."""
        return {
            "marker": marker,
            "document_id": self.document_id,
            "document_name": self.document_name,
            "chunk_id": self.chunk_id,
            "chunk_content": self.content,
            "section": self.section,
            "page": self.page,
            "page_to": self.page_to,
            "rows": list(self.rows) if self.rows else None,
            "lines": list(self.lines) if self.lines else None,
            "similarity_score": round(self.similarity_score, 4),
            "supported": None,
        }


@dataclass(frozen=True)
class SearchResult:
    """The answer of the one door.

    Attributes:
        query: as asked.
        rewritten: what was searched for (the same unless a caller condensed a follow-up).
        passages: best first, at most top_k, all past the gate.
        passed: whether the gate lets an answer be written from them; False means refuse in strict mode.
        nearest: [{document_id, document_name, similarity_score}] for an honest refusal, best first.
        trace: JSON-able: candidates with both ranks and scores, what was cut and why, ms per step.
    """

    query: str
    rewritten: str
    passages: tuple[Passage, ...]
    passed: bool
    nearest: tuple[dict[str, Any], ...] = ()
    trace: dict[str, Any] = field(default_factory=dict)
    took_ms: float = 0.0
