"""The cache holds JSON, never pickles: what Redis returns is data, not code."""

import json
from typing import Any


class JsonSerializer:
    """Django's Redis cache calls `dumps` and `loads`; whole numbers stay raw so that `incr` works."""

    def dumps(self, value: Any) -> bytes | int:
        if type(value) is int:
            return value
        return json.dumps(value, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)
