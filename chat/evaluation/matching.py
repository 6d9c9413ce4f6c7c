"""Whether a found passage is at the place that a test question expects. Pure.

All that the question names must hold:

- the document: by id, or where that is gone by its name (letters' case and folders before it do not matter);
- the page: within the passage's pages;
- the text: one text stands in the other word for word (case, spacing, punctuation and Unicode's
  compatibility forms aside), or at least OVERLAP of the expected words, repeats counted, are in the passage,
  and as large a share of those with digits (25 days are not 5 days).
  A passage that stands in the expected text must have MIN_INSIDE words: a heading alone proves nothing.
  Fewer than MIN_OVERLAP expected words must be there word for word.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from documents.retrieval.types import Passage

OVERLAP = 0.6
MIN_OVERLAP = 5
MIN_INSIDE = 8
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@dataclass(frozen=True)
class Place:
    """Where an answer stands; what is empty is not asked for. An id wins over a name."""

    document_id: int | None = None
    document_name: str = ""
    page: int | None = None
    passage: str = ""


def first_ranks(ranking: Sequence[Passage], places: Sequence[Place]) -> list[int | None]:
    """Per place the rank, from 1, of the first passage there; None where none is."""
    return [
        next((rank for rank, passage in enumerate(ranking, 1) if fits(passage, place)), None)
        for place in places
    ]


def fits(passage: Passage, expected: Place) -> bool:
    """Whether the passage is at the expected place; False for an expectation that names nothing."""
    if not (expected.document_id or expected.document_name or expected.page or expected.passage):
        return False
    return (
        _same_document(passage, expected)
        and _on_page(passage, expected.page)
        and (not expected.passage or holds(passage.content, expected.passage))
    )


def holds(content: str, expected: str) -> bool:
    """Whether a passage's text holds the expected one; see the module's rules."""
    have, want = words(content), words(expected)
    if not want:
        return False
    if _within(want, have) or (len(have) >= MIN_INSIDE and _within(have, want)):
        return True
    figures = [word for word in want if any(char.isdigit() for char in word)]
    return len(want) >= MIN_OVERLAP and _share(want, have) >= OVERLAP and _share(figures, have) >= OVERLAP


def same_name(name: str, other: str) -> bool:
    """Whether two names of documents mean the same one; folders count only where both have some."""
    one, two = name_key(name), name_key(other)
    return one == two or (("/" not in one or "/" not in two) and base(one) == base(two))


def name_key(name: str) -> str:
    """A document's name for comparing."""
    return unicodedata.normalize("NFKC", name).strip().replace("\\", "/").casefold()


def base(name: str) -> str:
    """A name without its folders."""
    return name.rsplit("/", 1)[-1]


def words(text: str) -> list[str]:
    """The words of a text for comparing: compatibility forms unified, lower case, CJK by character."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _same_document(passage: Passage, expected: Place) -> bool:
    if expected.document_id is not None:
        return passage.document_id == expected.document_id
    return not expected.document_name or same_name(passage.document_name, expected.document_name)


def _on_page(passage: Passage, page: int | None) -> bool:
    if page is None:
        return True
    return passage.page is not None and passage.page <= page <= (passage.page_to or passage.page)


def _share(want: list[str], have: list[str]) -> float:
    return sum((Counter(want) & Counter(have)).values()) / len(want) if want else 1.0


def _within(inner: list[str], outer: list[str]) -> bool:
    return f" {' '.join(inner)} " in f" {' '.join(outer)} "
