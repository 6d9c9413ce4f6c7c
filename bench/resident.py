"""What processes hold and spend, by what they do, as the kernel counts it: no peak is missed."""

import threading
from collections.abc import Callable
from pathlib import Path

import psutil

SECONDS = 1.0  # between looks for new processes; their peaks are the kernel's own
PARSER = "documents.parsing.child"


def megabytes(pid: int, field: str = "VmRSS") -> int:
    """VmRSS (now), VmHWM (the most so far) of a process; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(found[0]) // 1024 if found else 0


def proportional(pid: int) -> int:
    """Megabytes of a process, pages that several share counted in shares."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
    return int(found[0]) // 1024 if found else 0


def processor_seconds(pid: int) -> float:
    """Of a process, of what is below it, and of what was and has ended."""
    spent = 0.0
    for process in family(pid):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        spent += times.user + times.system + times.children_user + times.children_system
    return spent


def forget_peak(pid: int) -> None:
    """Let VmHWM begin anew from what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def family(pid: int) -> list[psutil.Process]:
    """The process and all below it."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def worker_roles(pid: int) -> dict[str, list[int]]:
    """The processes of a Celery worker: its main one, those that do the work, and their readers."""
    roles: dict[str, list[int]] = {"worker main": [pid], "worker process": [], "parser": []}
    for process in family(pid)[1:]:
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if command:
            roles["parser" if PARSER in command else "worker process"].append(process.pid)
    return roles


class Watch:
    """The most that any process of each role has held.

    Args:
        roles: asked again and again for the processes that there are.
    """

    def __init__(self, roles: Callable[[], dict[str, list[int]]]) -> None:
        self.peaks: dict[str, int] = {}
        self._roles = roles
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def now(self) -> dict[str, int]:
        """Of each role's largest process, in MB."""
        return {
            role: max((megabytes(pid) for pid in pids), default=0) for role, pids in self._roles().items()
        }

    def end(self) -> dict[str, int]:
        """The peaks."""
        self._ended.set()
        self._thread.join()
        self._look()
        return self.peaks

    def _watch(self) -> None:
        while not self._ended.wait(SECONDS):
            self._look()

    def _look(self) -> None:
        for role, pids in self._roles().items():
            most = max((megabytes(pid, "VmHWM") for pid in pids), default=0)
            self.peaks[role] = max(self.peaks.get(role, 0), most)
