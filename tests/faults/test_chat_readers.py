"""Readers leave, come back, stop, ask twice and ask in two tabs, over two web processes."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.contracts.servers import words
from tests.faults.chatting import QUESTION
from tests.faults.test_chat_crashes import PIECE, begin

STOP_SECONDS = 1.0  # what is promised; with 13 busy processes on two cores it took a quarter of that


def test_an_answer_whose_reader_has_gone_is_written_and_stored(stack, chats, record_chat):
    asked, gate = begin(chats)
    started = time.monotonic()
    asked.reader.vanish()
    gate.set()
    status = "SELECT status FROM chat_message WHERE id = %s"
    stack.wait(lambda: stack.value(status, asked.message_id) == "complete", 30)
    asked.resume_on(stack.port)
    asked.end()
    seconds = time.monotonic() - started
    asked.assert_kept("complete", words(2 * PIECE))
    record_chat("The reader's connection is gone in mid-answer; he comes back after its end", asked, seconds)


def test_a_stop_on_another_web_process_closes_the_llms_connection(stack, chats, record_chat):
    stack.start_other_web()
    asked, _ = begin(chats)
    noticed = asked.stopped_by(chats.reader(stack.other_port))
    assert noticed < STOP_SECONDS
    end = asked.end()
    assert end["finish_reason"] == "stopped"
    asked.assert_kept("stopped", words(PIECE))
    record_chat(
        "Stopped in a tab on another web process", asked, noticed, f"1 request, closed after {noticed:.2f} s"
    )


def test_a_stop_in_another_tab_of_the_same_process_closes_the_llms_connection(stack, chats, record_chat):
    asked, _ = begin(chats)
    noticed = asked.stopped_by(chats.reader())
    assert noticed < STOP_SECONDS
    asked.end()
    asked.assert_kept("stopped", words(PIECE))
    record_chat(
        "Stopped in another tab of the same process",
        asked,
        noticed,
        f"1 request, closed after {noticed:.2f} s",
    )


def test_a_stop_before_the_first_word_closes_the_llms_connection(stack, chats, record_chat):
    asked, _ = begin(chats, 0)
    noticed = asked.stopped_by(asked.reader)
    assert noticed < STOP_SECONDS
    asked.end()
    asked.assert_kept("stopped", "")
    record_chat("Stopped before the first word", asked, noticed, f"1 request, closed after {noticed:.2f} s")


def test_two_tabs_on_two_processes_see_the_same_answer(stack, chats, record_chat):
    stack.start_other_web()
    asked, gate = begin(chats)
    started = time.monotonic()
    beside = chats.reader(stack.other_port)
    beside.say(type="resume", session_id=asked.session_id, after_seq=0)
    gate.set()
    asked.end()
    beside.until("message_saved")
    assert beside.frames == asked.frames
    asked.assert_kept("complete", words(2 * PIECE))
    record_chat(
        "Two tabs on two web processes read one answer, both the same frames",
        asked,
        time.monotonic() - started,
    )


def test_of_two_questions_at_once_in_one_chat_one_is_told_that_the_chat_is_busy(stack, chats, record_chat):
    stack.start_other_web()
    first, gate = begin(chats, 0)
    gate.set()
    first.end()
    name, gate = chats.gated(PIECE, PIECE)
    model = chats.stack.value("SELECT collection_id FROM chat_chatsession WHERE id = %s", first.session_id)
    stack.client.patch(f"/api/models/{model}", json={"llm_model_name": name}).raise_for_status()
    readers = [chats.reader(stack.port), chats.reader(stack.other_port)]
    started = time.monotonic()

    def ask(reader):
        asked = chats.ask(name, model=model, reader=reader, session_id=first.session_id, message="And now?")
        asked.reader.until("error", "stream_start")
        return asked

    with ThreadPoolExecutor(2) as both:
        pair = list(both.map(ask, readers))
    busy = [one for one in pair if one.frames[0]["type"] == "error"]
    [served] = [one for one in pair if one not in busy]
    assert [one.frames[0]["code"] for one in busy] == ["session_busy"]
    gate.set()
    end = served.end()
    assert end["content"] == words(2 * PIECE) == served.stored()["content"]
    count = "SELECT count(*) FROM chat_message WHERE session_id = %s AND role = 'user'"
    assert stack.value(count, first.session_id) == 2
    record_chat(
        "Two questions at once in one chat: the other one is told `session_busy`",
        served,
        time.monotonic() - started,
    )


def test_two_questions_at_once_in_two_chats_are_both_answered(stack, chats, record_chat):
    first, gate = begin(chats)
    second, other_gate = begin(chats)
    started = time.monotonic()
    other_gate.set()
    second.end()
    gate.set()
    first.end()
    for asked in (first, second):
        asked.assert_kept("complete", words(2 * PIECE))
    assert first.session_id != second.session_id
    record_chat("Two questions at once in two chats", second, time.monotonic() - started)


def test_a_question_sent_again_to_another_process_is_asked_once(stack, chats, record_chat):
    stack.start_other_web()
    name, gate = chats.gated(PIECE, PIECE)
    model = chats.model(name)
    ask = {"model": model, "client_id": "sent-again"}
    first = chats.ask(name, **ask)
    second = chats.ask(name, **ask, reader=chats.reader(stack.other_port))
    started = time.monotonic()
    first.reader.until_text(words(PIECE))
    first.reader.vanish()  # and asks once more, on the other process
    third = chats.ask(name, **ask, reader=chats.reader(stack.other_port))
    body = {"model_id": model, "message": QUESTION, "client_id": "sent-again"}
    with ThreadPoolExecutor(1) as beside:
        post = beside.submit(httpx.post, **_to(stack, "/api/chat/chat", body))
        gate.set()
        second.end()
        third.end()
        answer = post.result().json()
    for asked in (second, third):
        asked.assert_kept("complete", words(2 * PIECE))
        assert asked.message_id == first.message_id == answer["message_id"]
    assert answer["answer"] == words(2 * PIECE)
    assert len(chats.llm.of(name)) == 1
    record_chat(
        "One question sent four times with one `client_id`, over two web processes and HTTP",
        third,
        time.monotonic() - started,
    )


def _to(stack, path: str, body: dict) -> dict:
    headers = {"Authorization": stack.client.headers["Authorization"]}
    return {
        "url": f"http://127.0.0.1:{stack.other_port}{path}",
        "json": body,
        "headers": headers,
        "timeout": 60,
        "trust_env": False,
    }
