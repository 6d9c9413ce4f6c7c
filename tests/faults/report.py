"""The table of faults: what was done, what came of it, how long that took."""

import datetime
import os
import platform
from dataclasses import dataclass
from pathlib import Path

HEAD = """# Faults

Each line is a real fault in real processes: `FAULTS_LONG=1 FAULTS_REPORT={path} pytest tests/faults`.
Seconds are from the fault to the document's final state, the outage itself included. After each, the test
compares rows, places and vectors with those of an undisturbed run of the same file, and looks for leases,
orphaned rows and files that were left over.

{date}, {cores} cores, {machine}.

| fault | what happened | seconds to the truthful state | chunks |
|---|---|---:|---:|
"""


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    fault: str
    happened: str
    seconds: float
    chunks: int | str = ""


def write(path: Path, faults: list[Fault]) -> None:
    """Write the table."""
    head = HEAD.format(
        path=os.path.relpath(path),
        date=datetime.date.today().isoformat(),
        cores=os.cpu_count(),
        machine=platform.machine(),
    )
    lines = [f"| {f.fault} | {f.happened} | {f.seconds:.1f} | {f.chunks} |\n" for f in faults]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "".join(lines))
