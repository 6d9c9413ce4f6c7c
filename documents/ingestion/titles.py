"""What a document is called in front of its chunks."""

import re

from documents.models import Document

EXTENSION = re.compile(r"\.(pdf|csv|tsv|txt|text|md|markdown|log)$", re.IGNORECASE)
MAX_TITLE = 120


def display_title(document: Document) -> str:
    """The file's name as words, and the file's own title where it adds something."""
    stem = re.sub(r"[_\s]+", " ", EXTENSION.sub("", document.name)).strip()
    title = document.title.strip()
    if not title or title.lower() in stem.lower():
        return stem[:MAX_TITLE]
    if stem.lower() in title.lower():
        return title[:MAX_TITLE]
    return f"{stem} — {title}"[:MAX_TITLE]
