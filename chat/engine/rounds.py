"""What the running answers of one event loop do together, so that 200 of them cost little more than one.

Text becomes frames in a common beat; one question to Redis asks for all whether somebody wants them stopped;
one statement keeps what all of them have written so far; one check finds those whose reader lost his access.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from django.db import DatabaseError

from chat import selectors, services
from chat.engine import publish, stop, stream_log
from chat.engine.outcome import Draft
from chat.engine.threads import in_thread
from config.errors import ErrorCode

log = logging.getLogger(__name__)

FRAME_SECONDS = 0.04  # text is sent at most so often,
MAX_FRAME_SECONDS = 0.1  # and under load so often:
FRAME_SECONDS_PER_ANSWER = 0.0005  # reached with 200 answers in one process
SAVE_SECONDS = 1.0
ACCESS_SECONDS = 2.0

_rounds: WeakKeyDictionary[asyncio.AbstractEventLoop, "Rounds"] = WeakKeyDictionary()


class Running(Protocol):
    """An answer that is being written.

    Attributes:
        saved: the progress of its draft that is stored.
        ending: it is neither to be stopped nor to be kept any more.
        is_bound: its passages are stored: without them its text must not be.
    """

    message_id: int
    draft: Draft
    saved: tuple[int, int]
    ending: bool

    @property
    def is_bound(self) -> bool: ...

    def cut_frame(self) -> None:
        """Make a frame of the text that has come since the last one."""

    def stop(self, reason: ErrorCode) -> None:
        """End it now."""


def here() -> "Rounds":
    """The running event loop's rounds."""
    loop = asyncio.get_running_loop()
    if loop not in _rounds:
        _rounds[loop] = Rounds()
    return _rounds[loop]


class Rounds:
    """Goes round while there are answers."""

    def __init__(self) -> None:
        self._running: dict[int, Running] = {}
        self._uncut: dict[int, Running] = {}
        self._alive: set[int] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._saving = asyncio.Lock()

    def join(self, answer: Running) -> None:
        """Take an answer along."""
        self._running[answer.message_id] = answer
        self._ensure("listen", self._listen)
        self._ensure("keep", self._keep)

    async def last_words(self, answer: Running) -> None:
        """From now on its writer alone stores it; it still counts as alive."""
        answer.ending = True
        async with self._saving:
            pass

    def leave(self, answer: Running) -> None:
        """It is over."""
        for known in (self._running, self._uncut):
            known.pop(answer.message_id, None)
        self._alive.discard(answer.message_id)

    def frame_seconds(self) -> float:
        """How long text is gathered for a frame: longer while many answers are written."""
        return min(MAX_FRAME_SECONDS, max(FRAME_SECONDS, FRAME_SECONDS_PER_ANSWER * len(self._running)))

    def reading_pause(self) -> float:
        """How long LLMs' text is let gather between two reads: not at all until frames are slowed down."""
        seconds = self.frame_seconds()
        return seconds if seconds > FRAME_SECONDS else 0.0

    def cut_soon(self, answer: Running) -> None:
        """Cut its frame with the next beat."""
        self._uncut[answer.message_id] = answer
        self._ensure("cut", self._cut)

    def _ensure(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        task = self._tasks.get(name)
        if task is None or task.done():
            self._tasks[name] = asyncio.ensure_future(loop())

    async def _cut(self) -> None:
        while self._uncut:
            await asyncio.sleep(self.frame_seconds())
            due = list(self._uncut.values())
            self._uncut.clear()
            for answer in due:
                answer.cut_frame()

    async def _listen(self) -> None:
        """Show that they live, and look whether somebody asked one to stop."""
        beat_at = 0.0
        while self._running:
            try:
                now = time.monotonic()
                if now >= beat_at or self._running.keys() - self._alive:
                    alive = set(self._running)
                    await stream_log.heartbeats(alive)
                    self._alive = alive & self._running.keys()
                    if now >= beat_at:
                        publish.here().look_soon()
                        beat_at = now + stream_log.BEAT_SECONDS
                for message_id, reason in (await stop.asked(list(self._running))).items():
                    if (answer := self._running.get(message_id)) and not answer.ending:
                        answer.stop(reason)
            except stream_log.REDIS_ERRORS as error:
                publish.here().redis_failed(error)
                beat_at = 0.0  # it may come back without the heartbeats
            await asyncio.sleep(stop.POLL_SECONDS)

    async def _keep(self) -> None:
        """Store what has arrived, and end what is gone or what its reader may not read any more."""
        check_at = time.monotonic() + ACCESS_SECONDS
        while self._running:
            await asyncio.sleep(SAVE_SECONDS)
            try:
                async with self._saving:
                    await self._save()
                if time.monotonic() >= check_at:
                    check_at = time.monotonic() + ACCESS_SECONDS
                    await self._check()
            except DatabaseError as trouble:
                log.warning("%d answers could not be kept yet: %s", len(self._running), trouble)

    async def _save(self) -> None:
        grown = {
            answer: answer.draft.progress
            for answer in self._running.values()
            if answer.draft.progress != answer.saved and answer.is_bound and not answer.ending
        }
        if grown:
            contents = {answer.message_id: answer.draft.content for answer in grown}
            await in_thread(services.answers_progress, contents=contents)
            for answer, progress in grown.items():
                answer.saved = progress

    async def _check(self) -> None:
        for message_id, reason in (await in_thread(selectors.answers_lost, list(self._running))).items():
            if (answer := self._running.get(message_id)) and not answer.ending:
                answer.stop(reason)
