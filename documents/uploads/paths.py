"""Files and folders of this machine, for `manage.py ingest`: what is in them, as names and stored files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.files import File

from config.errors import VerbatimError
from documents.ingestion import storage
from documents.uploads import archive
from documents.uploads.names import is_rubbish, is_zip

Arrival = tuple[str, storage.Stored | VerbatimError | OSError]


@dataclass(frozen=True)
class Found:
    """A file on this machine, and what it is called in Verbatim."""

    path: Path
    name: str
    given: bool  # named on the command line, not found in a folder


def files_under(paths: list[Path]) -> Iterator[Found]:
    """The files, folders with all that is in them, in the order of their names.

    Hidden files and what systems leave behind are left out, and so are links that lead out of the folder.
    A file in a folder is called by its way from there: `ingest reports` makes "2019/annual.pdf".
    """
    for path in paths:
        if not path.is_dir():
            yield Found(path, path.name, True)
            continue
        root = path.resolve()
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not is_rubbish(name))
            for name in sorted(names):
                file = Path(folder, name)
                if not is_rubbish(name) and file.is_file() and file.resolve().is_relative_to(root):
                    yield Found(file, file.relative_to(root).as_posix(), False)


def arrivals(found: Found) -> Iterator[Arrival]:
    """The file as (name, stored copy or why there is none); of a zip, every file in it.

    A zip is like a folder: what is in one that was found in a folder is called by the zip's name too. The
    originals are copied, never linked: whoever edits them later must not change what was read.
    """
    try:
        with found.path.open("rb") as opened:
            if not is_zip(found.name, opened.read(4)):
                opened.seek(0)
                yield found.name, storage.store(File(opened, name=found.name))
                return
        before = "" if found.given else found.name[: -len(".zip")] + "/"
        for name, stored in archive.unpack(found.path):
            yield before + name, stored
    except (VerbatimError, OSError) as error:
        yield found.name, error
