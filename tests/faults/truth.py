"""What must hold after every fault, however it went."""

import json
import os
import random
import time
from typing import Any

import numpy as np
import pytest

from tests.faults.stack import Stack

long = pytest.mark.skipif(
    os.environ.get("FAULTS_LONG") != "1", reason="lasts minutes; run with FAULTS_LONG=1"
)
FINAL = ("completed", "failed", "cancelled")
WORDS = [
    "harbour",
    "ledger",
    "copper",
    "winter",
    "branch",
    "signal",
    "garden",
    "theory",
    "window",
    "letter",
    "market",
    "bridge",
    "river",
    "engine",
    "castle",
    "voyage",
    "mirror",
    "candle",
    "forest",
    "tunnel",
]
CHUNK = (
    "part_index, index, content, context, section, page_from, page_to, row_from, row_to, line_from, line_to, "
    "char_start, char_end, c.token_count, embedding::text"
)


def book(sentences: int = 5000) -> bytes:
    """A text that no cache knows, of about 85 characters per sentence: 5000 are ten parts."""
    dice = random.Random()
    lines = (" ".join(dice.choices(WORDS, k=9)).capitalize() + f" {dice.random()}." for _ in range(sentences))
    return "\n".join(lines).encode()


def table(rows: int) -> bytes:
    """A CSV that no cache knows."""
    dice = random.Random()
    lines = (f"{n},{dice.choice(WORDS)},{dice.choice(WORDS)} {dice.random()}" for n in range(rows))
    return ("number,place,note\n" + "\n".join(lines)).encode()


def settle(stack: Stack, document_id: int, seconds: float = 150) -> float:
    """Wait for a final state; how long that took."""
    started = time.monotonic()
    query = "SELECT status FROM documents_document WHERE id = %s"
    stack.wait(lambda: stack.value(query, document_id) in FINAL, seconds)
    return time.monotonic() - started


def chunks(stack: Stack, document_id: int) -> list[dict[str, Any]]:
    """What readers see, in order."""
    return stack.rows(
        f"SELECT {CHUNK} FROM documents_chunk c JOIN documents_document d ON d.id = c.document_id "
        "WHERE d.id = %s AND c.generation = d.active_generation ORDER BY part_index, index",
        document_id,
    )


def assert_completed(stack: Stack, document_id: int) -> int:
    """Completed, each part done once, embedded chunks = chunks = the parts' sum; how many."""
    [row] = stack.rows("SELECT * FROM documents_document WHERE id = %s", document_id)
    assert (row["status"], row["error_code"], row["error_message"]) == ("completed", "", ""), row
    assert (row["lease_owner"], row["lease_until"], row["building_generation"]) == ("", None, None)
    parts = stack.rows("SELECT * FROM documents_documentpart WHERE document_id = %s", document_id)
    assert {part["generation"] for part in parts} == {row["active_generation"]}
    assert [part["index"] for part in sorted(parts, key=lambda part: part["index"])] == list(
        range(row["parts_total"])
    )
    assert {part["status"] for part in parts} == {"done"}
    assert row["parts_done"] == row["parts_total"]
    everything = stack.value("SELECT count(*) FROM documents_chunk WHERE document_id = %s", document_id)
    seen = chunks(stack, document_id)
    assert len(seen) == everything == row["chunk_count"] == sum(part["chunk_count"] for part in parts) > 0
    assert all(chunk["embedding"] for chunk in seen)
    keys = {(chunk["part_index"], chunk["index"]) for chunk in seen}
    assert len(keys) == len(seen)
    assert row["token_count"] == sum(chunk["token_count"] for chunk in seen)
    answer = stack.document(document_id)
    assert (answer["status"], answer["error"], answer["progress"]["percent"]) == ("completed", None, 100)
    return len(seen)


def assert_as_undisturbed(
    stack: Stack, document_id: int, content: bytes, name: str = "book.txt", collection: int | None = None
) -> int:
    """The same chunks, places and vectors as the same file gives in peace; how many chunks.

    Args:
        collection: where to upload it for that; a new one with default settings when None.
    """
    count = assert_completed(stack, document_id)
    other = stack.upload(content, name, collection)
    settle(stack, other)
    assert_completed(stack, other)
    first, second = chunks(stack, document_id), chunks(stack, other)
    vectors = [[json.loads(chunk.pop("embedding")) for chunk in found] for found in (first, second)]
    assert first == second
    # one of the two was rounded to half precision once more, in the cache
    assert np.abs(np.array(vectors[0]) - np.array(vectors[1])).max() < 1e-3
    return count


def assert_ended(stack: Stack, document_id: int, status: str, code: str) -> None:
    """Failed or cancelled, says why and what to do, and left nothing half made."""
    answer = stack.document(document_id)
    assert answer["status"] == status
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]
    assert answer["error"]["next_step"]
    if answer["progress"]["chunks"] == 0:
        for name in ("chunk", "documentpart"):
            query = f"SELECT count(*) FROM documents_{name} WHERE document_id = %s"
            assert stack.value(query, document_id) == 0


def assert_tidy(stack: Stack) -> None:
    """No lease of anybody, no orphan, no file without a document and none missing. Nothing may be in work."""
    for name in ("document", "documentpart"):
        query = f"SELECT count(*) FROM documents_{name} WHERE lease_owner <> '' OR lease_until IS NOT NULL"
        assert stack.value(query) == 0, name
    for name in ("chunk", "documentpart"):
        query = (
            f"SELECT count(*) FROM documents_{name} c LEFT JOIN documents_document d ON d.id = c.document_id "
            "WHERE d.id IS NULL OR d.active_generation IS DISTINCT FROM c.generation"
        )
        assert stack.value(query) == 0, name
    twice = (
        "SELECT count(*) FROM (SELECT 1 FROM documents_chunk "
        "GROUP BY document_id, generation, part_index, index HAVING count(*) > 1) AS twice"
    )
    assert stack.value(twice) == 0
    names = stack.rows("SELECT stored_name FROM documents_document WHERE stored_name <> ''")
    files = {path.name for path in (stack.data / "files").rglob("*") if path.is_file()}
    assert files == {row["stored_name"] for row in names}
    assert [path.name for path in (stack.data / "tmp").rglob("*") if path.is_file()] == []
