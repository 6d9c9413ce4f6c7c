"""From a fresh clone to the first cited answer, as a newcomer would do it.

    python bench/first_answer.py [--port 8790]

Clones this repository's HEAD into a temporary directory and runs `make run` there with pip's cache switched
off, then signs in, asks the demo model, and uploads a company report. Prints and stores: seconds of each
step, the size of the installation, and the memory of each process at rest (PSS: shared pages counted once).
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT.parent / "shared" / "corpora" / "pdfqa" / "company-reports" / "pdfs"
RESULT = ROOT / "bench" / "results" / "first_answer.json"
QUESTION = "How many days of annual leave do full-time staff have?"
EMAIL, PASSWORD = "bench@example.com", "an-unguessable-passphrase"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=8790)
    port = arguments.parse_args().port
    home = Path(tempfile.mkdtemp(prefix="vb-"))
    figures: dict = {}
    try:
        begun = time.monotonic()
        subprocess.run(["git", "clone", "-q", str(ROOT), str(home / "verbatim")], check=True)
        process, address, installed = run_product(home / "verbatim", port)
        try:
            figures["seconds_install"] = round(installed - begun, 1)
            figures["seconds_start"] = round(time.monotonic() - installed, 1)
            measure(address, begun, installed, figures)
            figures["memory_mb"] = memory(process.pid, home)
        finally:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does for Ctrl-C
            process.wait(60)
        figures["install_mb"] = folder_mb(home / "verbatim" / ".venv")
        figures["data_mb"] = folder_mb(home / "verbatim" / ".data")
    finally:
        shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 0


def run_product(clone: Path, port: int) -> tuple[subprocess.Popen, str, float]:
    """`make run`; returns the process, the address, and when the installation was done."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "DATA_", "MODEL_"))
    }
    environment |= {"PIP_NO_CACHE_DIR": "1", "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    environment |= {"SUPERADMIN_EMAIL": EMAIL, "SUPERADMIN_PASSWORD": PASSWORD}
    process = subprocess.Popen(
        ["make", "run"],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    address: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"runs at (http://\S+)/", line):
                address.append(found.group(1))

    threading.Thread(target=read, daemon=True).start()
    stamp = clone / ".venv" / "installed"
    while not stamp.exists():
        ended(process)
        time.sleep(0.1)
    installed = time.monotonic()
    while not address:
        ended(process)
        time.sleep(0.05)
    return process, address[0], installed


def ended(process: subprocess.Popen) -> None:
    if process.poll() is not None:
        sys.exit(f"make run ended with exit code {process.returncode}")


def measure(address: str, begun: float, installed: float, figures: dict) -> None:
    """The first cited answer, then a company report."""
    with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
        tokens = client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD}).json()
        client.headers["Authorization"] = f"Bearer {tokens['access']}"
        models = client.get("/api/models").json()["results"]
        demo = next(model for model in models if model["llm_provider"] == "extractive")
        wait_until_completed(client, demo["id"])
        answer = client.post("/api/chat/chat", json={"model_id": demo["id"], "message": QUESTION}).json()
        assert answer["sources"], answer
        figures["seconds_installed_to_first_cited_answer"] = round(time.monotonic() - installed, 1)
        figures["seconds_clone_to_first_cited_answer"] = round(time.monotonic() - begun, 1)
        figures["first_answer"] = answer["answer"]
        toy = next((model for model in models if model["llm_provider"] == "builtin"), None)
        if toy is not None:
            wait_until_completed(client, toy["id"])
        reports = sorted(REPORTS.glob("BESTBUY_2023_10K.pdf")) or sorted(REPORTS.glob("*.pdf"))
        if not reports:
            print("The company reports are not here; skipping their ingestion.")
            return
        started = time.monotonic()
        with reports[0].open("rb") as file:
            client.post(f"/api/models/{demo['id']}/documents", files={"file": (reports[0].name, file)})
        document = wait_until_completed(client, demo["id"])[0]
        figures["report"] = {
            "name": reports[0].name,
            "pages": document["page_count"],
            "chunks": document["progress"]["chunks"],
            "seconds_to_ingest": round(time.monotonic() - started, 1),
        }
        time.sleep(10)


def wait_until_completed(client: httpx.Client, model_id: int) -> list[dict]:
    """The model's documents, newest first, once all are final."""
    while True:
        documents = client.get(f"/api/models/{model_id}/documents").json()["results"]
        if documents and all(d["status"] in ("completed", "failed", "cancelled") for d in documents):
            assert all(d["status"] == "completed" for d in documents), documents
            return documents
        time.sleep(0.1)


def memory(pid: int, home: Path) -> dict[str, int]:
    """PSS in MB of each process of the product, by what it is."""
    names = {
        "uvicorn": "web",
        "celery -A config worker": "worker",
        "celery -A config beat": "beat",
        "config.embedded.llm": "builtin-llm",
        "quickstart": "supervisor",
        "redis-server": "redis",
        "documents.parsing": "parser",
    }
    found: dict[str, int] = {}
    processes = psutil.Process(pid).children(recursive=True)
    processes += [p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres"]
    for process in processes:
        try:
            command = " ".join(process.cmdline())
            pss = process.memory_full_info().pss // 1024**2
        except psutil.NoSuchProcess:
            continue
        if "postgres" in process.name():
            if str(home) not in command and not any(
                str(home) in " ".join(p.cmdline()) for p in process.parents()
            ):
                continue
            name = "postgres"
        else:
            name = next((label for key, label in names.items() if key in command), "other")
        found[name] = found.get(name, 0) + pss
    found["total"] = sum(found.values())
    return found


def folder_mb(path: Path) -> int:
    return int(subprocess.run(["du", "-sm", path], capture_output=True, text=True).stdout.split()[0])


if __name__ == "__main__":
    sys.exit(main())
