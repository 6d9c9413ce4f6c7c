"""Servers that speak the providers' protocols; `tests/conftest.py` gives these fixtures to every test."""

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from chat.llm import windows
from chat.llm.quirks import quirks
from config.embedded import llm, ports
from tests.contracts.protocols import MODELS
from tests.contracts.servers import LLMServer

START_SECONDS = 60


@pytest.fixture(scope="session")
def _llm_server() -> Iterator[LLMServer]:
    server = LLMServer().start()
    yield server
    server.stop()


@pytest.fixture
def llm_server(_llm_server: LLMServer) -> LLMServer:
    """The scripted server, without the records of other tests."""
    _llm_server.clear()
    _llm_server.models, _llm_server.window, _llm_server.tokenizer = list(MODELS), None, ()
    _llm_server.tokenizer_says = None
    windows.forget()
    quirks.forget()
    return _llm_server


@pytest.fixture(scope="session")
def builtin_llm() -> Iterator[str]:
    """The address of a real llama.cpp server with the built-in model. Mark its tests `llm`."""
    if not llm.available():
        pytest.skip("the built-in LLM is not installed")
    port = ports.any_free()
    process = subprocess.Popen(
        [sys.executable, "-m", "config.embedded.llm", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        _wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_ready(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the built-in LLM ended at its start"
        try:
            if httpx.get(f"{url}/models", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the built-in LLM did not start in time")
