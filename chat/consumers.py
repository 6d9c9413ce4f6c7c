"""The chat's socket: who is there, what he says, which answers he watches. The engine does the rest."""

import asyncio
import json
import logging
import time
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from redis.exceptions import RedisError

from accounts.models import User
from accounts.ws_auth import CLOSE_TRY_LATER, user_now
from chat import protocol
from chat.engine import follow, runs
from chat.engine.threads import in_thread
from config import events
from config.api.exception_handler import to_verbatim_error
from config.errors import ErrorCode, VerbatimError

log = logging.getLogger(__name__)

CLOSE_UNAUTHENTICATED = 4401
CLOSE_TOO_SLOW = 4408
SEND_SECONDS = 15.0
FRAMES_PER_SECOND = 20.0
FRAMES_AT_ONCE = 60


class Pace:
    """Who goes on faster than FRAMES_PER_SECOND after FRAMES_AT_ONCE frames is read more slowly.

    What he sends meanwhile waits on his side of the connection.
    """

    def __init__(self) -> None:
        self._left = float(FRAMES_AT_ONCE)
        self._at = time.monotonic()

    async def frame(self) -> None:
        """One frame came in."""
        now = time.monotonic()
        self._left = min(FRAMES_AT_ONCE, self._left + (now - self._at) * FRAMES_PER_SECOND) - 1
        self._at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / FRAMES_PER_SECOND)


class ChatConsumer(AsyncWebsocketConsumer):
    """One open socket of one user. `SocketAuth` has put the user into the scope."""

    async def connect(self) -> None:
        self.user: User = self.scope["user"]
        self.follows: dict[int, asyncio.Task[None]] = {}
        self.watched: set[int] = set()
        self.sending = asyncio.Lock()
        self.pace = Pace()
        self.expiry: asyncio.Task[None] | None = None
        self.groups_joined: list[str] = []
        await self.accept(subprotocol=self.scope.get("auth_subprotocol"))
        await self._join()
        if (expires := self.scope.get("auth_expires")) is not None:
            self.expiry = asyncio.create_task(self._expire(expires))

    async def disconnect(self, code: int) -> None:
        for task in (*self.follows.values(), self.expiry):
            if task is not None:
                task.cancel()
        for group in self.groups_joined:
            try:
                await self.channel_layer.group_discard(group, self.channel_name)
            except (RedisError, OSError) as error:
                log.debug("group not left: %s", error)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.pace.frame()
        context: dict[str, Any] = {}
        try:
            frame = protocol.parse(text_data)
            context = protocol.names_of(frame)
            if (user := await self._user_now()) is not None:
                await self._handle(user, frame)
        except Exception as error:  # the outermost boundary: a frame never ends the socket
            refusal = to_verbatim_error(error)
            if refusal is None:
                log.exception("unexpected error in a frame")
                refusal = VerbatimError(ErrorCode.SERVER_ERROR)
            await self._send(json.dumps(protocol.error_frame(refusal, **context)))

    async def _handle(self, user: User, frame: protocol.ClientFrame) -> None:
        match frame:
            case protocol.ChatFrame():
                started = await runs.ask(
                    user=user,
                    model_id=frame.model_id,
                    message=frame.message,
                    session_id=frame.session_id,
                    client_id=frame.client_id,
                    origin=self.channel_name,
                )
                self._follow(started.message_id, 0)
            case protocol.RegenerateFrame():
                started = await runs.regenerate(
                    user=user, message_id=frame.message_id, origin=self.channel_name
                )
                self._follow(started.message_id, 0)
            case protocol.ContinueFrame():
                started = await runs.go_on(user=user, message_id=frame.message_id, origin=self.channel_name)
                self._follow(started.message_id, 0)
            case protocol.EditFrame():
                started = await runs.edit(
                    user=user,
                    message_id=frame.message_id,
                    message=frame.message,
                    client_id=frame.client_id,
                    origin=self.channel_name,
                )
                self._follow(started.message_id, 0)
            case protocol.StopFrame():
                await runs.stop_answer(user=user, message_id=frame.message_id)
            case protocol.ResumeFrame():
                answer, known = await in_thread(
                    follow.answer_to_resume, user, frame.session_id, frame.message_id
                )
                after = await follow.resume_point(answer, frame.after_seq) if known else 0
                self._follow(answer.pk, after)
            case protocol.PingFrame():
                await self._send('{"type":"pong"}')

    def _follow(self, message_id: int, after_seq: int) -> None:
        """Relay an answer from here on; a second request for the same one replaces the first."""
        if (old := self.follows.get(message_id)) is not None:
            old.cancel()
        task = asyncio.create_task(self._relay(message_id, after_seq))
        self.follows[message_id] = task
        self.watched.add(message_id)
        task.add_done_callback(lambda done: self._forget(message_id, done))

    def _forget(self, message_id: int, task: asyncio.Task[None]) -> None:
        if self.follows.get(message_id) is task:
            del self.follows[message_id]

    async def _relay(self, message_id: int, after_seq: int) -> None:
        try:
            async for text in follow.follow(message_id, after_seq):
                await self._send(text)
        except Exception as error:  # the outermost boundary of this task
            refusal = to_verbatim_error(error)
            if refusal is None:
                log.exception("answer %s: relaying it failed", message_id)
                refusal = VerbatimError(ErrorCode.SERVER_ERROR)
            await self._send(json.dumps(protocol.error_frame(refusal, message_id=message_id)))

    async def _send(self, text: str) -> None:
        """Send one frame. A client that does not read for SEND_SECONDS loses its socket, not its answer."""
        try:
            async with asyncio.timeout(SEND_SECONDS), self.sending:
                await self.send(text_data=text)
        except TimeoutError:
            log.info("a socket of user %s does not read; closing it", self.user.pk)
            await self.close(CLOSE_TOO_SLOW)
            for task in list(self.follows.values()):
                task.cancel()

    async def _user_now(self) -> User | None:
        """Who may still use this socket; when nobody may, it is closed."""
        user = await in_thread(user_now, self.scope)
        if user is None:
            await self.close(CLOSE_UNAUTHENTICATED)
        return user

    async def _join(self) -> None:
        try:
            for group in (events.user_group(self.user.pk), events.ACCESS_GROUP):
                await self.channel_layer.group_add(group, self.channel_name)
                self.groups_joined.append(group)
        except (RedisError, OSError) as error:
            log.warning("no hints for this socket: %s", error)

    async def _expire(self, expires: float) -> None:
        await asyncio.sleep(max(0.0, expires - time.time()))
        await self.close(CLOSE_UNAUTHENTICATED)

    # --- hints over the channel layer ---------------------------------------------------------------

    async def user_revoked(self, hint: dict[str, Any]) -> None:
        """Tokens (password, role, deactivation) or a page session of his ended: perhaps this socket's."""
        try:
            known = await self._user_now()
        except DatabaseError as error:  # who comes again is looked up again
            log.warning("user %s could not be looked up: %s", self.user.pk, error)
            await self.close(CLOSE_TRY_LATER)
            return
        if known is None:
            await self._end_what_may_not_be_read()

    async def access_changed(self, hint: dict[str, Any]) -> None:
        """Somebody's access to some model changed, perhaps this user's to what he is reading."""
        await self._end_what_may_not_be_read()

    async def _end_what_may_not_be_read(self) -> None:
        """The writers would notice by themselves within some seconds."""
        try:
            await runs.end_without_access(list(self.follows))
        except (RedisError, OSError, DatabaseError) as error:
            log.warning("access of user %s could not be looked up: %s", self.user.pk, error)

    async def session_changed(self, hint: dict[str, Any]) -> None:
        """A chat of his changed in another tab. Who watches the answer itself needs no hint about it."""
        if hint["origin"] != self.channel_name and hint["message_id"] not in self.watched:
            await self._send(json.dumps({"type": "session_changed", "session_id": hint["session_id"]}))
