"""Speaking the tus protocol to a test client, and real servers to speak it to."""

import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from config.embedded import ports
from documents.ingestion import storage
from documents.models import Document
from tests.worker import ROOT, test_database_url

VERSION = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


WORDS = b"Some words about a harbour.\n" * 40


def stored(document_id: int) -> bytes:
    """The original that a document keeps."""
    return storage.path_of(Document.objects.get(pk=document_id).stored_name).read_bytes()


def error(answer) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]


def metadata(**fields: Any) -> str:
    """`Upload-Metadata`."""
    return ",".join(
        f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in fields.items()
    )


def announce(client, size: int, *, headers: dict[str, str] | None = None, **fields: Any):
    """POST /api/uploads."""
    fields = {"filename": "notes.txt"} | fields
    sent = VERSION | {"Upload-Length": str(size), "Upload-Metadata": metadata(**fields)} | (headers or {})
    return client.generic("POST", "/api/uploads", b"", "", headers=sent)


def send(client, path: str, offset: int, piece: bytes, *, content_type: str = PIECE, **headers: str):
    """PATCH a piece."""
    sent = VERSION | {"Upload-Offset": str(offset)} | headers
    return client.patch(path, piece, content_type=content_type, headers=sent)


def whole(client, content: bytes, **fields: Any):
    """Announce and send in one piece; the last answer."""
    answer = announce(client, len(content), **fields)
    return send(client, answer["Location"], 0, content) if answer.status_code == 201 else answer


class Server:
    """The product behind uvicorn, as a process that may be killed and started again on the same port."""

    def __init__(self) -> None:
        self.port = ports.any_free()
        self.log = Path(settings.DATA_DIR) / "logs" / "web.log"
        self.process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Server":
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(self.port)],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": test_database_url()},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            try:
                httpx.get(f"{self.address}/health/live", trust_env=False)
                return self
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
