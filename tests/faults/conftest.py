"""One stack of real processes for all fault tests, and the table of what happened.

FAULTS_LONG=1 adds the faults that last minutes. FAULTS_REPORT=path writes the table there.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contracts.servers import LLMServer
from tests.faults.chatting import Asked, Chats
from tests.faults.report import ChatFault, Fault, Missing, write
from tests.faults.stack import Stack
from tests.faults.truth import assert_tidy

# an LLM that hangs is to cost these tests seconds, and they ask often
CHAT_LIMITS = {
    "LLM_FIRST_TOKEN_TIMEOUT": "10",
    "LLM_TOKEN_GAP_TIMEOUT": "10",
    "MESSAGES_PER_MINUTE": "1000",
    "THROTTLE_SIGNUP": "1000/hour",
    "THROTTLE_SIGNIN_ADDRESS": "1000/min",
}

_faults: list[Fault] = []
_chats: list[ChatFault] = []
_missing: list[Missing] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Outages take their time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(400))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what the table cannot show."""
    if report.passed or not report.nodeid.startswith("tests/faults/"):
        return
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else f"it failed ({report.when})"
    _missing.append(Missing(report.nodeid.rpartition("::")[2], str(why)))


def pytest_sessionfinish() -> None:
    """Write the table, where one was asked for."""
    if (_faults or _chats or _missing) and (path := os.environ.get("FAULTS_REPORT")):
        write(Path(path), _faults, _chats, _missing)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function: note what came of a fault, under the sentence with which the test's module begins."""
    kind = str(request.module.__doc__).partition("\n")[0].rstrip(".")

    def note(fault: str, happened: str, seconds: float, chunks: int | str = "") -> None:
        _faults.append(Fault(kind, fault, happened, seconds, chunks))

    return note


@pytest.fixture(scope="session")
def _stack() -> Iterator[Stack]:
    root = Path(tempfile.mkdtemp(prefix="vf-"))
    stack = Stack(root, **CHAT_LIMITS)
    try:
        stack.boot()
        stack.sign_in()
        yield stack
    finally:
        stack.down()
        if keep := os.environ.get("KEEP_LOGS"):
            shutil.copytree(root / "logs", keep, dirs_exist_ok=True)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def stack(_stack: Stack) -> Iterator[Stack]:
    """Everything runs, with one worker; afterwards nothing may be left over."""
    _stack.ensure()
    started = time.monotonic()
    yield _stack
    for order in (_stack.root / "orders").iterdir():
        order.unlink()
    assert time.monotonic() > started
    assert_tidy(_stack)


@pytest.fixture
def chats(stack: Stack, llm_server: LLMServer) -> Iterator[Chats]:
    """Chats with the stack, whose models ask the scripted LLM."""
    made = Chats(stack, llm_server)
    yield made
    made.close()


@pytest.fixture
def record_chat(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function: note what came of a fault in a chat."""
    kind = str(request.module.__doc__).partition("\n")[0].rstrip(".")

    def note(fault: str, asked: Asked, seconds: float, llm: str = "") -> None:
        _chats.append(
            ChatFault(
                kind, fault, asked.question_row(), asked.told(), llm or asked.llm(), asked.row(), seconds
            )
        )

    return note
