"""What workers ask of PostgreSQL."""

from tests.faults.truth import book

SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"


def test_a_worker_keeps_its_connections_from_part_to_part(stack):
    first = stack.upload(book(300))
    stack.wait(lambda: stack.document(first)["status"] == "completed", 120)
    before = stack.value(SESSIONS)
    document = stack.upload(book(12_000))
    stack.wait(lambda: stack.document(document)["status"] == "completed", 240)
    parts = stack.parts(document, "done")
    assert parts >= 20
    assert stack.value(SESSIONS) - before < parts / 2
