"""What Verbatim adds before the first word.

    python bench/first_token.py [--chunks 100000] [--questions 200]

One reader, the server as shipped, a collection of nine tenths of so many chunks, an LLM that answers at once.
From the client's frame to `sources`, `stream_start` and the first `stream_chunk`; what the LLM itself takes
(from our request's arrival there to its first token) is next to nothing. Each question begins a chat, so none
is rewritten. Where the time goes is told by the stored traces. Writes bench/results/first_token.json.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.data import lines, person  # noqa: E402
from bench.harness import start  # noqa: E402
from bench.serving import free_port, percentiles, serve, stop, wait_for_model  # noqa: E402

HERE = Path(__file__).resolve().parent
CORPUS = ROOT.parent / "shared" / "corpora" / "retrieval" / "scifact"
RESULTS = HERE / "results" / "first_token.json"
WARM_UP = 20
MARKS = ("user_message", "sources", "stream_start", "stream_chunk", "message_saved")


def main() -> None:
    """Fill, ask, report."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--chunks", type=int, default=100_000)
    arguments.add_argument("--questions", type=int, default=200)
    given = arguments.parse_args()
    if not CORPUS.exists():
        sys.exit(f"{CORPUS} is not here: its sentences make the chunks.")
    port = free_port()
    with start():
        llm = subprocess.Popen([sys.executable, str(HERE / "scripted_llm.py"), str(port), "0", "20"])
        try:
            results = measure(given.chunks, given.questions, port)
        finally:
            llm.terminate()
            llm.wait(10)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


def measure(chunks: int, questions: int, llm_port: int) -> dict[str, Any]:
    """Ask one question after the other."""
    from accounts import tokens
    from bench.retrieval_load import fill
    from collections_app.models import AnswerMode

    own = {
        "llm_provider": "custom",
        "llm_model_name": "bench",
        "llm_base_url": f"http://127.0.0.1:{llm_port}/v1",
        "answer_mode": AnswerMode.ASSIST,
        "similarity_threshold": 0.0,
    }
    people = [person(f"first-{number}", **own) for number in range(3)]
    fill([collection for _, collection in people], list(lines(CORPUS / "corpus.jsonl")), chunks)
    user, collection = people[-1]
    asked = [query["text"] for query in lines(CORPUS / "queries.jsonl")][: questions + WARM_UP]
    process, address = serve()
    try:
        wait_for_model(address)
        protocol = f"bearer.{tokens.issue(user)['access']}"
        with connect(f"{address.replace('http', 'ws')}/api/chat/ws", subprotocols=[protocol]) as socket:
            seen = [ask(socket, collection.pk, question) for question in asked][WARM_UP:]
    finally:
        stop(process)
    return {
        "chunks": chunks,
        "questions": len(seen),
        "milliseconds_from_the_question": {kind: percentiles([one[kind] for one in seen]) for kind in MARKS},
        "steps": steps([one["message_id"] for one in seen]),
    }


def ask(socket: Any, model: int, question: str) -> dict[str, Any]:
    """When each kind of frame came first, in ms after the question was sent."""
    began = time.perf_counter()
    name = str(uuid.uuid4())  # as the page does: a question that arrives twice is asked once
    socket.send(json.dumps({"type": "chat", "model_id": model, "message": question, "client_id": name}))
    marks: dict[str, Any] = {}
    while "message_saved" not in marks:
        frame = json.loads(socket.recv(timeout=60))
        if frame["type"] == "error":
            raise RuntimeError(frame)
        if frame["type"] != "session_changed":
            marks.setdefault(frame["type"], (time.perf_counter() - began) * 1000)
            marks["message_id"] = frame["message_id"]
    return marks


def steps(answers: list[int]) -> dict[str, dict[str, float]]:
    """Milliseconds of each step, by the stored traces."""
    from chat.models import MessageTrace

    traces = MessageTrace.objects.filter(message_id__in=answers).values_list("data", flat=True)
    times = [
        trace.get("ms", {}) | {f"search: {k}": v for k, v in trace.get("search_ms", {}).items()}
        for trace in traces
    ]
    names = sorted({name for one in times for name in one})
    return {name: percentiles([one[name] for one in times if name in one]) for name in names}


if __name__ == "__main__":
    os.environ["MESSAGES_PER_MINUTE"] = "0"
    main()
