"""Many files at once: each is taken or refused by itself, and the answer names every one."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accounts.models import User
from collections_app import access
from collections_app.models import Collection
from config.errors import VerbatimError
from documents import services
from documents.models import Document
from documents.parsing.clean import clean_name
from documents.uploads import archive


@dataclass
class Bulk:
    """What became of each file."""

    documents: list[Document] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def add(self, document: Document) -> None:
        """Note a document; two files with the same bytes are one."""
        if all(document.pk != known.pk for known in self.documents):
            self.documents.append(document)

    def refuse(self, name: str, error: VerbatimError) -> None:
        """Note a file that was not taken, and why."""
        self.refused.append(
            {
                "name": clean_name(name),
                "code": str(error.code),
                "message": error.message,
                "next_step": error.next_step,
            }
        )


def documents_keep(
    *,
    actor: User,
    collection: Collection,
    arrivals: Iterable[archive.Unpacked],
    same_name: str,
    into: Bulk | None = None,
) -> Bulk:
    """Make a document of every stored file. One that is refused stops none of the others.

    Args:
        arrivals: (name with folders, stored file or why there is none).
        same_name: see `documents.models.SameName`.
        into: goes on with an earlier result.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; what `arrivals` raises about all of them.
    """
    bulk = into or Bulk()
    access.get_managed(actor, collection.pk)
    for name, arrived in arrivals:
        if isinstance(arrived, VerbatimError):
            bulk.refuse(name, arrived)
            continue
        try:
            document = services.document_keep(
                actor=actor, collection=collection, name=name, stored=arrived, same_name=same_name
            )
        except VerbatimError as error:
            bulk.refuse(name, error)
        else:
            bulk.add(document)
    return bulk


def zip_keep(
    *, actor: User, collection: Collection, path: Path, same_name: str, into: Bulk | None = None
) -> Bulk:
    """Make a document of every file in a zip.

    Raises:
        VerbatimError: NOT_FOUND, PERMISSION_DENIED; ZIP_UNREADABLE, ZIP_EMPTY, ZIP_TOO_LARGE for the zip as a
            whole. What is wrong with one file in it stands in the result.
    """
    arrivals = archive.unpack(path)
    return documents_keep(
        actor=actor, collection=collection, arrivals=arrivals, same_name=same_name, into=into
    )
