"""What a socket's address that does not exist answers."""

from collections.abc import Awaitable, Callable
from typing import Any


async def no_such_socket(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Refuse the handshake; the server makes an HTTP 403 of it."""
    await receive()
    await send({"type": "websocket.close"})
