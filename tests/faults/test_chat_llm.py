"""The LLM hangs, drips, talks nonsense, is cut off or never ends."""

import time

import psutil

from chat.llm import calls
from config import redis
from tests.contracts.protocols import ANSWER, TEXT

SHOWN = ANSWER.replace(" [1]", "")  # there is no passage that it could cite
BROKEN = ("llm_bad_response", "failed", "".join(TEXT[:2]))
BROKE_OFF = ("llm_server_error", "failed", "".join(TEXT[:2]))
# model of the scripted server -> (error code, status, text), and the fault in words
FAULTS = {
    "hang": ("llm_timeout", "failed", "", "The LLM accepts the question and says nothing (limit: 10 s)"),
    "silent": ("llm_timeout", "failed", "".join(TEXT[:2]), "The LLM falls silent after two words"),
    "drip": ("llm_timeout", "failed", "".join(TEXT[:2]), "The LLM sends signs of life and no words"),
    "split": ("", "complete", SHOWN, "The answer comes byte by byte, characters cut in two"),
    "surrogate": ("", "complete", "", "Half a character in each of two frames"),
    "garbage": ("llm_bad_response", "failed", "", "The LLM sends garbage"),
    "malformed": (*BROKEN, "Broken JSON after two words"),
    "cut": (*BROKE_OFF, "The connection to the LLM is reset after two words"),
    "end-early": (*BROKE_OFF, "The LLM ends its answer without saying so after two words"),
    "error-mid": (
        "llm_server_error",
        "failed",
        "".join(TEXT[:2]),
        "The LLM reports an error after two words",
    ),
    "html": ("llm_bad_response", "failed", "", "A web page instead of an answer"),
}


def test_whatever_the_llm_does_the_question_and_what_had_arrived_are_kept(chats, record_chat):
    started = time.monotonic()
    asked = {name: chats.ask(name) for name in FAULTS}  # all at once: their limits pass together
    for name in sorted(FAULTS, key=lambda name: FAULTS[name][0] == "llm_timeout"):
        code, status, text, words = FAULTS[name]
        end = asked[name].end()
        seconds = time.monotonic() - started
        if name == "surrogate":
            text = end["content"]
            assert "🙂" in text
        asked[name].assert_kept(status, text, code)
        assert asked[name].record().closed.wait(5)
        record_chat(words, asked[name], seconds)


def test_text_without_end_is_cut_at_the_longest_answer_and_harms_nobody(chats, record_chat, stack):
    process = psutil.Process(stack.web.pid)
    before = process.memory_info().rss
    started = time.monotonic()
    asked = chats.ask("huge")
    end = asked.end(90)
    seconds = time.monotonic() - started
    assert end["finish_reason"] == "length"
    assert len(end["content"]) == calls.MAX_ANSWER_BYTES
    asked.assert_kept("complete", end["content"])
    assert asked.record().closed.wait(5)
    in_redis = stack.redis_client().memory_usage(redis.key("stream", str(asked.message_id)))
    assert in_redis < 8 * calls.MAX_ANSWER_BYTES
    assert process.memory_info().rss - before < 150 * 1024**2
    record_chat(
        f"Text without end, as fast as it can be read (cut at {calls.MAX_ANSWER_BYTES:,} bytes; "
        f"{in_redis / 1024:,.0f} kB in Redis)",
        asked,
        seconds,
    )
    after = chats.ask("ok")
    after.end()
    after.assert_kept("complete", SHOWN)
