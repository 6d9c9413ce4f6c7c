"""Counting a prompt with the model's own tokenizer, where its server has one."""

import socket
import time

import pytest

from chat.llm import openai_compatible, registry
from chat.llm.base import ChatMessage, LLMConfig
from tests.contracts.listening import adapter
from tests.contracts.protocols import KEY

MESSAGES = (ChatMessage("system", "Be brief."), ChatMessage("user", "Zażółć gęślą jaźń."))
TEXT = "Be brief.\nZażółć gęślą jaźń."


def asked(server) -> list:
    return [one for one in server.records if one.path == "/tokenize"]


@pytest.mark.parametrize("wants", [("content",), ("model", "prompt")], ids=["llama.cpp", "vLLM"])
async def test_the_servers_own_tokenizer_counts(llm_server, wants):
    llm_server.tokenizer = wants
    for _ in range(2):
        assert await adapter(llm_server, "custom", "ok").tokens(MESSAGES) == len(TEXT)
    assert [one.headers["authorization"] for one in asked(llm_server)] == [f"Bearer {KEY}"] * 2


async def test_a_server_without_a_tokenizer_is_asked_once(llm_server):
    for _ in range(3):
        assert await adapter(llm_server, "custom", "ok").tokens(MESSAGES) is None
    assert len(asked(llm_server)) == 1


@pytest.mark.parametrize("provider", ["openai", "ollama", "anthropic", "extractive"])
async def test_others_are_not_asked(llm_server, provider):
    llm_server.tokenizer = ("content",)
    llm = registry.build(LLMConfig(provider, "ok", llm_server.url, KEY))
    assert await llm.tokens(MESSAGES) is None
    assert llm_server.records == []


async def test_a_server_that_does_not_answer_holds_up_a_prompt_for_a_moment(monkeypatch):
    monkeypatch.setattr(openai_compatible, "TOKENIZE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/v1"
        began = time.monotonic()
        assert await registry.build(LLMConfig("custom", "ok", url)).tokens(MESSAGES) is None
    assert time.monotonic() - began < 0.5
    assert openai_compatible.quirks.of((url, "ok")) == frozenset()


async def test_a_server_that_is_away_may_have_one_later():
    config = LLMConfig("custom", "ok", "http://127.0.0.1:9/v1")
    assert await registry.build(config).tokens(MESSAGES) is None
    assert openai_compatible.quirks.of((config.base_url, "ok")) == frozenset()


@pytest.mark.parametrize(
    ("status", "body", "asks_again"),
    [
        (404, {"detail": "Not Found"}, False),
        (405, {"detail": "Method Not Allowed"}, False),
        (405, "<html>no</html>", False),
        (400, {"error": {"message": "unknown path"}}, False),
        (501, {"error": {"message": "not supported"}}, False),
        (200, {"message": "welcome"}, False),
        (200, "<html>welcome</html>", False),
        (400, {"error": {"message": "This model's maximum context length is 8 tokens"}}, True),
        (401, {"error": {"message": "no"}}, True),
        (403, "<html>sign in</html>", True),
        (429, {"error": {"message": "slow down"}}, True),
        (500, {"error": {"message": "oops"}}, True),
        (503, {"error": {"message": "loading the model"}}, True),
        (502, "<html>bad gateway</html>", True),
    ],
)
async def test_only_a_server_that_says_that_it_has_none_is_asked_once(llm_server, status, body, asks_again):
    llm_server.tokenizer = ("content",)
    llm_server.tokenizer_says = (status, body)
    assert await adapter(llm_server, "custom", "ok").tokens(MESSAGES) is None
    llm_server.tokenizer_says = None
    expected = len(TEXT) if asks_again else None
    assert await adapter(llm_server, "custom", "ok").tokens(MESSAGES) == expected


@pytest.mark.llm
async def test_the_real_llama_cpp_server_counts(builtin_llm, patient):
    llm = registry.build(LLMConfig("builtin", "smollm2-135m-instruct", builtin_llm))
    assert await llm.tokens((ChatMessage("user", "The office opens at nine."),)) == 6
    assert await llm.tokens(MESSAGES) > 15
