"""What a test question may say, and which document it means: the same for the form, the API and a file."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from chat.evaluation.matching import base, name_key

MAX_QUESTIONS = 2000  # per model
MAX_PASSAGE_CHARS = 4000
MAX_NAME_CHARS = 255
MAX_PAGE = 1_000_000

NO_EXPECTATION = "Say where the answer stands (document, or text of the passage), or that it stands nowhere."
SAYS_BOTH = "A question that the documents do not answer has no document, page or passage."


@dataclass(frozen=True)
class Wanted:
    """A test question as somebody gives it. `document_name` alone is enough; the id wins where both are."""

    question: str
    answerable: bool = True
    document_id: int | None = None
    document_name: str = ""
    page: int | None = None
    passage: str = ""


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


def wrong(wanted: Wanted, documents: Documents, *, known_only: bool) -> dict[str, list[str]]:
    """What is not right about it, by field; empty when all is well.

    Args:
        known_only: a document that the model does not have is an error too.
    """
    found: dict[str, list[str]] = {}
    text = wanted.question.strip()
    if not text:
        found["question"] = ["Write the question."]
    elif len(text) > settings.MAX_MESSAGE_CHARS:
        found["question"] = [f"A question has at most {settings.MAX_MESSAGE_CHARS} characters."]
    if len(wanted.passage) > MAX_PASSAGE_CHARS:
        found["passage"] = [f"The passage has at most {MAX_PASSAGE_CHARS} characters."]
    if len(wanted.document_name) > MAX_NAME_CHARS:
        found["document_name"] = [f"A document's name has at most {MAX_NAME_CHARS} characters."]
    names_place = wanted.document_id or wanted.document_name.strip()
    if not wanted.answerable:
        if names_place or wanted.page or wanted.passage.strip():
            found["answerable"] = [SAYS_BOTH]
        return found
    if not names_place and not wanted.passage.strip():
        found["passage" if wanted.page is None else "document_name"] = [NO_EXPECTATION]
    if "document_name" not in found:
        found |= _wrong_place(wanted, documents, known_only=known_only)
    return found


def _wrong_place(wanted: Wanted, documents: Documents, *, known_only: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    candidates: list[Known] = []
    if wanted.document_id is not None:
        known = documents.by_id(wanted.document_id)
        candidates = [known] if known else []
        if known is None:
            found["document_id"] = ["The model has no such document."]
    elif wanted.document_name.strip():
        candidates = documents.named(wanted.document_name)
        if not candidates and known_only:
            found["document_name"] = ["The model has no document of this name."]
    if wanted.page is not None:
        pages = [one.page_count for one in candidates]
        if not 1 <= wanted.page <= MAX_PAGE:
            found["page"] = ["Pages count from 1."]
        elif pages and all(count is not None and count < wanted.page for count in pages):
            found["page"] = [f"The document has {pages[0]} pages."]
    return found
