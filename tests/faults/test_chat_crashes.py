"""Web processes, Redis and PostgreSQL die while an answer is written."""

import signal
import time

import pytest

from config import redis
from tests.contracts.servers import words
from tests.faults.chatting import Asked
from tests.faults.truth import long

PIECE = 20


def begin(chats, before: int = PIECE, **where):
    """An answer that has said so many words, and waits."""
    name, gate = chats.gated(before, PIECE)
    asked = chats.ask(name, **where)
    if before:
        asked.reader.until_text(words(before))
    else:
        asked.reader.until("stream_start")
        chats.wait_for_request(name)
    return asked, gate


def age(stack, asked) -> None:
    """As if it had begun longer ago than answers are let begin in peace."""
    stack.rows(
        "UPDATE chat_message SET created_at = created_at - interval '30 s' WHERE id = %s", asked.message_id
    )


def beside(chats, asked) -> Asked:
    """The same answer in a tab on the other web process, as far as it has been said."""
    tab = Asked(chats, chats.reader(chats.stack.other_port), asked.model_name, asked.question)
    tab.reader.say(type="resume", session_id=asked.session_id, after_seq=0)
    tab.reader.until_text(words(PIECE))
    return tab


@pytest.mark.parametrize("waits", [False, pytest.param(True, marks=long)])
def test_a_killed_web_process_leaves_what_had_arrived_and_a_retry_works(stack, chats, record_chat, waits):
    stack.start_other_web()
    asked, gate = begin(chats)
    tab = beside(chats, asked)
    stored = "SELECT content FROM chat_message WHERE id = %s"
    stack.wait(lambda: stack.value(stored, asked.message_id) == words(PIECE), 10)  # stored once a second
    started = time.monotonic()
    stack.web.kill()
    assert asked.record().closed.wait(5)
    if not waits:  # as if the seconds of its heartbeat were over, and it had been found silent for a while
        stack.redis_client().delete(redis.key("alive", str(asked.message_id)))
        stack.redis_client().set(redis.key("suspect", str(asked.message_id)), 1, ex=45)
        age(stack, asked)
    asked.resume_on(stack.other_port)
    asked.end()
    tab.end()
    seconds = time.monotonic() - started
    assert seconds < 35
    for one in (asked, tab):
        one.assert_kept("interrupted", words(PIECE), "interrupted")
    record_chat(
        "SIGKILL of the web process that writes the answer; the reader comes back on another one"
        + ("" if waits else " (its heartbeat ended by hand)"),
        asked,
        seconds,
    )
    stack.start_web()
    later = chats.reader(stack.port)
    later.say(type="resume", session_id=asked.session_id, after_seq=0)
    later.until("message_saved")
    assert later.frames[-2]["content"] == words(PIECE)
    gate.set()
    later.say(type="regenerate", message_id=asked.message_id)
    again = later.until("message_saved")
    assert again[-2]["content"] == words(2 * PIECE)
    assert again[-2]["finish_reason"] == "stop"


def test_redis_restarted_in_mid_answer_costs_no_word(stack, chats, record_chat):
    asked, gate = begin(chats)
    started = time.monotonic()
    stack.redis.kill()
    gate.set()
    time.sleep(1)  # the rest is written meanwhile
    stack.start_redis()
    asked.end()
    seconds = time.monotonic() - started
    asked.assert_kept("complete", words(2 * PIECE))
    record_chat("Redis killed in mid-answer, back after 1 s and empty", asked, seconds)


def test_redis_away_until_after_the_end_costs_no_word(stack, chats, record_chat):
    asked, gate = begin(chats)
    started = time.monotonic()
    stack.redis.kill()
    gate.set()
    status = "SELECT status FROM chat_message WHERE id = %s"
    stack.wait(lambda: stack.value(status, asked.message_id) == "complete", 30)
    time.sleep(6)  # longer than the writer waits for Redis
    stack.start_redis()
    asked.end()
    seconds = time.monotonic() - started
    row = asked.stored()
    assert (row["status"], row["content"]) == ("complete", words(2 * PIECE))
    assert asked.frames[-2]["content"] == words(2 * PIECE)
    record_chat("Redis killed in mid-answer, back 6 s after the answer's end and empty", asked, seconds)


@pytest.mark.parametrize("fault", ["Redis killed, back after 0.5 s and empty", "FLUSHALL of Redis"])
def test_a_redis_that_forgets_who_writes_lets_nobody_be_taken_for_dead(stack, chats, record_chat, fault):
    stack.start_other_web()
    asked, gate = begin(chats)
    tab = beside(chats, asked)
    age(stack, asked)
    model = stack.value("SELECT collection_id FROM chat_chatsession WHERE id = %s", asked.session_id)
    time.sleep(1)  # the next heartbeat is not due for seconds
    started = time.monotonic()
    if fault.startswith("FLUSHALL"):
        stack.redis_client().flushall()
    else:
        stack.redis.kill()
        time.sleep(0.5)
        stack.start_redis()
    status = "SELECT status FROM chat_message WHERE id = %s"
    again = chats.reader(stack.other_port)
    while time.monotonic() < started + 6:  # longer than from one heartbeat to the next
        listed = stack.client.get(f"/api/chat/sessions/{asked.session_id}/messages").json()["results"]
        assert [one["status"] for one in listed] == ["complete", "streaming"]
        again.say(type="chat", model_id=model, message="And now?", session_id=asked.session_id)
        assert again.hear()["code"] == "session_busy"
        assert stack.value(status, asked.message_id) == "streaming"
        time.sleep(0.1)
    assert not stack.redis_client().exists(redis.key("suspect", str(asked.message_id)))
    gate.set()
    for one in (asked, tab):
        one.end()
        one.assert_kept("complete", words(2 * PIECE))
    record_chat(
        f"{fault}, in mid-answer; nobody takes it for dead, a second question is told `session_busy` "
        "(what a reader on the other process saw)",
        tab,
        time.monotonic() - started,
    )


@long
def test_a_redis_frozen_for_longer_than_heartbeats_last_lets_nobody_be_taken_for_dead(
    stack, chats, record_chat
):
    many = 7000  # words, 5 ms each: enough for the time that Redis is frozen, and for a while after it
    stack.start_other_web()
    name, _ = chats.gated(many, 0)
    asked = chats.ask(name)
    asked.reader.until("stream_chunk")
    tab = Asked(chats, chats.reader(stack.other_port), name, asked.question)
    tab.reader.say(type="resume", session_id=asked.session_id, after_seq=0)
    tab.reader.until("stream_chunk")
    stack.wait(lambda: stack.redis_client().exists(redis.key("alive", str(asked.message_id))), 5)
    age(stack, asked)
    started = time.monotonic()
    stack.redis.signal(signal.SIGSTOP)
    try:
        time.sleep(24)
    finally:
        stack.redis.signal(signal.SIGCONT)
    status = "SELECT status FROM chat_message WHERE id = %s"
    assert stack.value(status, asked.message_id) == "streaming"
    back = time.monotonic()
    while time.monotonic() < back + 6:  # longer than its writer needs to beat again
        listed = stack.client.get(f"/api/chat/sessions/{asked.session_id}/messages").json()["results"]
        assert [one["status"] for one in listed] == ["complete", "streaming"]
        time.sleep(0.1)
    assert not stack.redis_client().exists(redis.key("suspect", str(asked.message_id)))
    for one in (asked, tab):
        one.end()
        one.assert_kept("complete", words(many))
    assert tab.reader.text() == words(many)
    record_chat(
        "Redis frozen for 24 s (SIGSTOP) in mid-answer; nobody takes it for dead "
        "(what a reader on the other process saw)",
        tab,
        time.monotonic() - started,
    )


@long
def test_an_answer_whose_web_process_died_together_with_redis_is_interrupted(stack, chats, record_chat):
    asked, _ = begin(chats)
    stored = "SELECT content FROM chat_message WHERE id = %s"
    stack.wait(lambda: stack.value(stored, asked.message_id) == words(PIECE), 10)
    started = time.monotonic()
    stack.web.kill()
    stack.redis.kill()
    stack.start_redis()
    stack.start_web()
    asked.resume_on(stack.port)
    asked.end()
    seconds = time.monotonic() - started
    asked.assert_kept("interrupted", words(PIECE), "interrupted")
    record_chat("SIGKILL of the web process and of Redis, both back at once", asked, seconds)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.parametrize("said", [0, PIECE])
def test_postgresql_restarted_costs_no_word(stack, chats, record_chat, mode, said):
    asked, gate = begin(chats, said)
    started = time.monotonic()
    stack.stop_postgres(mode)
    gate.set()
    stack.start_postgres()
    asked.end()
    seconds = time.monotonic() - started
    asked.assert_kept("complete", words(said + PIECE))
    where = "in mid-answer" if said else "between the question and the first word"
    record_chat(f"PostgreSQL restarted {where} (`{mode}`)", asked, seconds)


@pytest.mark.parametrize("away", [3, pytest.param(15, marks=long)])
def test_postgresql_away_when_the_answer_ends_costs_no_word(stack, chats, record_chat, away):
    asked, gate = begin(chats)
    started = time.monotonic()
    stack.stop_postgres("immediate")
    gate.set()
    assert asked.record().closed.wait(5)  # the whole answer has come
    time.sleep(away)
    stack.start_postgres()
    asked.end(90)
    seconds = time.monotonic() - started
    asked.assert_kept("complete", words(2 * PIECE))
    record_chat(f"PostgreSQL killed in mid-answer, back {away} s after the last word", asked, seconds)
