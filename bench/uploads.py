"""What an upload costs the web process: `python bench/uploads.py [megabytes]`.

A file of that size (1000) goes up in each way that there is, to a real uvicorn that has its embedding model
and has answered questions of every length; time and the web process's peak of resident memory, as the kernel
counts it, are measured. No worker runs. Writes bench/results/uploads.json.
"""

import argparse
import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import resident  # noqa: E402
from bench.harness import start  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results" / "uploads.json"
MEBIBYTE = 1024**2
TUS = {"Tus-Resumable": "1.0.0"}
SHORT_QUESTIONS, LONG_QUESTIONS = range(1, 60, 2), range(60, 260, 8)  # in words
PATCH = TUS | {"Content-Type": "application/offset+octet-stream"}


def main() -> None:
    """Run every way and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("megabytes", nargs="?", type=int, default=1000)
    size = arguments.parse_args().megabytes * MEBIBYTE
    os.environ |= {"MAX_FILE_SIZE_MB": "1024", "THROTTLE_UPLOAD": "100000/min"}
    with start():
        results = measure(size)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


def measure(size: int) -> dict[str, Any]:
    """One server, one way after the other."""
    from accounts import tokens
    from bench.data import person

    user, collection = person("uploads")
    headers = {"Authorization": f"Bearer {tokens.issue(user)['access']}"}
    process, address = serve()
    client = Client(address, headers, collection.pk)
    try:
        wait_for_model(client.http)
        results: dict[str, Any] = {
            "megabytes": size // MEBIBYTE,
            "idle_mb": resident.megabytes(process.pid),
            "after_short_questions_mb": asked(client, process.pid, SHORT_QUESTIONS),
            "after_long_questions_mb": asked(client, process.pid, LONG_QUESTIONS),
        }
        ways: dict[str, Callable[[], None]] = {
            "tus, pieces of 8 MB": lambda: client.resumable(size, 8 * MEBIBYTE, 1),
            "tus, one piece": lambda: client.resumable(size, size, 2),
            "tus, four at once, pieces of 8 MB": lambda: at_once(
                [lambda n=n: client.resumable(size // 4, 8 * MEBIBYTE, n) for n in range(3, 7)]
            ),
            "multipart": lambda: client.form(size, 7),
        }
        for name, way in ways.items():
            resident.forget_peak(process.pid)
            began = time.monotonic()
            way()
            seconds = time.monotonic() - began
            results[name] = {
                "seconds": round(seconds, 1),
                "mb_per_second": round(size / MEBIBYTE / seconds),
                "peak_mb": resident.megabytes(process.pid, "VmHWM"),
            }
        return results
    finally:
        process.terminate()
        process.wait(20)


def wait_for_model(http: httpx.Client) -> None:
    """The web process loads it after its start, and then gives back what that took."""
    while http.get("/health/ready").json()["checks"].get("embedding_model") != "ok":
        time.sleep(0.2)
    time.sleep(2)


def asked(client: "Client", pid: int, words: range) -> int:
    """The process's memory after questions of so many words."""
    for number in words:
        client.ask(" ".join(["harbour"] * number))
    return resident.megabytes(pid)


def content(size: int, seed: int) -> Iterator[bytes]:
    """Text in pieces of a mebibyte, no two alike, at next to no cost."""
    for number in range(-(-size // MEBIBYTE)):
        line = f"{seed} {number} and some words about a harbour\n".encode()
        block = (line * (MEBIBYTE // len(line) + 1))[:MEBIBYTE]
        yield block[: size - number * MEBIBYTE]


class Client:
    """Uploads to one model."""

    def __init__(self, address: str, headers: dict[str, str], model: int) -> None:
        self.http = httpx.Client(base_url=address, headers=headers, timeout=300, trust_env=False)
        self.model = model

    def ask(self, question: str) -> None:
        """Have passages found for it."""
        self.http.post(f"/api/models/{self.model}/search", json={"query": question}).raise_for_status()

    def resumable(self, size: int, piece: int, seed: int) -> None:
        """By the tus protocol."""
        fields = {"filename": f"{seed}.txt", "model_id": str(self.model)}
        metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in fields.items())
        announced = TUS | {"Upload-Length": str(size), "Upload-Metadata": metadata}
        where = self.http.post("/api/uploads", headers=announced).headers["Location"]
        blocks, offset = content(size, seed), 0
        while offset < size:
            length = min(piece, size - offset)
            body = (next(blocks) for _ in range(-(-length // MEBIBYTE)))
            headers = PATCH | {"Upload-Offset": str(offset), "Content-Length": str(length)}
            answer = self.http.patch(where, content=body, headers=headers)
            assert answer.status_code in (200, 204), answer.text
            offset += length
        assert answer.json()["document"]["size"] == size

    def form(self, size: int, seed: int) -> None:
        """As a browser's form."""
        head = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="%d.txt"\r\n'
            b"Content-Type: text/plain\r\n\r\n" % seed
        )
        tail = b"\r\n--b--\r\n"

        def body() -> Iterator[bytes]:
            yield head
            yield from content(size, seed)
            yield tail

        headers = {
            "Content-Type": "multipart/form-data; boundary=b",
            "Content-Length": str(len(head) + size + len(tail)),
        }
        answer = self.http.post(f"/api/models/{self.model}/documents", content=body(), headers=headers)
        assert answer.status_code == 201, answer.text


def serve() -> tuple[subprocess.Popen, str]:
    """The product behind uvicorn."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    while True:
        try:
            httpx.get(f"{address}/health/ready", trust_env=False)
            return process, address
        except httpx.TransportError:
            time.sleep(0.1)


def at_once(ways: list[Callable[[], None]]) -> None:
    """All of them in threads."""
    threads = [threading.Thread(target=way) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
