"""`manage.py ingest PATH... --model NAME`: files, folders and zip files of this machine become documents."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from collections_app.commands import WRONG_USE, named_actor, named_collection
from collections_app.models import Collection
from config.errors import VerbatimError
from documents import services
from documents.models import UNFINISHED, Document, SameName
from documents.parsing.clean import clean_name
from documents.uploads import paths
from documents.uploads.watch import watch

NOT_ALL_WELL = 1


class Command(BaseCommand):
    """One line per file says what became of it."""

    help = (
        "Make documents of files, folders and zip files of this machine. Run it again whenever files have "
        "changed: the same bytes are not read twice. Exit code: 0 all well, 1 something was refused or "
        "failed, 2 wrong use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, folders, zip files")
        parser.add_argument("--model", required=True, metavar="NAME|ID", help="whose documents they become")
        parser.add_argument(
            "--as", dest="email", metavar="EMAIL", help="who uploads; else the first superadmin"
        )
        parser.add_argument(
            "--same-name",
            choices=SameName.values,
            default=SameName.REPLACE,
            help="for changed bytes under a name that is there: replace (the default, right for running it "
            "again and again; the old version serves until the new one is ready), keep both, or refuse. "
            "The same bytes are skipped in any case",
        )
        parser.add_argument("--wait", action="store_true", help="until all are read, with progress")
        parser.add_argument("--json", action="store_true", help="one JSON object at the end, no lines")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = named_actor(options["email"])
        collection = named_collection(actor, options["model"])
        if missing := [str(path) for path in options["paths"] if not path.exists()]:
            raise CommandError(f"There is no {', '.join(missing)}.", returncode=WRONG_USE)
        self.quiet = options["json"]
        self.refused: list[dict[str, str]] = []
        self.documents: dict[int, tuple[Document, str]] = {}
        self._take(actor, collection, options["paths"], options["same_name"])
        self._say(self._summary(collection))
        if options["wait"]:
            self._wait()
        if options["json"]:
            self.stdout.write(json.dumps(self._as_json(collection), ensure_ascii=False))
        failed = [one for one, _ in self.documents.values() if one.status in ("failed", "cancelled")]
        if self.refused or failed:
            raise CommandError(f"{len(self.refused)} refused, {len(failed)} failed.", returncode=NOT_ALL_WELL)

    def _take(self, actor: User, collection: Collection, given: list[Path], same_name: str) -> None:
        seen: set[str] = set()
        for found in paths.files_under(given):
            for name, arrived in paths.arrivals(found):
                shown = clean_name(name)
                if isinstance(arrived, Exception):
                    self._refuse(shown, arrived)
                    continue
                try:
                    document = services.document_keep(
                        actor=actor,
                        collection=collection,
                        name=name,
                        stored=arrived,
                        # two files of one name in this call are two files, not versions of one
                        same_name=SameName.KEEP if shown in seen else same_name,
                    )
                except VerbatimError as error:
                    self._refuse(shown, error)
                else:
                    outcome = _outcome(document)
                    self.documents[document.pk] = document, outcome
                    self._say(f"{outcome:<14} {shown}  (document {document.pk})")
                seen.add(shown)

    def _refuse(self, name: str, error: Exception) -> None:
        if isinstance(error, VerbatimError):
            code, message, next_step = str(error.code), error.message, error.next_step
        else:
            code, message, next_step = "unreadable", f"It cannot be read here: {error}.", "Check its rights."
        self.refused.append({"name": name, "code": code, "message": message, "next_step": next_step})
        self._say(f"{'refused':<14} {name}: {message} {next_step}")

    def _wait(self) -> None:
        waiting = [pk for pk, (one, _) in self.documents.items() if one.status in UNFINISHED]
        for document in watch(waiting, self.stderr):
            self.documents[document.pk] = document, str(document.status)
            if document.error_code:
                text = f"{document.error_message} {document.error_next_step}"
            else:
                text = f"{document.chunk_count} passage{'' if document.chunk_count == 1 else 's'}"
                text += "".join(f"; {warning['message']}" for warning in document.warnings)
            self._say(f"{document.status:<14} {document.name}: {text}")

    def _summary(self, collection: Collection) -> str:
        outcomes = [outcome for _, outcome in self.documents.values()]
        counts = [f"{outcomes.count(kind)} {kind}" for kind in dict.fromkeys(outcomes)]
        if self.refused:
            counts.append(f"{len(self.refused)} refused")
        return f"{collection.name}: {', '.join(counts) or 'no files found'}."

    def _as_json(self, collection: Collection) -> dict[str, Any]:
        return {
            "model": {"id": collection.pk, "name": collection.name},
            "documents": [
                {
                    "id": document.pk,
                    "name": document.name,
                    "outcome": outcome,
                    "status": document.status,
                    "chunks": document.chunk_count,
                    "error": {
                        "code": document.error_code,
                        "message": document.error_message,
                        "next_step": document.error_next_step,
                    }
                    if document.error_code
                    else None,
                }
                for document, outcome in self.documents.values()
            ],
            "refused": self.refused,
        }

    def _say(self, line: str) -> None:
        if not self.quiet:
            self.stdout.write(line)


def _outcome(document: Document) -> str:
    if document.status not in UNFINISHED:
        return "already there"
    return "new version" if document.next_source else "queued"
