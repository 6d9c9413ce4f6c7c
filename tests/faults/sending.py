"""Uploads whose bytes are sent when the test says so: by form on one connection, or resumable."""

import http.client
import io
import json
import os
import socket
from collections.abc import Iterable
from typing import Any

import httpx
import pypdf

from tests.documents.files import make_pdf
from tests.documents.tus import PIECE, VERSION, metadata
from tests.faults.disk import MEGABYTE
from tests.faults.stack import Stack

BOUNDARY = "cut-in-two"


def bulky(megabytes: int) -> bytes:
    """A PDF of a few words that carries so much ballast."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(["The harbour has two cranes and a bridge."])))
    writer.add_attachment("ballast", os.urandom(megabytes * MEGABYTE))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


class Sending:
    """A connection on which the first part of an upload has been sent.

    Args:
        first: so many bytes of the body.
    """

    def __init__(self, stack: Stack, collection: int, content: bytes, name: str, first: int) -> None:
        disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        opening = f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode()
        self.body = opening + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        head = (
            f"POST /api/models/{collection}/documents HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: {stack.client.headers['Authorization']}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
            f"Content-Length: {len(self.body)}\r\n\r\n"
        )
        self.first = first
        self.socket = socket.create_connection(("127.0.0.1", stack.port), timeout=60)
        self.socket.sendall(head.encode() + self.body[:first])

    def send_rest(self) -> None:
        self.socket.sendall(self.body[self.first :])

    def answer(self) -> tuple[int, dict[str, Any]]:
        """Status and JSON."""
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        return response.status, json.loads(response.read())

    def close(self) -> None:
        self.socket.close()


def announce(stack: Stack, collection: int, content: bytes, name: str) -> str:
    """Begin a resumable upload; its path."""
    fields = {
        "Upload-Length": str(len(content)),
        "Upload-Metadata": metadata(filename=name, model_id=collection),
    }
    answer = stack.client.post("/api/uploads", headers=VERSION | fields)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def received(stack: Stack, path: str) -> int:
    """How much of it counts."""
    return int(stack.client.head(path, headers=VERSION).headers["Upload-Offset"])


def patch(stack: Stack, path: str, offset: int, piece: bytes | Iterable[bytes]) -> httpx.Response:
    """Send what comes at the offset."""
    headers = VERSION | {"Upload-Offset": str(offset), "Content-Type": PIECE}
    return stack.client.patch(path, content=piece, headers=headers)
