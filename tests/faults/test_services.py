"""Redis and PostgreSQL forget, stop and come back in the middle."""

import signal
import time

import pytest

from tests.faults.test_workers import in_the_middle
from tests.faults.truth import assert_as_undisturbed, assert_completed, book, long, settle


def test_a_flushed_broker_loses_nothing(stack, record):
    content = book(4000)
    document = stack.upload(content)
    in_the_middle(stack, document)
    started = time.monotonic()
    stack.redis_client().flushall()
    settle(stack, document)
    seconds = time.monotonic() - started
    count = assert_as_undisturbed(stack, document, content)
    record("FLUSHALL of Redis in the middle", "completed", seconds, count)


def test_a_redis_that_is_away_for_twenty_seconds_loses_nothing(stack, record):
    content, second = book(4000), book(300)
    document = stack.upload(content)
    other = stack.collection()
    in_the_middle(stack, document)
    started = time.monotonic()
    stack.redis.kill()
    meanwhile = stack.upload(second, "meanwhile.txt", other)  # an upload needs no broker
    assert stack.health()["checks"]["redis"] == "does not answer"
    time.sleep(20)
    stack.start_redis()
    settle(stack, document)
    seconds = time.monotonic() - started
    settle(stack, meanwhile)
    later = time.monotonic() - started
    count = assert_as_undisturbed(stack, document, content)
    few = assert_completed(stack, meanwhile)
    assert stack.beat.runs()
    assert stack.workers[0].runs()
    record("Redis killed, back after 20 s and empty", "completed", seconds, count)
    record("A file uploaded while Redis is away (20 s)", "taken, waited, completed", later, few)


def test_a_worker_that_waits_for_messages_outlives_redis(stack, record):
    content = book(300)
    order = stack.order("part-worked", "process SIGSTOP")  # holds its message, while the worker asks for more
    document = stack.upload(content)
    stack.wait(lambda: not order.exists(), 60)
    started = time.monotonic()
    stack.redis.kill()
    time.sleep(3)
    stack.start_redis()
    time.sleep(5)
    stack.workers[0].signal(signal.SIGCONT)
    settle(stack, document)
    seconds = time.monotonic() - started
    assert stack.workers[0].runs()
    count = assert_as_undisturbed(stack, document, content)
    record("Redis killed while one pool process works and the other waits", "completed", seconds, count)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restarted_postgresql_loses_nothing(stack, record, mode):
    content = book(4000)
    document = stack.upload(content)
    in_the_middle(stack, document)
    started = time.monotonic()
    stack.stop_postgres(mode)
    stack.start_postgres()
    settle(stack, document)
    seconds = time.monotonic() - started
    count = assert_as_undisturbed(stack, document, content)
    assert stack.beat.runs()
    assert stack.workers[0].runs()
    how = {"fast": "in order", "immediate": "as after a crash"}[mode]
    record(f"PostgreSQL restarted in the middle, {how} (`{mode}`)", "completed", seconds, count)


@pytest.mark.parametrize("away", [15, pytest.param(40, marks=long), pytest.param(60, marks=long)])
def test_a_postgresql_that_is_away_for_long_fails_no_document(stack, record, away):
    content = book(4000)
    document = stack.upload(content)
    in_the_middle(stack, document)
    started = time.monotonic()
    stack.stop_postgres("immediate")
    assert stack.client.get(f"/api/documents/{document}").status_code in (500, 503)
    time.sleep(away)
    stack.start_postgres()
    settle(stack, document, 240)
    seconds = time.monotonic() - started
    count = assert_as_undisturbed(stack, document, content)
    assert stack.workers[0].runs()
    stack.wait(stack.beat.runs, 5)
    attempts = "SELECT max(attempts) FROM documents_documentpart WHERE document_id = %s"
    most = stack.value(attempts, document)
    assert most <= 2  # cut off once; a part may be cut off so twelve times
    record(
        f"PostgreSQL killed, back after {away} s",
        f"completed (no part was begun more than {most} times)",
        seconds,
        count,
    )
