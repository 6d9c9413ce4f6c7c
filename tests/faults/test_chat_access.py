"""Access ends and sockets are too many, over two web processes."""

import time

import httpx
import jwt
import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed

from tests.contracts.servers import words
from tests.faults.chatting import FINAL, Asked
from tests.faults.test_chat_crashes import PIECE
from tests.faults.truth import long

MOST = 20  # MAX_SOCKETS_PER_USER's default
LEEWAY = settings.CLOCK_LEEWAY_SECONDS


def begin_as(chats, port: int) -> tuple[Asked, int, int, str]:
    """A member's answer that is being written by the first web process; he reads it on this one.

    Returns:
        The answer, the model, the member's id and token.
    """
    name, _ = chats.gated(PIECE, PIECE)
    model = chats.model(name, answer_mode="assist")
    user, token = chats.person(model)
    asked = chats.ask(name, model=model, reader=chats.reader(token=token))
    asked.reader.until_text(words(PIECE))
    beside = Asked(chats, chats.reader(port, token), name, asked.question)
    beside.reader.say(type="resume", session_id=asked.session_id, after_seq=0)
    beside.reader.until_text(words(PIECE))
    return beside, model, user, token


def test_a_grant_taken_away_ends_the_answer_on_every_web_process(stack, chats, record_chat):
    stack.start_other_web()
    asked, model, _, _ = begin_as(chats, stack.other_port)
    started = time.monotonic()
    stack.client.post(f"/api/models/{model}/users", json={"user_ids": []}).raise_for_status()
    rest = asked.reader.until(*FINAL)
    seconds = time.monotonic() - started
    assert [frame["type"] for frame in rest] == ["error", "stream_end", "message_saved"]
    assert (rest[0]["code"], rest[1]["content"], rest[1]["html"], rest[1]["sources"]) == (
        "access_revoked",
        "",
        "",
        [],
    )
    assert asked.record().closed.wait(5)
    row = asked.stored()
    assert (row["status"], row["content"], row["error_code"]) == ("failed", words(PIECE), "access_revoked")
    record_chat("The reader's grant is taken away in mid-answer; he reads on another process", asked, seconds)


def test_a_deactivated_person_is_signed_out_on_every_web_process(stack, chats, record_chat):
    stack.start_other_web()
    asked, _, user, token = begin_as(chats, stack.other_port)
    started = time.monotonic()
    stack.client.patch(f"/api/users/{user}", json={"is_active": False}).raise_for_status()
    assert asked.reader.close_code() == 4401
    assert asked.record().closed.wait(5)
    seconds = time.monotonic() - started
    status = "SELECT status FROM chat_message WHERE id = %s"
    stack.wait(lambda: stack.value(status, asked.message_id) == "failed", 10)
    assert asked.stored()["content"] == words(PIECE)
    assert words(PIECE) not in [frame.get("content") for frame in asked.frames]
    assert chats.reader(stack.port, token).close_code() == 4401
    record_chat("The reader is deactivated in mid-answer: closed with 4401", asked, seconds)


def test_a_token_of_a_host_whose_clock_is_slow_is_served_as_long_as_over_http(stack, chats, record_chat):
    late = LEEWAY - 6  # so long ago it has ended, by the clock of the web process
    model = chats.model("ok")
    token = shifted(stack, chats.person(model)[1], late)
    with httpx.Client(base_url=stack.client.base_url, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/api/auth/me", headers=headers).status_code == 200
    started = time.monotonic()
    asked = chats.ask("ok", model=model, reader=chats.reader(token=token))
    asked.assert_kept("complete", asked.end()["content"])
    assert asked.reader.close_code() == 4401
    seconds = time.monotonic() - started
    assert LEEWAY - late - 3 < seconds < LEEWAY - late + 2
    record_chat(
        f"The reader's token was issued by a host whose clock is slow, and ended {late} s ago: he is served, "
        f"and closed with 4401 when it is {LEEWAY} s",
        asked,
        seconds,
    )


def shifted(stack, token: str, seconds: float) -> str:
    """The same token as it were if it had ended so many seconds ago."""
    key = stack.environment["JWT_SIGNING_KEY"]
    claims = jwt.decode(token, key, ["HS256"], audience="verbatim")
    by = claims["exp"] - int(time.time() - seconds)
    return jwt.encode(claims | {name: claims[name] - by for name in ("iat", "exp")}, key, "HS256")


def test_a_model_deleted_in_mid_answer_ends_it_on_every_web_process(stack, chats):
    stack.start_other_web()
    asked, model, _, _ = begin_as(chats, stack.other_port)
    assert stack.client.delete(f"/api/models/{model}").status_code == 204
    rest = asked.reader.until("stream_end")
    assert [frame["type"] for frame in rest] == ["error", "stream_end"]
    assert (rest[0]["code"], rest[1]["content"], rest[1]["sources"]) == ("not_found", "", [])
    assert asked.record().closed.wait(5)
    assert stack.value("SELECT count(*) FROM chat_message WHERE id = %s", asked.message_id) == 0


def serves(reader) -> bool:
    reader.say(type="ping")
    return reader.hear()["type"] == "pong"


def test_sockets_are_counted_over_all_web_processes(stack, chats):
    stack.start_other_web()
    _, token = chats.person()
    open_ones = [
        chats.reader(port, token) for port in (stack.port, stack.other_port) for _ in range(MOST // 2)
    ]
    for port in (stack.port, stack.other_port):
        assert chats.reader(port, token).close_code() == 4429
    assert all(serves(reader) for reader in open_ones)
    open_ones[0].socket.close()
    stack.wait(lambda: opens(chats, stack.other_port, token), 10)


@long
def test_sockets_of_a_killed_web_process_run_out(stack, chats):
    stack.start_other_web()
    _, token = chats.person()
    for _ in range(MOST):
        chats.reader(stack.other_port, token)
    stack.other_web.kill()
    assert chats.reader(stack.port, token).close_code() == 4429
    stack.wait(lambda: opens(chats, stack.port, token), 70)


def opens(chats, port: int, token: str) -> bool:
    """Whether one more socket is let in."""
    try:
        return serves(chats.reader(port, token))
    except ConnectionClosed:
        return False


@pytest.mark.parametrize("client", ["chat frames", "nonsense"])
def test_a_client_that_sends_without_end_does_not_slow_down_others(stack, chats, client):
    _, token = chats.person()
    flooding = chats.reader(token=token)
    text = "{" if client == "nonsense" else '{"type": "chat", "model_id": 1, "message": "x"}'
    for _ in range(400):
        flooding.socket.send(text)
    asked = chats.ask("ok")
    asked.end()
    assert asked.stored()["status"] == "complete"
    flooding.vanish()
