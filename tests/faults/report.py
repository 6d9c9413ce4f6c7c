"""The table of faults: what was done, what came of it, how long that took."""

import datetime
import os
import platform
from dataclasses import dataclass
from pathlib import Path

HEAD = """# Faults

Each line is a real fault in real processes: `FAULTS_LONG=1 FAULTS_REPORT={path} pytest tests/faults`.

- *What happened* is what the test asserts. Nobody helped, unless the line says so: the product found the work
  again by itself. After each fault the test compares the document's passages, their places and vectors with
  those of an undisturbed run of the same file, and looks for passages that are there twice, orphaned rows,
  leases that nobody holds, and files that were left over.
- *Seconds* are from the fault to the document's final state, the outage itself included.
- *Passages* are those that readers find at the end.
- A *worker* is one `celery worker` with two *pool processes*; each has a guarded child that reads files, its
  *reader*. A document is worked on in *parts*; who works on one holds a *lease* of 60 s and renews it.

{date}, {cores} cores, {machine}.
"""
TABLE = """
## {title}

| fault | what happened | seconds | passages |
|---|---|---:|---:|
"""
CHAT_HEAD = """
# Chat under faults

The LLM is a scripted server that speaks the OpenAI protocol; web processes, Redis, PostgreSQL and sockets are
real. After each fault the test compares the question's row with what was asked (it is there, and once), the
answer's row with what the LLM had sent, and what the reader was told with the answer's row. The numbers of
frames have no gap.

- *Reader* is what came over the socket: the kinds of frames in order, `n x` for a run of one kind.
- *LLM* is what its server saw of the connection.
- *Stored* is the answer's row at the end: its status, why it ended, its length.
- *Seconds* are from the fault to the last frame, or to what the line says.
"""
CHAT_TABLE = """
## {title}

| fault | asked | reader | LLM | stored | seconds |
|---|---|---|---|---|---:|
"""


@dataclass(frozen=True)
class Fault:
    """One line of the table.

    Attributes:
        kind: the heading that it stands under.
    """

    kind: str
    fault: str
    happened: str
    seconds: float
    chunks: int | str = ""


@dataclass(frozen=True)
class ChatFault:
    """One line of a table about the chat.

    Attributes:
        kind: the heading that it stands under.
        frames: what the reader saw, in order.
        llm: what the LLM's server saw.
        stored: the answer's row at the end.
    """

    kind: str
    fault: str
    question: str
    frames: str
    llm: str
    stored: str
    seconds: float


@dataclass(frozen=True)
class Missing:
    """A test that has no line to show: it failed or was skipped."""

    name: str
    why: str


def write(path: Path, faults: list[Fault], chats: list[ChatFault], missing: list[Missing]) -> None:
    """Write the tables, and what is missing in them."""
    text = HEAD.format(
        path=os.path.relpath(path),
        date=datetime.date.today().isoformat(),
        cores=os.cpu_count(),
        machine=platform.machine(),
    )
    for kind in dict.fromkeys(fault.kind for fault in faults):
        text += TABLE.format(title=kind)
        rows = [fault for fault in faults if fault.kind == kind]
        text += "".join(f"| {f.fault} | {f.happened} | {f.seconds:.1f} | {f.chunks} |\n" for f in rows)
    text += CHAT_HEAD if chats else ""
    for kind in dict.fromkeys(chat.kind for chat in chats):
        text += CHAT_TABLE.format(title=kind)
        text += "".join(
            f"| {one.fault} | {one.question} | {one.frames} | {one.llm} | {one.stored} "
            f"| {one.seconds:.1f} |\n"
            for one in chats
            if one.kind == kind
        )
    if missing:
        text += "\n## Not shown\n\n" + "".join(f"- `{one.name}`: {one.why}\n" for one in missing)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
