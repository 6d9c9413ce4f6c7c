"""The product behind uvicorn, for benchmarks from the client's side."""

import math
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def serve(program: Sequence[str] = ("-m", "uvicorn")) -> tuple[subprocess.Popen, str]:
    """One web process as shipped, and its address, once it answers."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *program, "config.asgi:application", "--port", str(port)]
        + ["--no-access-log", "--no-proxy-headers", "--ws-max-size", "1310720"]
        + ["--ws-per-message-deflate", "false"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"the web process ended with {process.returncode}")
        try:
            httpx.get(f"{address}/health/ready", trust_env=False)
            return process, address
        except httpx.TransportError:
            time.sleep(0.1)


def wait_for_model(address: str) -> None:
    """The web process loads it after its start, and then gives back what that took."""
    while True:
        checks = httpx.get(f"{address}/health/ready", trust_env=False).json()["checks"]
        if checks.get("embedding_model") == "ok":
            break
        time.sleep(0.2)
    time.sleep(2)


def stop(process: subprocess.Popen) -> None:
    """End it as a supervisor does."""
    process.terminate()
    process.wait(30)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and the largest, by nearest rank."""
    if not values:
        return {}
    ordered = sorted(values)

    def at(share: int) -> float:
        return round(ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)], 1)

    return {"p50": at(50), "p95": at(95), "max": at(100)}
