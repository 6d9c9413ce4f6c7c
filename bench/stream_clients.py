"""Readers of many answers, in a process of their own, which reads its orders (JSON) from its input.

Opens a socket for each person, lets all ask within `spread` seconds, checks every frame, and prints what was
seen. Some reload in the middle: they close their socket, open another, and follow from where they were, or
from the beginning as a page does that has lost everything.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import websockets

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.scripted_llm import times

RELOAD_SECONDS = 0.5  # from the end of a socket to the opening of the next
CALM_SECONDS = 3.0  # after the last question; then all answers are written and nobody asks


@dataclass
class Seen:
    """What one reader saw of his answer."""

    frames: int = 0
    repeated: int = 0
    gaps: int = 0
    text: list[str] = field(default_factory=list)
    whole: str | None = None
    tokens: int = 0  # so far; each is a word
    pieces: list[tuple[int, int, float, float]] = field(default_factory=list)  # see `Reader.take`
    ended: float = 0.0
    started: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    session: str = ""
    answer: int = 0
    last: int = 0


class Reader:
    """One person with one question."""

    def __init__(self, orders: dict[str, Any], token: str, number: int) -> None:
        self.orders, self.token, self.number = orders, token, number
        self.seen = Seen()
        self.reload_at: float | None = None

    async def open(self) -> Any:
        """A socket."""
        address = f"{self.orders['address']}/api/chat/ws"
        protocol = f"bearer.{self.token}"
        return await websockets.connect(address, subprotocols=[protocol], open_timeout=60, max_queue=None)

    async def run(self, begin: asyncio.Event, ready: asyncio.Semaphore) -> Seen:
        """Ask, read to the end, perhaps with a reload."""
        async with ready:
            socket = await self.open()
        await begin.wait()
        await asyncio.sleep(self.orders["spread"] * self.number / self.orders["people"])
        self.seen.started = time.monotonic()
        question = {
            "type": "chat",
            "model_id": self.orders["model"],
            "message": f"{self.orders['question']} {self.number}",
        }
        await socket.send(json.dumps(question))
        every = self.orders["reload_every"]
        if every and self.number % every == 0:
            self.reload_at = self.seen.started + self.orders["reload_after"]
        while not await self.read(socket):
            await asyncio.sleep(RELOAD_SECONDS)
            socket = await self.open()
            if self.number % (2 * every):
                after = self.seen.last
            else:
                after, self.seen.text, self.seen.last, self.seen.tokens = 0, [], 0, 0
            self.fresh_from = time.monotonic()
            resume = {"type": "resume", "session_id": self.seen.session, "after_seq": after}
            await socket.send(json.dumps(resume | {"message_id": self.seen.answer}))
        await socket.close()
        return self.seen

    fresh_from = 0.0

    async def read(self, socket: Any) -> bool:
        """To the end (True) or to the reload (False)."""
        async for text in socket:
            self.take(json.loads(text), time.monotonic())
            if self.seen.whole is not None or self.seen.errors:
                return True
            if self.reload_at is not None and time.monotonic() > self.reload_at:
                self.reload_at = None
                await socket.close()
                return False
        self.seen.errors.append("closed")
        return True

    def take(self, frame: dict[str, Any], now: float) -> None:
        """Check one frame."""
        seen, kind = self.seen, frame["type"]
        if kind == "session_changed":
            return
        if kind == "error":
            seen.errors.append(frame["code"])
            return
        seen.frames += 1
        seen.session, seen.answer = frame["session_id"], frame["message_id"]
        if frame["seq"] <= seen.last:
            seen.repeated += 1
            return
        seen.gaps += frame["seq"] - seen.last - 1
        seen.last = frame["seq"]
        seen.marks.setdefault(kind, (now - seen.started) * 1000)
        if kind == "stream_chunk":
            before, tail = seen.tokens, "".join(seen.text[-1:])[-1:]
            seen.text.append(frame["content"])
            seen.tokens += len((tail + frame["content"]).split()) - len(tail.split())
            seen.pieces.append((before, seen.tokens, now, self.fresh_from))
        elif kind == "stream_end":
            seen.whole = frame["content"]
            seen.ended = now


def ages(seen: Seen, sent: np.ndarray) -> list[tuple[float, float, bool]]:
    """Of each token that came for the first time: when sent, ms on the way, whether its frame's newest.

    Args:
        sent: when the tokens of this answer were sent.
    """
    found = []
    for first, end, now, fresh_from in seen.pieces:
        fresh = [float(one) for one in sent[first:end] if one > fresh_from]
        found += [(one, (now - one) * 1000, at == len(fresh)) for at, one in enumerate(fresh, 1)]
    return found


async def main() -> None:
    """Everybody at once."""
    orders = json.load(sys.stdin)
    begin, ready = asyncio.Event(), asyncio.Semaphore(20)
    readers = [Reader(orders, token, number) for number, token in enumerate(orders["tokens"])]
    tasks = [asyncio.create_task(reader.run(begin, ready)) for reader in readers]
    await asyncio.sleep(orders["settle"])
    print(json.dumps({"at": "asked"}), flush=True)
    begin.set()
    results = [await task for task in tasks]
    expected = orders["answer_tokens"]
    for one in results:
        words = (one.whole or "").split()
        if len(words) != expected or "".join(one.text).split() != words:
            one.errors.append(
                f"{len(words)} tokens of {expected}, {len(''.join(one.text).split())} in frames"
            )
    calm = max(one.started for one in results) + CALM_SECONDS, min(one.ended or 0.0 for one in results)
    sent = times(Path(orders["times"]), expected)
    aged = [age for one in results if one.text for age in ages(one, sent[int(one.text[0].split()[0])])]
    calmly = [one for one in aged if calm[0] < one[0] < calm[1]]
    print(
        json.dumps(
            {
                "calm_seconds": round(calm[1] - calm[0], 1),
                "calm_frame_ages": [round(age, 1) for _, age, is_newest in calmly if is_newest],
                "calm_ages": [round(age, 1) for _, age, _ in calmly],
                "frames": sum(one.frames for one in results),
                "repeated": sum(one.repeated for one in results),
                "gaps": sum(one.gaps for one in results),
                "errors": [error for one in results for error in one.errors][:20],
                "ages": [round(age, 1) for _, age, _ in aged],
                "marks": {
                    kind: [round(one.marks[kind], 1) for one in results if kind in one.marks]
                    for kind in ("user_message", "sources", "stream_start", "stream_chunk")
                },
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(main())
