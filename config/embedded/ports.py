"""Which ports are free."""

import socket

TRIES = 50


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def first_free(host: str, preferred: int) -> int:
    """The preferred port, or the next free one above it.

    Raises:
        RuntimeError: none of TRIES ports is free.
    """
    for port in range(preferred, min(preferred + TRIES, 65536)):
        if is_free(host, port):
            return port
    raise RuntimeError(f"No port from {preferred} to {preferred + TRIES - 1} is free on {host}.")


def any_free(host: str = "127.0.0.1") -> int:
    """Some free port."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]
