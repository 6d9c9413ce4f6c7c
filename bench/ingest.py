"""How fast files become passages: `python bench/ingest.py [file …]`.

The same files go through the real pipeline into the product's own PostgreSQL: in one process with every step
timed, and through real Celery workers from upload to completed (one with one process, one with two, two with
one each, and one with two that cut where the topic changes), every time in a model of its own and without
cached vectors. The largest file alone follows, by one worker and by two, and a generated table. Beside that,
in the same run: the machine's roofline (bench/roofline.py, before and after), where the embedding model's
time goes (bench/operations.py), the obvious pipeline (bench/obvious.py). The default is 253 pages of company
reports. Writes bench/results/ingest.json and ingest.md.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import ingest_report, obvious, operations, roofline  # noqa: E402
from bench.harness import start  # noqa: E402

REPORTS = ROOT.parent / "shared/corpora/pdfqa/company-reports/pdfs"
DEFAULT = [REPORTS / name for name in ("NIKE_2018_10K.pdf", "AMAZON_2019_10K.pdf", "NETFLIX_2017_10K.pdf")]
RESULTS = Path(__file__).resolve().parent / "results"
RIVAL = 4.2  # pages per second of Open WebUI 0.12.4 from pip on such a machine, 253 pages of 10-Ks
ROWS = 30_000
WAYS = {  # (workers, processes of each, strategy)
    "1 worker, 1 process": (1, 1, "recursive"),
    "1 worker, 2 processes (as shipped)": (1, 2, "recursive"),
    "2 workers, 1 process each": (2, 1, "recursive"),
    "1 worker, 2 processes, semantic cutting": (1, 2, "semantic"),
}


def main() -> None:
    """Run all ways and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("files", nargs="*", type=Path, default=DEFAULT)
    arguments.add_argument("--without-obvious", action="store_true")
    chosen = arguments.parse_args()
    files = chosen.files
    with start() as folder:
        results: dict[str, Any] = {"cores": os.cpu_count(), "files": [file.name for file in files]}
        rooflines = [roofline.tokens_per_second()]
        results["ways"] = {"in one process, step by step": in_process(files)}
        for name, way in WAYS.items():
            results["ways"][name] = with_workers(files, folder, *way)
        largest = [max(files, key=lambda file: file.stat().st_size)]
        results["one_document"] = {
            name: with_workers(largest, folder, workers, 1, "recursive")
            for name, workers in {"1 worker, 1 process": 1, "2 workers, 1 process each": 2}.items()
        }
        results["table"] = with_workers([table(folder)], folder, 1, 2, "recursive")
        results["operations"] = operations.milliseconds()
        rooflines.append(roofline.tokens_per_second())
        if not chosen.without_obvious:
            results["obvious"] = obvious.run([file for file in files if file.suffix == ".pdf"])
        results["roofline_tokens_per_second"] = [round(one) for one in rooflines]
    results["ratios"] = ratios(results, sum(rooflines) / len(rooflines))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ingest.json").write_text(json.dumps(results, indent=2) + "\n")
    (RESULTS / "ingest.md").write_text(ingest_report.page(results))
    print(ingest_report.page(results))


def ratios(results: dict[str, Any], best: float) -> dict[str, dict[str, float]]:
    """What the targets speak of, per way."""
    found: dict[str, dict[str, float]] = {}
    for name, way in results["ways"].items():
        found[name] = {"of the roofline": round(way["tokens_per_second"] / best, 2)}
        if way["pages"]:
            found[name]["times Open WebUI"] = round(way["pages_per_second"] / RIVAL, 1)
        if "obvious" in results:
            found[name]["times the obvious pipeline"] = round(
                results["obvious"]["seconds"] / way["seconds"], 1
            )
    return found


def table(folder: Path) -> Path:
    """A table of ROWS rows, the same each time."""
    dice, path = random.Random(1), folder / "orders.csv"
    goods = ("anchor", "rope", "lantern", "chart", "compass", "sail", "oar", "buoy")
    with path.open("w") as file:
        file.write("order,customer,harbour,goods,pieces,crowns,paid\n")
        for number in range(ROWS):
            file.write(f"{number:06d},customer {dice.randrange(900)},harbour {dice.randrange(40)},")
            file.write(f"{dice.choice(goods)},{dice.randrange(1, 50)},{dice.random() * 900:.2f},")
            file.write(f"{dice.choice(('yes', 'no'))}\n")
    return path


def upload(file: Path, name: str, strategy: str = "recursive") -> Any:
    """A queued document of the file, in a model of its own that cuts so."""
    from django.core.files import File

    from bench.data import person
    from documents.services import document_upload

    user, collection = person(f"{name}-{file.name}"[:100], chunk_strategy=strategy)
    with file.open("rb") as opened:
        return document_upload(actor=user, collection=collection, file=File(opened, name=file.name))


def in_process(files: list[Path]) -> dict[str, Any]:
    """Split and do every part here, one after the other, on all cores."""
    from documents.embedding.registry import get_embedder
    from documents.ingestion.part import part_process
    from documents.ingestion.split import document_split

    get_embedder().embed(["warm up " * length for length in range(1, 120, 4)])
    forget()
    documents = [upload(file, "here") for file in files]
    began, split = time.perf_counter(), 0.0
    for document in documents:
        at = time.perf_counter()
        waiting = document_split(document_id=document.pk)
        split += time.perf_counter() - at
        while waiting:
            waiting += part_process(part_id=waiting.pop(0))
    return facts(documents, time.perf_counter() - began) | {"seconds_to_split": round(split, 3)}


def with_workers(
    files: list[Path], folder: Path, workers: int, processes: int, strategy: str
) -> dict[str, Any]:
    """From upload to completed through Celery, all files at once, after a small file that warms them."""
    from django.core.cache import cache

    from config.api.health import WORKER_HEARTBEAT_KEY

    forget()
    cache.delete(WORKER_HEARTBEAT_KEY)
    environment = os.environ | {"WORKER_CONCURRENCY": str(processes)}
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--loglevel", "WARNING", "-n"]
    with (folder / "logs" / "worker.log").open("a") as log:
        running = [
            subprocess.Popen([*command, f"w{n}@bench"], cwd=ROOT, env=environment, stdout=log, stderr=log)
            for n in range(workers)
        ]
    memory = Peak([worker.pid for worker in running])
    try:
        while cache.get(WORKER_HEARTBEAT_KEY) is None:
            time.sleep(0.1)
        name = f"{workers}x{processes}-{strategy}-{len(files)}-{files[0].stem}"
        for number in range(4):
            path = folder / f"warm-{name}-{number}.txt"
            path.write_text("\n".join(f"Line {n} of {name} {number} warms the model." for n in range(6000)))
            settled([upload(path, name)])
        documents = [upload(file, name, strategy) for file in files]
        began, busy = time.perf_counter(), cpu_seconds()
        settled(documents)
        seconds = time.perf_counter() - began
        cores = round((cpu_seconds() - busy) / seconds, 2)
        return facts(documents, seconds) | {"cores_busy": cores, "peak_mb": memory.end()}
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            worker.wait(60)


def cpu_seconds() -> float:
    """What all cores of the machine have worked so far."""
    import psutil

    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


class Peak:
    """The most resident memory of any one process of some families, sampled."""

    def __init__(self, pids: list[int]) -> None:
        self._pids, self._most, self._ended = pids, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """In MB."""
        self._ended.set()
        self._thread.join()
        return self._most // 1024**2

    def _watch(self) -> None:
        import psutil

        while not self._ended.wait(0.2):
            for pid in self._pids:
                try:
                    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                    self._most = max(self._most, *(one.memory_info().rss for one in family))
                except psutil.NoSuchProcess:
                    continue


def settled(documents: list[Any]) -> None:
    """Wait for their final states."""
    from documents.models import UNFINISHED

    while any(document.status in UNFINISHED for document in documents):
        time.sleep(0.05)
        for document in documents:
            document.refresh_from_db()


def forget() -> None:
    """Nothing is in the cache of vectors."""
    from documents.models import EmbeddingCache

    EmbeddingCache.objects.all().delete()


def facts(documents: list[Any], seconds: float) -> dict[str, Any]:
    """The documents' size and the speeds that follow."""
    steps: dict[str, float] = {}
    for document in documents:
        document.refresh_from_db()
        for part in document.parts.all():
            for step, milliseconds in part.milliseconds.items():
                steps[step] = round(steps.get(step, 0) + milliseconds / 1000, 3)
    tokens = sum(document.token_count for document in documents)
    pages = sum(document.page_count or 0 for document in documents)
    rows = sum(document.row_count or 0 for document in documents)
    return {
        "status": sorted({str(document.status) for document in documents}),
        "seconds": round(seconds, 2),
        "pages": pages,
        "rows": rows,
        "chunks": sum(document.chunk_count for document in documents),
        "tokens": tokens,
        "tokens_per_second": round(tokens / seconds),
        "pages_per_second": round(pages / seconds, 1),
        "rows_per_second": round(rows / seconds, 1),
        "seconds_per_step": steps,  # summed over parts: with several processes more than the time that passed
    }


if __name__ == "__main__":
    main()
