"""Starts the processes of one machine, starts again what dies, and ends all of them, each time."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

STOP_SECONDS = 15
RESTARTS = 5
RESTART_WINDOW_SECONDS = 60
PR_SET_PDEATHSIG = 1


@dataclass
class Service:
    """One child process.

    Attributes:
        name: shown to people and used for the log file.
        command: program and arguments.
        essential: whether Verbatim ends when this one cannot be kept alive.
        serves_others: ended only when all the others are gone.
        orphan_signal: what it gets when we were killed ourselves (Linux).
    """

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    essential: bool = True
    serves_others: bool = False
    orphan_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen | None = None
    starts: list[float] = field(default_factory=list)
    given_up: bool = False


class Supervisor:
    """Owns the children. Each has its own session, so that Ctrl-C in the terminal reaches only us.

    Args:
        log_dir: each child's output goes to `<name>.log` here; the last run's is kept as `<name>.log.1`.
        say: prints one line for the person at the terminal.
    """

    def __init__(self, log_dir: Path, say: Callable[[str], None]) -> None:
        self.log_dir = log_dir
        self.say = say
        self.services: list[Service] = []

    def start(self, service: Service) -> subprocess.Popen:
        """Start a child and keep it from now on."""
        path = self.log_dir / f"{service.name}.log"
        if not service.starts and path.exists():
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            service.process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | service.environment,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, service.orphan_signal),
            )
        service.starts.append(time.monotonic())
        if service not in self.services:
            self.services.append(service)
        return service.process

    def check(self) -> None:
        """Start again what died.

        Raises:
            RuntimeError: an essential child died RESTARTS times within RESTART_WINDOW_SECONDS.
        """
        for service in self.services:
            process = service.process
            if service.given_up or process is None or process.poll() is None:
                continue
            recent = [at for at in service.starts if time.monotonic() - at < RESTART_WINDOW_SECONDS]
            if len(recent) < RESTARTS:
                self.say(f"{service.name} ended with exit code {process.returncode}; starting it again.")
                self.start(service)
                continue
            message = f"{service.name} ended {len(recent)} times within a minute: {self.last_words(service)}"
            if service.essential:
                raise RuntimeError(message)
            service.given_up = True
            self.say(f"{message} Going on without it.")

    def last_words(self, service: Service) -> str:
        """The last line of a child's log, and where the rest is."""
        path = self.log_dir / f"{service.name}.log"
        lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
        return f"{lines[-1].strip() if lines else 'it said nothing.'} (log: {path})"

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End the children, those that serve others last; who does not go within `seconds` is killed."""
        for last in (False, True):
            self._stop_these([s for s in self.services if s.serves_others is last and s.process], seconds)
        self.services.clear()

    def _stop_these(self, services: list[Service], seconds: float) -> None:
        for service in services:
            _signal(service.process, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        for service in services:
            assert service.process is not None
            try:
                service.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{service.name} does not end; killing it.")
            _kill_session(service.process.pid)
            service.process.wait()


def _signal(process: subprocess.Popen | None, number: int) -> None:
    if process is not None and process.poll() is None:
        process.send_signal(number)


def _kill_session(group: int) -> None:
    """Whatever is left of a child's process group, the children of children included."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def die_with_parent(number: signal.Signals) -> None:
    """Linux: this process gets a signal when its parent is killed without the chance to end it.

    Args:
        number: which; it can come several times, once per thread of the parent.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
