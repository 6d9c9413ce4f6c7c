"""How fast a file becomes passages: `python bench/ingest.py [file …]`.

Each file goes twice through the real pipeline into the product's own PostgreSQL: once in this process with
every step timed, once (another database row, no cached vector) through a real Celery worker, from upload to
completed. The default is one company report of the shared corpora. Writes bench/results/ingest.json.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.harness import start  # noqa: E402

REPORT = ROOT.parent / "shared/corpora/pdfqa/company-reports/pdfs/BOEING_2018_10K.pdf"
RESULTS = Path(__file__).resolve().parent / "results" / "ingest.json"


def main() -> None:
    """Run both ways and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("files", nargs="*", type=Path, default=[REPORT])
    files = arguments.parse_args().files
    with start() as folder:
        results = {
            "cores": os.cpu_count(),
            "one_process": {file.name: in_process(file) for file in files},
            "worker": with_worker(files, folder),
        }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


def upload(file: Path, name: str) -> Any:
    """A queued document of the file, in a model of its own."""
    from django.core.files import File

    from bench.data import person
    from documents.services import document_upload

    user, collection = person(name)
    with file.open("rb") as opened:
        return document_upload(actor=user, collection=collection, file=File(opened, name=file.name))


def in_process(file: Path) -> dict[str, Any]:
    """Split and do every part here, one after the other, on all cores."""
    from documents.embedding.registry import get_embedder
    from documents.ingestion.part import part_process
    from documents.ingestion.split import document_split

    get_embedder().embed(["warm up"])
    document = upload(file, f"here-{file.name}"[:100])
    began = time.perf_counter()
    waiting = document_split(document_id=document.pk)
    split = time.perf_counter() - began
    while waiting:
        waiting += part_process(part_id=waiting.pop(0))
    seconds = time.perf_counter() - began
    return facts(document, seconds) | {"seconds_to_split": round(split, 3)}


def with_worker(files: list[Path], folder: Path) -> dict[str, Any]:
    """From upload to completed through Celery; the vectors of the first run are forgotten."""
    from django.core.cache import cache

    from config.api.health import WORKER_HEARTBEAT_KEY
    from documents.models import UNFINISHED, EmbeddingCache

    EmbeddingCache.objects.all().delete()
    with (folder / "logs" / "worker.log").open("w") as log:
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--loglevel", "WARNING"]
        worker = subprocess.Popen(command, cwd=ROOT, env=os.environ.copy(), stdout=log, stderr=log)
    try:
        while cache.get(WORKER_HEARTBEAT_KEY) is None:
            time.sleep(0.1)
        found = {}
        for file in files:
            document = upload(file, f"worker-{file.name}"[:100])
            began = time.perf_counter()
            while document.status in UNFINISHED:
                time.sleep(0.05)
                document.refresh_from_db()
            found[file.name] = facts(document, time.perf_counter() - began)
        return found
    finally:
        worker.terminate()
        worker.wait(30)


def facts(document: Any, seconds: float) -> dict[str, Any]:
    """The document's size and the speeds that follow."""
    document.refresh_from_db()
    steps: dict[str, float] = {}
    for part in document.parts.all():
        for step, milliseconds in part.milliseconds.items():
            steps[step] = round(steps.get(step, 0) + milliseconds / 1000, 3)
    return {
        "status": document.status,
        "seconds": round(seconds, 2),
        "pages": document.page_count,
        "rows": document.row_count,
        "chunks": document.chunk_count,
        "tokens": document.token_count,
        "tokens_per_second": round(document.token_count / seconds),
        "seconds_per_step": steps,  # summed over parts: with several processes more than the time that passed
        "pages_per_second": round(document.page_count / seconds, 1) if document.page_count else None,
    }


if __name__ == "__main__":
    main()
