"""Hints over the channel layer: "this changed, look again". Delivery is at most once; nothing depends on it.

A consumer joins a group and gets `{"type": kind, **data}`; dots in `kind` become its method's underscores.
"""

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

ACCESS_GROUP = "access"  # somebody's access to some collection changed: check again


def user_group(user_id: int) -> str:
    """Sockets of one user. `user.revoked`: tokens or a page session of his ended, look whether it was yours;
    `session.changed`: one of his chats did.
    """
    return f"user.{user_id}"


def collection_group(collection_id: int) -> str:
    """Sockets that watch the documents of one collection."""
    return f"collection.{collection_id}"


def publish(group: str, kind: str, **data: Any) -> None:
    """Send a hint once the surrounding transaction has committed. Loses it, logged, when Redis is away."""

    def send() -> None:
        layer = get_channel_layer()
        try:
            async_to_sync(layer.group_send)(group, {"type": kind, **data})
        except (RedisError, OSError) as error:
            log.warning("hint %s to %s was lost: %s", kind, group, error)

    transaction.on_commit(send)


async def publish_async(group: str, kind: str, **data: Any) -> None:
    """The same from async code, at once."""
    try:
        await get_channel_layer().group_send(group, {"type": kind, **data})
    except (RedisError, OSError) as error:
        log.warning("hint %s to %s was lost: %s", kind, group, error)
