"""What several browser tests do: sign in, make a model, watch documents, hold the workers."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.e2e.conftest import EMAIL, PASSWORD, Product

INGEST_MS = 180_000
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WIDE = {"viewport": {"width": 1440, "height": 900}}


def sign_in(page) -> None:
    """As the superadmin; signing in often within a minute is refused, so `superadmin_state` does it once."""
    page.goto("/signin")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def new_model(api, name: str) -> int:
    """A model that quotes, so that no LLM is needed."""
    made = api.post("/api/models", json={"name": name})
    assert made.status_code == 201, made.text
    return made.json()["id"]


def row_of(page, name: str):
    return page.get_by_test_id("document-row").filter(has_text=name)


def document_named(api, model_id: int, name: str) -> dict:
    """The only document of that name."""
    found = api.get(f"/api/models/{model_id}/documents", params={"page_size": 200}).json()["results"]
    (one,) = [document for document in found if document["name"] == name]
    return one


def wait_until(true, what: str, seconds: float = 120, page=None) -> None:
    """Ask again and again; with a page, its events arrive meanwhile."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(50) if page else time.sleep(0.1)


def process_of(product: Product, word: str) -> psutil.Process:
    """The child of the supervisor with this word on its command line."""
    children = psutil.Process(product.process.pid).children()
    return next(child for child in children if any(word in part for part in child.cmdline()))


@contextmanager
def workers_held(product: Product) -> Iterator[None]:
    """Nothing is read meanwhile: the ingestion workers are stopped as by Ctrl-Z."""
    worker = next(
        child
        for child in psutil.Process(product.process.pid).children()
        if "worker" in child.cmdline() and "celery" in " ".join(child.cmdline())
    )
    held = [worker, *worker.children(recursive=True)]
    for process in held:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in held:
            if process.is_running():
                process.send_signal(signal.SIGCONT)
