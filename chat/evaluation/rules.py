"""What a test question may say, and which document it means: the same for the form, the API and a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from chat.evaluation.matching import Place, base, name_key

MAX_QUESTIONS = 2000  # per model
MAX_PLACES = 20  # per question
MAX_PASSAGE_CHARS = 4000
MAX_NAME_CHARS = 255
MAX_PAGE = 1_000_000

NO_EXPECTATION = "Say where the answer stands (document, or text of the passage), or that it stands nowhere."
SAYS_BOTH = "A question that the documents do not answer has no document, page or passage."
TOO_MANY_PLACES = f"A question has at most {MAX_PLACES} places."


@dataclass(frozen=True)
class Wanted:
    """A test question as somebody gives it. Each of its places holds the answer; none for an unanswerable."""

    question: str
    answerable: bool = True
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Known:
    """A document of the model."""

    id: int
    name: str
    page_count: int | None = None


class Documents:
    """The documents of a model, to be found by id or name."""

    def __init__(self, documents: Iterable[Known]) -> None:
        self._by_id = {document.id: document for document in documents}
        self._by_name: dict[str, list[Known]] = {}
        self._by_base: dict[str, list[Known]] = {}
        for document in self._by_id.values():
            key = name_key(document.name)
            self._by_name.setdefault(key, []).append(document)
            self._by_base.setdefault(base(key), []).append(document)

    def by_id(self, document_id: int) -> Known | None:
        """The document of that id."""
        return self._by_id.get(document_id)

    def named(self, name: str) -> list[Known]:
        """All documents that this name may mean: of the whole name, else of the name without folders."""
        key = name_key(name)
        return self._by_name.get(key) or ([] if "/" in key else self._by_base.get(key, []))


def wrong(
    wanted: Wanted, documents: Documents, *, known_only: bool, names_kept: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """What is not right about it, by field; empty when all is well.

    Args:
        known_only: a document that the model does not have is an error too.
        names_kept: of documents for which it is none.

    Returns:
        Sentences by field; under `places` either sentences, or by the place's index (from 0) its own fields.
    """
    found: dict[str, Any] = {}
    text = wanted.question.strip()
    if not text:
        found["question"] = ["Write the question."]
    elif len(text) > settings.MAX_MESSAGE_CHARS:
        found["question"] = [f"A question has at most {settings.MAX_MESSAGE_CHARS} characters."]
    if not wanted.answerable:
        if wanted.places:
            found["answerable"] = [SAYS_BOTH]
    elif not wanted.places:
        found["places"] = [NO_EXPECTATION]
    elif len(wanted.places) > MAX_PLACES:
        found["places"] = [TOO_MANY_PLACES]
    else:
        by_place = {
            str(at): _wrong_place(
                place, documents, known_only=known_only and place.document_name not in names_kept
            )
            for at, place in enumerate(wanted.places)
        }
        if any(by_place.values()):
            found["places"] = {at: wrong_there for at, wrong_there in by_place.items() if wrong_there}
    return found


def sentences_of(details: Any) -> list[str]:
    """What `wrong` found, without the fields."""
    if isinstance(details, str):
        return [details]
    parts = details.values() if isinstance(details, dict) else details
    return [sentence for part in parts for sentence in sentences_of(part)]


def _wrong_place(place: Place, documents: Documents, *, known_only: bool) -> dict[str, list[str]]:
    """What is not right about one place, by field."""
    if not (place.document_id or place.document_name.strip() or place.passage.strip()):
        return {"passage" if place.page is None else "document_name": [NO_EXPECTATION]}
    found: dict[str, list[str]] = {}
    if len(place.passage) > MAX_PASSAGE_CHARS:
        found["passage"] = [f"The passage has at most {MAX_PASSAGE_CHARS} characters."]
    candidates: list[Known] = []
    if place.document_id is not None:
        known = documents.by_id(place.document_id)
        candidates = [known] if known else []
        if known is None:
            found["document_id"] = ["This document is not one of the model's own."]
    elif len(place.document_name) > MAX_NAME_CHARS:
        found["document_name"] = [f"A document's name has at most {MAX_NAME_CHARS} characters."]
    elif place.document_name.strip():
        candidates = documents.named(place.document_name)
        if not candidates and known_only:
            found["document_name"] = ["The model has no document of this name."]
    return found | _wrong_page(place.page, candidates)


def _wrong_page(page: int | None, candidates: list[Known]) -> dict[str, list[str]]:
    if page is None:
        return {}
    counts = [one.page_count for one in candidates]
    if not 1 <= page <= MAX_PAGE:
        return {"page": ["Pages count from 1."]}
    if counts and all(count is not None and count < page for count in counts):
        return {"page": [f"The document has {counts[0]} pages."]}
    return {}
