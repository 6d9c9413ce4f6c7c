"""Hints about documents, for whoever watches the collection."""

from config import events


def document_changed(*, collection_id: int, document_id: int) -> None:
    """Tell, after the commit, that the document's row looks different now (or is gone)."""
    events.publish(events.collection_group(collection_id), "document.changed", document_id=document_id)
