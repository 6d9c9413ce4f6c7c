"""A reverse proxy that somebody has set up without thinking of WebSockets."""

import re
import socket
import threading
from collections.abc import Iterator

UPGRADE = re.compile(rb"(?im)^(upgrade|connection):[^\r\n]*\r\n")
EVENTS = b"content-type: text/event-stream"


class Proxy:
    """In front of a port of this machine. Unless `upgrades`, it leaves out what asks for a WebSocket.

    Attributes:
        handshakes: how many WebSockets were asked for.
        cuts: whether event streams end before their first event.
    """

    def __init__(self, port: int) -> None:
        self.upgrades = False
        self.handshakes = 0
        self.cuts = False
        self._silenced = 0
        self._behind = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # stopped
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (some := client.recv(65536)):
                client.close()
                return
            head += some
        if b"upgrade: websocket" in head.lower():  # browsers open a connection of its own for that
            self.handshakes += 1
            if not self.upgrades:
                head = UPGRADE.sub(b"", head)
        server = socket.create_connection(("127.0.0.1", self._behind))
        server.sendall(head)
        threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
        _pass_on(server, iter(lambda: client.recv(65536), b""))
        _end(server, client)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        _pass_on(client, self._answered(server))
        _end(server, client)

    def _answered(self, server: socket.socket) -> Iterator[bytes]:
        """What the server says, as far as the browser is to hear it."""
        silenced = None  # how often that was done when the connection became a stream
        while some := server.recv(65536):
            if EVENTS in some.lower():
                silenced = self._silenced
                if self.cuts:
                    yield some.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                    return
            if silenced in (None, self._silenced):
                yield some

    def silence(self) -> None:
        """Pass on nothing any more of the event streams that are open, and leave them open."""
        self._silenced += 1

    def stop(self) -> None:
        """Take no more connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def _pass_on(sink: socket.socket, pieces: Iterator[bytes]) -> None:
    try:
        for some in pieces:
            sink.sendall(some)
    except OSError:  # one side has gone
        pass


def _end(*ends: socket.socket) -> None:
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
