"""The guarded child process that reads files: limits on memory, processor time and wall time.

One child per process of ours, reused, and replaced after a fault, a limit or many requests. Whatever a file
does to its reader, the caller gets an error with a code: permanent, or transient where the child was killed
or crashed.
"""

import atexit
import json
import logging
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from config.error_codes import ErrorCode
from config.errors import PermanentError, TransientError, VerbatimError
from documents.parsing.base import Reading, Structure, reading_from_json, structure_from_json
from documents.parsing.clean import storable

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent.parent
REQUESTS_PER_CHILD = 200  # what leaks is gone with the child
MAX_ANSWER_BYTES = 256 * 1024**2
SAMPLE_SECONDS = 0.05
NEAR_LIMIT = 0.7  # a child that crashes with this share of its memory in use crashed for want of it


class ParserChild:
    """A child and the pipe to it. One request at a time; safe to call from several threads.

    Args:
        seconds: wall and processor time of one request.
        memory_mb: address space of the child.
    """

    def __init__(self, *, seconds: int, memory_mb: int) -> None:
        self.seconds = seconds
        self.memory_mb = memory_mb
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0
        self._peak_mb = 0

    def split(self, path: Path, media_type: str, name: str) -> Structure:
        """Plan the parts of a file.

        Raises:
            PermanentError: with the code of what is wrong with the file.
            TransientError: the child was killed or crashed; another one may get through.
        """
        arguments = {"path": str(path), "media_type": media_type, "name": name}
        return structure_from_json(self.request("split", arguments))

    def read(self, path: Path, media_type: str, span: dict[str, Any]) -> Reading:
        """Read one part; raises as `split`."""
        arguments = {"path": str(path), "media_type": media_type, "span": span}
        return reading_from_json(self.request("read", arguments))

    def request(self, action: str, arguments: dict[str, Any], *, seconds: int | None = None) -> Any:
        """Ask the child; start one when there is none."""
        seconds = seconds or self.seconds
        with self._lock:
            process = self._running()
            self._peak_mb = 0
            line = json.dumps({"action": action, "arguments": arguments, "seconds": seconds})
            answer: dict[str, Any] | None = None
            try:
                assert process.stdin is not None
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()
                answer = self._answer(process, seconds)
            except (OSError, EOFError) as error:
                raise self._died(process) from error
            finally:
                # Interrupted, e.g. by a task's time limit: the late answer must not become the next one's.
                if answer is None or answer.get("broken"):
                    self._stop()
        if "error" in answer:
            raise _as_error(answer)
        return answer["result"]

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._stop()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and (
            self._process.poll() is not None or self._requests >= REQUESTS_PER_CHILD
        ):
            self._stop()
        if self._process is None:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "documents.parsing.child", str(self.memory_mb)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=ROOT,
                    env=_environment(),
                )
            except OSError as error:
                raise TransientError(
                    ErrorCode.SERVICE_UNAVAILABLE, "The reader could not be started."
                ) from error
            self._requests = 0
        self._requests += 1
        return self._process

    def _answer(self, process: "subprocess.Popen[bytes]", seconds: int) -> dict[str, Any]:
        assert process.stdout is not None
        descriptor, deadline, pieces = process.stdout.fileno(), time.monotonic() + seconds, []
        size = 0
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                self._stop()
                raise PermanentError(ErrorCode.PARSE_TIMEOUT)
            if not select.select([descriptor], [], [], min(left, SAMPLE_SECONDS))[0]:
                self._peak_mb = max(self._peak_mb, _address_space_mb(process.pid))
                continue
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                raise EOFError
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                self._stop()
                raise PermanentError(ErrorCode.PARSE_MEMORY)
            if piece.endswith(b"\n"):
                return _storable_answer(b"".join(pieces))

    def _died(self, process: "subprocess.Popen[bytes]") -> VerbatimError:
        """Why the child ended: over its processor time, out of memory, or crashed.

        Transient where it may not have been the file's fault: somebody killed it, say the system for want of
        memory that others took, or it crashed; whoever asked tries again a few times.
        """
        try:
            code = process.wait(5)
        except subprocess.TimeoutExpired:  # it closed the pipe and lives on: end it
            code = -signal.SIGABRT
        peak_mb = self._peak_mb
        self._stop()
        log.warning("the reader ended with %s at %s MB", code, peak_mb)
        if code == -signal.SIGXCPU:
            return PermanentError(ErrorCode.PARSE_TIMEOUT)
        if peak_mb > self.memory_mb * NEAR_LIMIT:
            return PermanentError(ErrorCode.PARSE_MEMORY)
        if code == -signal.SIGKILL:
            return TransientError(ErrorCode.PARSE_MEMORY)
        return TransientError(ErrorCode.PARSER_CRASHED)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
            process.wait(10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # what was left in its buffer has no reader any more


def _storable_answer(line: bytes) -> dict[str, Any]:
    """The child's JSON, which writes NULs and surrogates (also sound pairs of them) as escapes."""
    answer = dict(json.loads(line))
    if b"\\u0000" in line or b"\\ud" in line:
        answer = storable(answer)
    return answer


def _as_error(answer: dict[str, Any]) -> PermanentError:
    if answer.get("reason"):
        log.warning("the reader failed: %s", answer["reason"])
    return PermanentError(ErrorCode(answer["error"]), answer.get("message", ""))


def _address_space_mb(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize() // 1024**2


def _environment() -> dict[str, str]:
    """No secret of ours goes to the process that hostile files may take over."""
    keep = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
    limits = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return {name: os.environ[name] for name in keep if name in os.environ} | limits


_children: dict[int, ParserChild] = {}
_children_lock = threading.Lock()


def parser_child() -> ParserChild:
    """The child of this process; made anew after a fork."""
    from django.conf import settings

    with _children_lock:
        if os.getpid() not in _children:
            _children.clear()
            child = ParserChild(seconds=settings.PARSE_TIMEOUT_SECONDS, memory_mb=settings.PARSE_MEMORY_MB)
            _children[os.getpid()] = child
            atexit.register(child.close)
        return _children[os.getpid()]
