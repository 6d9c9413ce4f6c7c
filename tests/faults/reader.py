"""Somebody who asks all the time, and what he was answered."""

import threading
from types import TracebackType

import httpx

from tests.faults.stack import Stack

QUESTION = "What is the name of the lighthouse keeper?"
PAUSE_SECONDS = 0.2


def keeper(name: str) -> bytes:
    """A sentence that answers the question."""
    return f"The name of the lighthouse keeper is {name}.\n".encode()


class Reader:
    """Searches a model again and again while the block lasts.

    Attributes:
        answers: per search, the passages' texts by their ids.
        refused: what was answered instead of 200.
    """

    def __init__(self, stack: Stack, collection: int) -> None:
        self.answers: list[dict[int, str]] = []
        self.refused: list[str] = []
        self._path = f"/api/models/{collection}/search"
        self._client = httpx.Client(
            base_url=stack.client.base_url, headers=stack.client.headers, timeout=60, trust_env=False
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Reader":
        self.ask()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.ask()
        self._client.close()

    def ask(self) -> None:
        """Once."""
        answer = self._client.post(self._path, json={"query": QUESTION})
        if answer.status_code != 200:
            self.refused.append(answer.text)
            return
        found = answer.json()["results"]
        self.answers.append({hit["chunk_id"]: hit["chunk_content"] for hit in found})

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            self.ask()

    def assert_always_answered(self, before: set[int], after: set[int]) -> None:
        """Each answer came from what was served before or, later, from what took its place; none was empty.

        Args:
            before: ids of the chunks that were served.
            after: those that are served now; the same when nothing was to change.
        """
        assert self.refused == []
        assert all(self.answers)
        ids = [set(answer) for answer in self.answers]
        assert ids[0] <= before
        assert ids[-1] <= after
        changed = next((n for n, found in enumerate(ids) if not found <= before), len(ids))
        assert all(found <= after for found in ids[changed:])
