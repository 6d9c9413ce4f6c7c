"""What a huge table costs in memory: `python bench/memory.py [--mb 1000] [--embedder fake] [--minutes 60]`.

A table of that size is made, sent over HTTP to the real web server and read by a real worker with two
processes, until the document is completed or the minutes are over. Of every kind of process (web, the
worker's main process, its working processes, their readers, Redis, PostgreSQL) the peak of its largest one
is told, and what it holds at several points, so that growth would show. With `--embedder openvino` the whole
takes hours; the first minutes tell. Most of the fake run's time is PostgreSQL's, for the index of vectors:
`--without-vector-index` shows the rest. Writes bench/results/memory.json, one entry per way of running it.
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

from bench import resident  # noqa: E402
from bench.harness import start  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results" / "memory.json"
WORDS = ("harbour", "ledger", "copper", "winter", "branch", "signal", "garden", "theory", "window", "river")
COLUMNS = "id,date,customer,city,product,quantity,price,discount,total,currency,status,note"
SHARES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)  # of the parts, when it is looked at
MINUTES = (1, 2, 5, 10, 20, 40)  # and the times; a run that covers a small share has only these
SERVED = 0.5  # seconds between looks at the document
VECTOR_INDEX = "chunk_embedding_hnsw"


def main() -> None:
    """Run it and write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--mb", type=int, default=1000)
    arguments.add_argument("--embedder", choices=("fake", "openvino"), default="fake")
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--without-vector-index", action="store_true")
    chosen = arguments.parse_args()
    os.environ |= {
        "EMBEDDING_BACKEND": chosen.embedder,
        "MAX_FILE_SIZE_MB": "1024",
        "WORKER_CONCURRENCY": "2",
    }
    way = f"{chosen.embedder} embedder, {'no' if chosen.without_vector_index else 'with'} vector index"
    with start() as folder:
        if chosen.without_vector_index:
            _run_sql(f"DROP INDEX {VECTOR_INDEX}")
        table = folder / "sales.csv"
        result = {"mb": chosen.mb, "rows_made": generate(table, chosen.mb * 1000**2)}
        result |= measure(table, folder, chosen.minutes * 60)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[way] = result
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps({way: result}, indent=2))


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
    """Upload, ingest, watch."""
    from bench.data import person
    from config.embedded import ports
    from documents.models import Document

    user, collection = person("memory")
    port = ports.any_free()
    web = _start(
        folder, "web", "uvicorn", "config.asgi:application", "--port", str(port), "--log-level", "error"
    )
    address = f"http://127.0.0.1:{port}"
    lean = ("--without-gossip", "--without-mingle")
    worker = _start(folder, "worker", "celery", "-A", "config", "worker", "--loglevel", "WARNING", *lean)
    try:
        idle = _idle(web.pid, address)
        watch = resident.Watch(lambda: _roles(folder, web.pid, worker.pid))
        began = time.perf_counter()
        _upload(table, user, f"{address}/api/models/{collection.pk}/documents")
        facts = {
            "web_idle_mb": idle,
            "upload_seconds": round(time.perf_counter() - began, 1),
            "web_peak_during_upload_mb": resident.megabytes(web.pid, "VmHWM"),
        }
        document = Document.objects.get()
        facts |= _follow(document, watch, folder, seconds)
        spent = {
            "worker": round(resident.processor_seconds(worker.pid)),
            "PostgreSQL": round(resident.processor_seconds(_postmaster(folder))),
        }
        return facts | {"peak_mb": watch.end(), "processor_seconds": spent} | _database(document)
    finally:
        for program in (worker, web):
            program.terminate()
            program.wait(60)


def _follow(document: Any, watch: resident.Watch, folder: Path, seconds: float) -> dict[str, Any]:
    """Until it is done or the time is over; what it looked like at SHARES and MINUTES."""
    from documents.models import UNFINISHED

    began, points, last = time.perf_counter(), [], (0.0, 0)
    shares, minutes, split = list(SHARES), list(MINUTES), None
    while True:
        spent = time.perf_counter() - began
        document.refresh_from_db()
        over = document.status not in UNFINISHED or spent > seconds
        split = split or (round(spent, 1) if document.parts_total else None)
        share = document.parts_done / max(1, document.parts_total)
        due = over
        while shares and share >= shares[0]:
            due, _ = True, shares.pop(0)
        while minutes and spent >= minutes[0] * 60:
            due, _ = True, minutes.pop(0)
        if due:
            speed = (document.parts_done - last[1]) / (spent - last[0])
            point = {"seconds": round(spent), "share": round(share, 4), "parts_per_second": round(speed, 2)}
            points.append(point | {"mb": watch.now() | {"PostgreSQL, all": _postgres_mb(folder)}})
            last = (spent, document.parts_done)
            print(points[-1], file=sys.stderr, flush=True)
        if over:
            break
        time.sleep(SERVED)
    return {
        "seconds_to_split": split,
        "seconds": round(spent),
        "status": str(document.status),
        "parts_done": document.parts_done,
        "parts_total": document.parts_total,
        "rows_per_second": round((document.row_count or 0) * share / spent),
        "points": points,
    }


def _roles(folder: Path, web: int, worker: int) -> dict[str, list[int]]:
    postgres = [process.pid for process in resident.family(_postmaster(folder))]
    redis = [process.pid for process in resident.family(os.getpid())[1:] if "redis" in process.name()]
    return {"web": [web], **resident.worker_roles(worker), "Redis": redis, "PostgreSQL, one": postgres}


def _postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def _postgres_mb(folder: Path) -> int:
    """All its processes, its shared buffers counted once."""
    return sum(resident.proportional(process.pid) for process in resident.family(_postmaster(folder)))


def _database(document: Any) -> dict[str, Any]:
    """What became of it there, and where the parts' time went."""
    from django.db.models import Avg, IntegerField
    from django.db.models.fields.json import KT
    from django.db.models.functions import Cast

    from documents.models import Chunk

    done = document.parts.filter(status="done", gathers=False)
    steps = {
        step: Avg(Cast(KT(f"milliseconds__{step}"), IntegerField()))
        for step in ("parse", "chunk", "embed", "write")
    }
    sizes = _run_sql(
        "SELECT pg_database_size(current_database()), coalesce(pg_relation_size(to_regclass(%s)), 0),"
        " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')",
        [VECTOR_INDEX],
    )
    names = ("database_mb", "vector_index_mb", "wal_mb")
    return {
        "chunks": Chunk.objects.count(),
        "milliseconds_per_part": {name: round(value or 0) for name, value in done.aggregate(**steps).items()},
        **{name: round(size / 1024**2) for name, size in zip(names, sizes, strict=True)},
    }


def _run_sql(statement: str, values: list[Any] | None = None) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone() if cursor.description else None


def _start(folder: Path, name: str, *command: str) -> "subprocess.Popen[bytes]":
    with (folder / "logs" / f"{name}.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=os.environ.copy(), stdout=log, stderr=log
        )


def _idle(pid: int, address: str) -> int:
    """The web process's memory once its model is loaded."""
    import httpx

    while True:
        try:
            health = httpx.get(f"{address}/health/ready", trust_env=False).json()
            if health["checks"].get("embedding_model") == "ok":
                time.sleep(2)  # then it has given back what loading took
                return resident.megabytes(pid)
        except httpx.TransportError:
            pass
        time.sleep(0.25)


def _upload(table: Path, user: Any, address: str) -> None:
    """As a browser's form would, streamed from the disk."""
    import httpx

    from accounts import tokens

    headers = {"Authorization": f"Bearer {tokens.issue(user)['access']}"}
    with httpx.Client(timeout=600, trust_env=False) as client, table.open("rb") as file:
        files = {"file": ("sales.csv", file, "text/csv")}
        client.post(address, files=files, headers=headers).raise_for_status()


if __name__ == "__main__":
    main()
