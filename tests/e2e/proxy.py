"""A reverse proxy that somebody has set up without thinking of WebSockets."""

import re
import socket
import threading

UPGRADE = re.compile(rb"(?im)^(upgrade|connection):[^\r\n]*\r\n")


class Proxy:
    """In front of a port of this machine. Unless `upgrades`, it leaves out what asks for a WebSocket.

    Attributes:
        handshakes: how many WebSockets were asked for.
    """

    def __init__(self, port: int) -> None:
        self.upgrades = False
        self.handshakes = 0
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
        threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
        _pass_on(client, server)

    def stop(self) -> None:
        """Take no more connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while some := source.recv(65536):
            sink.sendall(some)
    except OSError:  # one side has gone
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
