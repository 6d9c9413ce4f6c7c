"""Uploads, and waiting for what a worker makes of them."""

import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from documents.models import UNFINISHED, Document

ROOT = Path(__file__).resolve().parent.parent.parent
CORPORA = ROOT.parent / "shared" / "corpora"


@pytest.fixture
def settle():
    """A function: wait until documents are in a final state, and return them fresh."""

    def wait(*documents: Document, seconds: float = 150) -> list[Document]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            rows = list(Document.objects.filter(pk__in=[document.pk for document in documents]))
            if not any(row.status in UNFINISHED for row in rows):
                return sorted(rows, key=lambda row: [d.pk for d in documents].index(row.pk))
            time.sleep(0.1)
        states = [(row.name, row.status, row.stage, row.parts_done, row.parts_total) for row in rows]
        log = (Path(settings.DATA_DIR) / "logs" / "worker.log").read_text()[-6000:]
        raise AssertionError(f"not settled: {states}\n{log}")

    return wait


@pytest.fixture
def upload(admin, collection):
    """A function: bytes and a name -> the queued document, uploaded by `admin` to `collection`."""
    from documents.services import document_upload

    def make(content: bytes, name: str, **options) -> Document:
        options = {"actor": admin, "collection": collection} | options
        return document_upload(file=SimpleUploadedFile(name, content), **options)

    return make


@pytest.fixture
def corpora() -> Path:
    """The shared corpora of real files."""
    if not CORPORA.is_dir():
        pytest.skip("the shared corpora are not on this machine")
    return CORPORA


@pytest.fixture
def saved(tmp_path):
    """A function: bytes -> the path of a file that holds them."""

    def make(content: bytes) -> str:
        path = tmp_path / "file"
        path.write_bytes(content)
        return str(path)

    return make
