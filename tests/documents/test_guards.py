"""What a file can do to its reader, and what it cannot do to us."""

import os
import signal
import threading
import time
import zlib

import psutil
import pytest

from config.errors import ErrorCode, PermanentError, TransientError, VerbatimError
from documents.parsing.guards import ParserChild
from tests.documents.files import make_pdf


@pytest.fixture
def child():
    made = ParserChild(seconds=30, memory_mb=768)
    yield made
    made.close()


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.txt"
    path.write_text("Just a few words.")
    return path


@pytest.fixture
def slow(tmp_path):
    """A text of nothing but headings takes seconds to look through."""
    path = tmp_path / "slow.md"
    path.write_bytes(b"# a\n" * 6_000_000)
    return path


def test_one_child_serves_many_requests(child, small):
    for _ in range(5):
        assert child.split(small, "text/plain", "small.txt").reading["encoding"] == "utf-8"
        pid = child._process.pid
    assert child._process.pid == pid


def test_too_slow_is_a_timeout_and_the_next_file_is_read(child, small, slow):
    child.seconds = 1
    started = time.monotonic()
    with pytest.raises(PermanentError) as caught:
        child.split(slow, "text/markdown", "slow.md")
    assert caught.value.code == ErrorCode.PARSE_TIMEOUT
    assert time.monotonic() - started < 5
    assert len(child.split(small, "text/plain", "small.txt").spans) == 1


def test_a_page_that_inflates_without_end_cannot_take_the_memory(child, small, tmp_path):
    stream = zlib.compress(b" " * (1200 * 1024**2), 1)
    plain = make_pdf(["x"])
    bomb = plain.replace(
        plain[plain.index(b"<< /Length") : plain.index(b"endstream")],
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(stream) + stream + b"\n",
    )
    path = tmp_path / "bomb.pdf"
    path.write_bytes(bomb)
    try:
        reading = child.read(
            path, "application/pdf", {"first": 1, "last": 1, "sections": [], "reader": "pdfium"}
        )
        assert reading.blocks == ()
    except VerbatimError as error:
        assert error.code in (ErrorCode.PARSE_MEMORY, ErrorCode.PARSER_CRASHED)  # noqa: PT017
    assert len(child.split(small, "text/plain", "small.txt").spans) == 1


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGSEGV, ErrorCode.PARSER_CRASHED), (signal.SIGKILL, ErrorCode.PARSE_MEMORY)],
)
def test_a_child_that_dies_in_the_middle_may_be_tried_again(child, small, slow, number, code):
    child.split(small, "text/plain", "small.txt")
    timer = threading.Timer(0.4, lambda: os.kill(child._process.pid, number))
    timer.start()
    with pytest.raises(TransientError) as caught:
        child.split(slow, "text/markdown", "slow.md")
    assert caught.value.code == code
    assert len(child.split(small, "text/plain", "small.txt").spans) == 1


def test_an_interrupted_request_does_not_answer_the_next_one(child, small, tmp_path, monkeypatch):
    class TimeLimit(BaseException):
        """As Celery raises in the middle of anything."""

    def interrupted(*args):
        raise TimeLimit

    other = tmp_path / "other.txt"
    other.write_text("One.\nTwo.\nThree.")
    with monkeypatch.context() as patch:
        patch.setattr("documents.parsing.guards.select.select", interrupted)
        with pytest.raises(TimeLimit):
            child.split(small, "text/plain", "small.txt")
    assert child.split(other, "text/plain", "other.txt").reading["lines"] == 3


def test_the_child_has_no_secret_and_no_django(child, small):
    child.split(small, "text/plain", "small.txt")
    process = psutil.Process(child._process.pid)
    environment = process.environ()
    assert not {"SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS", "DATABASE_URL", "REDIS_URL"} & set(
        environment
    )
    assert process.memory_info().rss < 40 * 1024**2


def test_a_missing_file_is_an_error_not_a_hang(child, tmp_path):
    with pytest.raises(PermanentError) as caught:
        child.split(tmp_path / "gone.txt", "text/plain", "gone.txt")
    assert caught.value.code == ErrorCode.PARSER_CRASHED
