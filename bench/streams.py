"""Many answers at once.

    python bench/streams.py [--sockets 200] [--rate 30] [--seconds 45] [--profile]

The server as shipped (one uvicorn process), its PostgreSQL and Redis, a scripted LLM that sends RATE tokens
per second to each answer, and the readers share this machine's cores. The LLM writes down when it sent each
token: its age at the reader is all that Verbatim added, gathering into frames included; a frame is as old as
its newest token. The answers are sentences that cite: checking them is part of the load. Run once undisturbed
and once with every fourth reader reloading in the middle. Checked: no frame lost, repeated or out of order,
every answer whole. Writes bench/results/streams.json.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import resident  # noqa: E402
from bench.harness import start  # noqa: E402
from bench.scripted_llm import MAX_ANSWERS  # noqa: E402
from bench.serving import free_port, percentiles, serve, stop, wait_for_model  # noqa: E402

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "streams.json"
SETTLE_SECONDS = 8
TEXTS = [f"Rule {n}: whoever comes to the harbour signs the book on line {n}." for n in range(40)]


def main() -> None:
    """Both runs, and the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--sockets", type=int, default=200)
    arguments.add_argument("--rate", type=float, default=30)
    arguments.add_argument("--seconds", type=int, default=45, help="of each answer")
    arguments.add_argument("--spread", type=int, default=25, help="seconds within which all have asked")
    arguments.add_argument("--profile", action="store_true", help="where the server spends its time instead")
    given = arguments.parse_args()
    if 2 * given.sockets > MAX_ANSWERS:
        sys.exit(f"At most {MAX_ANSWERS // 2} sockets: the scripted LLM remembers {MAX_ANSWERS} answers.")
    llm_port = free_port()
    tokens = int(given.rate * given.seconds)
    with start() as folder:
        sent = folder / "sent"
        llm = subprocess.Popen(
            [sys.executable, HERE / "scripted_llm.py", str(llm_port), str(given.rate), str(tokens), sent]
        )
        try:
            orders = prepare(given.sockets, llm_port)
            orders |= {"answer_tokens": tokens, "spread": given.spread, "times": str(sent)}
            if given.profile:
                profile(folder, orders)
                return
            results = {"sockets": given.sockets, "tokens_per_second": given.rate, "seconds": given.seconds}
            results["spread_seconds"] = given.spread
            results["undisturbed"] = run(orders)
            results["every fourth reloads"] = run(
                orders | {"reload_every": 4, "reload_after": given.seconds / 2}
            )
        finally:
            llm.terminate()
            llm.wait(10)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


def prepare(people: int, llm_port: int) -> dict[str, Any]:
    """A collection whose LLM is the scripted one, and as many users of it."""
    from accounts import tokens
    from accounts.models import User
    from bench.data import load_documents, person
    from collections_app.models import AnswerMode

    _, collection = person(
        "streams",
        llm_provider="custom",
        llm_model_name="bench",
        llm_base_url=f"http://127.0.0.1:{llm_port}/v1",
        answer_mode=AnswerMode.ASSIST,
        similarity_threshold=0.0,
        max_tokens=4096,
    )
    load_documents(
        collection, ({"id": str(n), "title": "Rules", "text": text} for n, text in enumerate(TEXTS))
    )
    users = User.objects.bulk_create(User(email=f"reader{n}@example.com") for n in range(people))
    collection.users.set(users)
    return {
        "people": people,
        "model": collection.pk,
        "question": "Who signs the book of the harbour?",
        "tokens": [tokens.issue(user)["access"] for user in users],
        "reload_every": 0,
        "reload_after": 0,
        "settle": SETTLE_SECONDS,
    }


def run(orders: dict[str, Any]) -> dict[str, Any]:
    """One server, all readers."""
    process, address = serve()
    try:
        wait_for_model(address)
        resident.forget_peak(process.pid)
        empty = resident.megabytes(process.pid)
        readers = readers_start(orders, address)
        json.loads(readers.stdout.readline())  # all are connected, and ask now
        connected = resident.megabytes(process.pid)
        began, spent = time.monotonic(), seconds_of(process.pid)
        seen = json.loads(readers.stdout.readline())
        spent = seconds_of(process.pid) - spent
        readers.wait(20)
        tokens = orders["people"] * orders["answer_tokens"]
        return {
            "frames": seen["frames"],
            "frames_lost_or_out_of_order": seen["gaps"],
            "frames_repeated": seen["repeated"],
            "errors": seen["errors"],
            "token_age_ms_while_people_ask_too": percentiles(seen["ages"]),
            "frame_age_ms_while_all_are_written": percentiles(seen["calm_frame_ages"]),
            "token_age_ms_while_all_are_written": percentiles(seen["calm_ages"]),
            "seconds_while_all_are_written": seen["calm_seconds"],
            "first_frame_ms": {kind: percentiles(values) for kind, values in seen["marks"].items()},
            "wall_seconds": round(time.monotonic() - began, 1),
            "server_cpu_seconds": round(spent, 1),
            "tokens_per_core_second": round(tokens / spent),
            "web_mb": {
                "empty": empty,
                "connected": connected,
                "peak": resident.megabytes(process.pid, "VmHWM"),
            },
            "kb_per_socket": round((connected - empty) * 1024 / orders["people"]),
            "kb_per_stream": round(
                (resident.megabytes(process.pid, "VmHWM") - connected) * 1024 / orders["people"]
            ),
        }
    finally:
        stop(process)


def readers_start(orders: dict[str, Any], address: str) -> subprocess.Popen:
    """The readers' process, which has its orders."""
    readers = subprocess.Popen(
        [sys.executable, str(HERE / "stream_clients.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert readers.stdin is not None
    json.dump(orders | {"address": address.replace("http", "ws")}, readers.stdin)
    readers.stdin.close()
    return readers


def seconds_of(pid: int) -> float:
    """Processor seconds of one process."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def profile(folder: Path, orders: dict[str, Any]) -> None:
    """The undisturbed run under cProfile, which slows it; prints the event loop's functions by own time."""
    import pstats

    output = folder / "profile"
    process, address = serve(["-m", "cProfile", "-o", str(output), "-m", "uvicorn"])
    wait_for_model(address)
    readers = readers_start(orders, address)
    assert readers.stdout is not None
    readers.stdout.readline()
    seen = json.loads(readers.stdout.readline())
    print("errors", seen["errors"], "token age", percentiles(seen["ages"]))
    process.send_signal(signal.SIGINT)  # SIGTERM would end it before the profile is written
    process.wait(30)
    pstats.Stats(str(output)).strip_dirs().sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    os.environ["MESSAGES_PER_MINUTE"] = "0"
    main()
