"""Loaded into a worker by the fault tests: strikes it with a real signal at an exact point of its work.

An order is a file in SABOTAGE_ORDERS, named like the point; whoever takes it away first is struck, once.
It holds `<whom> <signal>`: `process` is the pool's process at that point, `worker` the whole worker.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from documents import tasks
from documents.ingestion import part, split

ORDERS = Path(os.environ["SABOTAGE_ORDERS"])


def strike(point: str) -> None:
    """Carry out the order for this point, if there is one."""
    order = ORDERS / point
    taken = ORDERS / f"{point}.{os.getpid()}"
    try:
        order.rename(taken)
    except FileNotFoundError:
        return
    whom, number = taken.read_text().split()
    taken.unlink()
    target = 0 if whom == "worker" else os.getpid()
    (os.killpg if whom == "worker" else os.kill)(target or os.getpgid(0), signal.Signals[number])


def around(module: Any, name: str, *, before: str = "", after: str = "") -> None:
    """Strike before or after a function of the product."""
    function: Callable[..., Any] = getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before:
            strike(before)
        result = function(*args, **kwargs)
        if after:
            strike(after)
        return result

    setattr(module, name, wrapped)


around(part, "part_work", before="part-begun", after="part-worked")
around(part, "copy_chunks", after="part-copied")  # inside the transaction, rows written
around(part, "document_finalise", after="finalised")  # likewise, with the new version in place
around(part, "parts_take", before="part-committed", after="next-taken")  # before it rings for the next
around(split, "_plan", before="split-looked", after="split-planned")
around(tasks, "enqueue", before="ring")
