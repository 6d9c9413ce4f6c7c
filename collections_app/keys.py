"""The API key of a model: stored encrypted, never given back, and bound to where it may be sent."""

from urllib.parse import urlsplit

from collections_app.models import Collection, Provider

HINT_CHARS = 4
SHORTEST_WITH_HINT = 12  # of a shorter key, four characters would give too much away
DEFAULT_PORTS = {"http": 80, "https": 443}

Destination = tuple[str, str, str, int | None]


def destination(provider: str, base_url: str) -> Destination:
    """Where a key goes: (provider, scheme, host, port). A key stored for one is never sent to another."""
    if provider in (Provider.EXTRACTIVE, Provider.BUILTIN):
        return (provider, "", "", None)
    parts = urlsplit(base_url.strip())
    scheme = parts.scheme.lower()
    return (provider, scheme, (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS.get(scheme))


def put(collection: Collection, key: str) -> None:
    """Set the key and its hint on the instance; the empty string clears both."""
    collection.api_key = key or None  # type: ignore[assignment]
    collection.api_key_hint = key[-HINT_CHARS:] if len(key) >= SHORTEST_WITH_HINT else ""
