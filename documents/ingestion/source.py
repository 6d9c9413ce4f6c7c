"""What a build reads: the document's own bytes, or newer ones that take their place when it is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documents.ingestion import storage
from documents.models import Document


@dataclass(frozen=True)
class Source:
    """A stored file under the name that people know it by; `stored_name` is empty when it was not kept."""

    name: str
    media_type: str
    size: int
    sha256: str
    stored_name: str

    @property
    def path(self) -> Path:
        """Where the bytes lie."""
        return storage.path_of(self.stored_name)

    @property
    def is_there(self) -> bool:
        """Whether the bytes can be read."""
        return bool(self.stored_name) and self.path.exists()


def source_of(document: Document) -> Source:
    """The bytes that the document's build in work reads (or its next one would)."""
    if document.next_source:
        newer = {key: value for key, value in document.next_source.items() if key != "uploaded_by"}
        return Source(**newer)
    return own_source(document)


def own_source(document: Document) -> Source:
    """The bytes that the document is served from."""
    return Source(document.name, document.media_type, document.size, document.sha256, document.stored_name)


def facts_of(document: Document) -> dict[str, Any]:
    """What splitting found for the build in work: title, page_count, row_count, reading, warnings."""
    return document.build_facts or {
        "title": document.title,
        "page_count": document.page_count,
        "row_count": document.row_count,
        "reading": document.reading,
        "warnings": document.warnings,
    }
