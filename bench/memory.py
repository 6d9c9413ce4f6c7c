"""What a huge table costs in memory: `python bench/memory.py [--mb 1000] [--embedder fake] [--minutes 60]`.

A table of that size is made, sent over HTTP to the real web server and read by a real worker with two
processes. The most resident memory of any process of the web server and of the worker (its readers included)
is sampled until the document is completed or the minutes are over. With `--embedder openvino` it takes hours;
the first minutes tell. Writes bench/results/memory-<embedder>.json.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.harness import start  # noqa: E402
from bench.ingest import Peak  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results"
PORT = 8797
WORDS = ("harbour", "ledger", "copper", "winter", "branch", "signal", "garden", "theory", "window", "river")
COLUMNS = "id,date,customer,city,product,quantity,price,discount,total,currency,status,note"


def main() -> None:
    """Run it and write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--mb", type=int, default=1000)
    arguments.add_argument("--embedder", choices=("fake", "openvino"), default="fake")
    arguments.add_argument("--minutes", type=float, default=60)
    chosen = arguments.parse_args()
    os.environ |= {
        "EMBEDDING_BACKEND": chosen.embedder,
        "MAX_FILE_SIZE_MB": "1024",
        "WORKER_CONCURRENCY": "2",
    }
    with start() as folder:
        table = folder / "sales.csv"
        rows = generate(table, chosen.mb * 1000**2)
        result = {"mb": chosen.mb, "rows": rows, "embedder": chosen.embedder}
        result |= measure(table, folder, chosen.minutes * 60)
    path = RESULTS / f"memory-{chosen.embedder}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(path.read_text())


def generate(path: Path, size: int) -> int:
    """Write a table of about `size` bytes; returns its rows."""
    dice, rows = random.Random(7), 0
    with path.open("w", encoding="utf-8") as file:
        file.write(COLUMNS + "\n")
        while file.tell() < size:
            for _ in range(2000):
                rows += 1
                quantity, price = dice.randrange(1, 50), dice.randrange(100, 99_999) / 100
                words = " ".join(dice.choices(WORDS, k=6))
                day = f"20{dice.randrange(10, 25)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
                file.write(
                    f"{rows},{day},{dice.choice(WORDS).title()} & Co {dice.randrange(5000)},"
                    f"{dice.choice(WORDS).title()},{dice.choice(WORDS)} {dice.randrange(900)},"
                    f"{quantity},{price},"
                    f"{dice.randrange(0, 20)}%,{quantity * price:.2f},EUR,"
                    f"{dice.choice(('open', 'paid', 'sent'))},{words}\n"
                )
    return rows


def measure(table: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """Upload, ingest, sample."""
    from bench.data import person
    from documents.models import UNFINISHED, Chunk, Document

    user, collection = person("memory")
    web = _start(
        folder, "web", "uvicorn", "config.asgi:application", "--port", str(PORT), "--log-level", "error"
    )
    worker = _start(folder, "worker", "celery", "-A", "config", "worker", "--loglevel", "WARNING")
    web_peak, worker_peak = Peak([web.pid]), Peak([worker.pid])
    try:
        began = time.perf_counter()
        _upload(table, user.email, collection.pk)
        uploaded = time.perf_counter() - began
        web_mb = web_peak.end()
        began, split = time.perf_counter(), None
        document = Document.objects.get()
        while document.status in UNFINISHED and time.perf_counter() - began < seconds:
            time.sleep(1)
            document.refresh_from_db()
            split = split or (time.perf_counter() - began if document.parts_total else None)
        spent = time.perf_counter() - began
        done = document.parts_done / max(1, document.parts_total)
        return {
            "upload_seconds": round(uploaded, 1),
            "web_peak_mb": web_mb,
            "worker_peak_mb": worker_peak.end(),
            "seconds_to_split": split and round(split, 1),
            "seconds": round(spent, 1),
            "status": document.status,
            "parts_done": document.parts_done,
            "parts_total": document.parts_total,
            "chunks": Chunk.objects.count(),
            "rows_per_second": round((document.row_count or 0) * done / spent),
        }
    finally:
        for program in (worker, web):
            program.terminate()
            program.wait(60)


def _start(folder: Path, name: str, *command: str) -> "subprocess.Popen[bytes]":
    with (folder / "logs" / f"{name}.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=os.environ.copy(), stdout=log, stderr=log
        )


def _upload(table: Path, email: str, model_id: int) -> None:
    """As a browser's form would, streamed from the disk."""
    import httpx

    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=600, trust_env=False) as client:
        for _ in range(240):
            try:
                if client.get("/health/live").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.25)
        credentials = {"email": email, "password": "a-long-and-rare-passphrase"}
        token = client.post("/api/auth/login", json=credentials).raise_for_status().json()["access"]
        with table.open("rb") as file:
            answer = client.post(
                f"/api/models/{model_id}/documents",
                files={"file": ("sales.csv", file, "text/csv")},
                headers={"Authorization": f"Bearer {token}"},
            )
        answer.raise_for_status()


if __name__ == "__main__":
    main()
