"""What becomes of hard files: `python bench/corpora.py [pdf csv txt]`.

Every file of those folders of ../shared/corpora goes through the real ingestion (upload, split, parts,
finalise) into the product's own PostgreSQL, and what came of it is set beside its manifest. Writes
bench/results/corpora.md.
"""

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import expected  # noqa: E402
from bench.harness import start  # noqa: E402
from documents.parsing import ocr  # noqa: E402

CORPORA = ROOT.parent / "shared" / "corpora"
RESULTS = Path(__file__).resolve().parent / "results" / "corpora.md"
FOLDERS = ("pdf", "csv", "txt")


def main() -> None:
    """Run the folders that were asked for and write one table each."""
    folders = sys.argv[1:] or list(FOLDERS)
    with start():
        tables = [table(folder) for folder in folders]
    recognition = "installed" if ocr.available() else "not installed"
    head = f"# Hard files, and what became of them\n\nText recognition: {recognition}.\n\n"
    RESULTS.write_text(head + "\n".join(tables), encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


def table(folder: str) -> str:
    """One folder's outcomes as Markdown."""
    from bench.data import person

    user, collection = person(f"corpora-{folder}")
    rows, outcomes = [], Counter[str]()
    with (CORPORA / folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        manifest = list(csv.DictReader(file))
    for entry in manifest:
        path = CORPORA / folder / entry["file"]
        if not path.exists():
            continue
        found = ingest(path, user, collection)
        differences = DIFFERENCES[folder](entry, found)
        agrees = "yes" if not differences else "explained" if all(why for _, why in differences) else "NO"
        outcomes[agrees] += 1
        told = "; ".join(f"{what} ({why or 'unexplained'})" for what, why in differences)
        outcome = found.get("error") or "completed"
        cells = (entry["file"], outcome, str(found["chunks"]), ", ".join(found["warnings"]), agrees, told)
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    head = f"## {folder}: {len(rows)} files, {dict(outcomes)}\n\n"
    head += "| file | outcome | chunks | warnings | as its manifest says | differences |\n"
    head += "|---|---|---:|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def ingest(path: Path, user: Any, collection: Any) -> dict[str, Any]:
    """The facts of one file, every part done in this process."""
    from django.core.files import File

    from config.errors import VerbatimError
    from documents.ingestion.part import part_process
    from documents.ingestion.split import document_split
    from documents.services import document_upload

    nothing: dict[str, Any] = {"path": str(path), "chunks": 0, "warnings": []}
    try:
        with path.open("rb") as file:
            document = document_upload(actor=user, collection=collection, file=File(file, name=path.name))
    except VerbatimError as error:
        return nothing | {"error": str(error.code)}
    waiting = document_split(document_id=document.pk)
    while waiting:
        waiting += part_process(part_id=waiting.pop(0))
    document.refresh_from_db()
    facts = nothing | {
        "chunks": document.chunk_count,
        "warnings": [warning["code"] for warning in document.warnings],
        "media_type": document.media_type,
        "reading": document.reading,
        "row_count": document.row_count,
        "page_count": document.page_count,
        "characters": _characters(document),
    }
    return facts | ({"error": document.error_code} if document.error_code else {})


def _characters(document: Any) -> int:
    """Characters but blanks that its chunks cover."""
    covered: dict[tuple[int, int | None], set[int]] = {}
    for chunk in document.chunks.all():
        place = covered.setdefault((chunk.part_index, chunk.page_from), set())
        place |= {chunk.char_start + at for at, letter in enumerate(chunk.content) if not letter.isspace()}
    return sum(len(places) for places in covered.values())


DIFFERENCES = {
    "pdf": expected.pdf_differences,
    "csv": expected.table_differences,
    "txt": expected.text_differences,
}


if __name__ == "__main__":
    main()
