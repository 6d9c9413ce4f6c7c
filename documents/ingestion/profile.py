"""A table's description: what its parts found, brought together by its last part and written as passages."""

from typing import Any

from documents.models import DocumentPart
from documents.parsing.base import Block, Reading
from documents.parsing.profile import merge
from documents.parsing.profile_text import passages

SECTION = "About the whole table"
AT_ONCE = 10  # partial descriptions in memory


def table_profile(part: DocumentPart, name: str, reading: dict[str, Any]) -> Reading:
    """The passages about the whole table, one block each; offsets count in all of them together.

    Args:
        part: the gathering one; all others of its generation are done.
        name: the file's.
        reading: how the file was read (`Structure.reading`).
    """
    merged: dict[str, Any] | None = None
    parts = DocumentPart.objects.filter(document_id=part.document_id, generation=part.generation)
    parts = parts.exclude(profile=None).order_by("index")
    for (profile,) in parts.values_list("profile").iterator(chunk_size=AT_ONCE):
        merged = merge(merged, profile or {})
    if merged is None:
        return Reading(blocks=())
    table = name.rsplit("/", 1)[-1]
    blocks, at = [], 0
    for text in passages(merged, table=table, columns=reading["columns"], preamble=reading["preamble"]):
        blocks.append(Block(text, start=at, section=SECTION))
        at += len(text) + 1
    return Reading(blocks=tuple(blocks))


def drop_partial(document_id: int, generation: int) -> None:
    """Forget the partial descriptions of a finished build."""
    rows = DocumentPart.objects.filter(document_id=document_id, generation=generation)
    rows.exclude(profile=None).update(profile=None)
