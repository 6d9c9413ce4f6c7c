"""The documents' socket: a snapshot of what is unfinished, then every change, at most four times a second."""

import asyncio
import json
import time
import uuid
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db.models import Q, QuerySet
from redis.exceptions import RedisError

from accounts.models import User
from accounts.ws_auth import user_now
from collections_app.access import get_for
from config import events
from config.errors import ErrorCode, VerbatimError
from documents.api.serializers import DocumentSerializer
from documents.models import UNFINISHED, Document
from documents.selectors import documents_visible_to

CLOSE_UNAUTHENTICATED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_TOO_SLOW = 4408
CLOSE_TRY_LATER = 1013
SEND_SECONDS = 15.0
INTERVAL_SECONDS = 0.25


class DocumentsConsumer(AsyncWebsocketConsumer):
    """One page that watches one model's documents, or with `session_id` those of one chat of its user.

    Frames: `{"type": "document", "document": {…}}` and, when one is gone, `{"type": "document_deleted",
    "document_id"}`. Hints say only that something changed; every frame is read under the user's access.
    """

    async def connect(self) -> None:
        self.groups_joined: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.due: dict[int, float] = {}
        self.waiting: set[int] = set()
        self.told: dict[int, datetime] = {}  # unfinished documents, as they were when they were told
        self.sending = asyncio.Lock()
        self.user: User = self.scope["user"]
        await self.accept(subprotocol=self.scope.get("auth_subprotocol"))
        query = dict(parse_qsl(self.scope["query_string"].decode("latin-1")))
        try:
            self.collection_id = int(query.get("model_id", ""))
            self.session_id = uuid.UUID(query["session_id"]) if query.get("session_id") else None
        except ValueError:
            await self._refuse(VerbatimError(ErrorCode.NOT_FOUND), CLOSE_FORBIDDEN)
            return
        if self.scope.get("auth_key") is not None:  # keys ask and read chats, nothing else
            await self._refuse(VerbatimError(ErrorCode.API_KEY_NOT_ACCEPTED), CLOSE_FORBIDDEN)
            return
        if not await self._still_allowed():
            return
        await self._join()
        if (expires := self.scope.get("auth_expires")) is not None:
            self._spawn(self._expire(expires))
        await self._make_good()

    async def disconnect(self, code: int) -> None:
        for task in self.tasks:
            task.cancel()
        for group in self.groups_joined:
            try:
                await self.channel_layer.group_discard(group, self.channel_name)
            except (RedisError, OSError):
                return  # the layer forgets the channel by itself

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """The socket only tells; `ping` is answered so that clients can see that it lives."""
        if not await self._still_allowed():
            return
        try:
            frame = json.loads(text_data or "")
        except ValueError:
            frame = None
        if isinstance(frame, dict) and frame.get("type") == "ping":
            await self._send({"type": "pong"})
            await self._make_good()
        else:
            code = ErrorCode.UNKNOWN_FRAME if isinstance(frame, dict) else ErrorCode.MALFORMED_FRAME
            await self._send_error(VerbatimError(code))

    async def _make_good(self) -> None:
        """A hint may be lost, and the last one was the end: tell what is no longer as it was told."""
        for document_id in await database_sync_to_async(self._missed)():
            await self.document_changed({"document_id": document_id})

    async def document_changed(self, message: dict[str, Any]) -> None:
        """A hint: at once when the document was quiet, else at the end of its quarter second."""
        document_id = int(message["document_id"])
        if document_id not in self.waiting:
            self.waiting.add(document_id)
            self._spawn(self._tell(document_id))

    async def access_changed(self, message: dict[str, Any]) -> None:
        """Somebody's access changed, perhaps this user's."""
        await self._still_allowed()

    async def user_revoked(self, message: dict[str, Any]) -> None:
        """Tokens (password, role, deactivation) or a page session of his ended."""
        await self._still_allowed()

    async def session_changed(self, message: dict[str, Any]) -> None:
        """For the chat's sockets; nothing about documents."""

    async def _tell(self, document_id: int) -> None:
        now = time.monotonic()
        at = max(now, self.due.get(document_id, 0))
        self.due[document_id] = at + INTERVAL_SECONDS
        await asyncio.sleep(at - now)
        self.waiting.discard(document_id)  # what changes from here on is told in the next frame
        if not await self._still_allowed():
            return
        known, document = await database_sync_to_async(self._read)(document_id)
        if document is not None:
            await self._send({"type": "document", "document": document})
        elif not known:
            self.due.pop(document_id, None)
            await self._send({"type": "document_deleted", "document_id": document_id})

    async def _still_allowed(self) -> bool:
        """Close the socket when its user may not watch any more."""
        try:
            await database_sync_to_async(self._check)()
        except VerbatimError as error:
            signed_out = error.code == ErrorCode.NOT_AUTHENTICATED
            await self._refuse(error, CLOSE_UNAUTHENTICATED if signed_out else CLOSE_FORBIDDEN)
            return False
        return True

    def _check(self) -> None:
        user = user_now(self.scope)
        if user is None:
            raise VerbatimError(ErrorCode.NOT_AUTHENTICATED)
        self.user = user
        get_for(user, self.collection_id)

    def _scope(self) -> QuerySet[Document]:
        """The watched documents; the user's right is part of the query."""
        rows = documents_visible_to(self.user).filter(
            collection_id=self.collection_id, session_id=self.session_id
        )
        return rows.select_related("uploaded_by")

    def _missed(self) -> list[int]:
        """Ids of documents that are unfinished, or were when they were told, and have changed since."""
        rows = self._scope().filter(Q(status__in=UNFINISHED) | Q(pk__in=list(self.told)))
        now = dict(rows.values_list("pk", "changed_at"))
        gone = [pk for pk in self.told if pk not in now]
        return gone + [pk for pk, changed_at in now.items() if self.told.get(pk) != changed_at]

    def _read(self, document_id: int) -> tuple[bool, dict[str, Any] | None]:
        """(whether the document exists at all, its data when this socket may show it)."""
        row = self._scope().filter(pk=document_id).first()
        self.told.pop(document_id, None)
        if row is not None:
            if row.status in UNFINISHED:
                self.told[document_id] = row.changed_at
            return True, dict(DocumentSerializer(row).data)
        return Document.objects.filter(pk=document_id).exists(), None

    async def _join(self) -> None:
        groups = (
            events.collection_group(self.collection_id),
            events.user_group(self.user.pk),
            events.ACCESS_GROUP,
        )
        try:
            for group in groups:
                await self.channel_layer.group_add(group, self.channel_name)
                self.groups_joined.append(group)
        except (RedisError, OSError):
            await self._refuse(VerbatimError(ErrorCode.SERVICE_UNAVAILABLE), CLOSE_TRY_LATER)

    async def _expire(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.time()))
        await self.close(CLOSE_UNAUTHENTICATED)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _refuse(self, error: VerbatimError, code: int) -> None:
        await self._send_error(error)
        await self.close(code)

    async def _send_error(self, error: VerbatimError) -> None:
        await self._send(
            {
                "type": "error",
                "code": str(error.code),
                "message": error.message,
                "retryable": error.retryable,
            }
        )

    async def _send(self, frame: dict[str, Any]) -> None:
        """Within a deadline: a client that stops reading is dropped, not waited for."""
        try:
            async with asyncio.timeout(SEND_SECONDS), self.sending:
                await self.send(json.dumps(frame, default=str))
        except TimeoutError:
            await self.close(CLOSE_TOO_SLOW)
