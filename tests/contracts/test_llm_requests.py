"""What each provider is sent, and the adapters that need no scripted server."""

import pytest

from chat.llm import registry
from chat.llm.base import ChatMessage, LLMConfig, LLMRequest
from config.errors import ErrorCode
from tests.contracts.listening import adapter, listen, request_for
from tests.contracts.protocols import ANSWER, KEY

C = ErrorCode


async def test_ollama_is_told_the_window(llm_server):
    request = LLMRequest((ChatMessage("user", "Hi"),), temperature=0.7, max_tokens=55, context_tokens=12_000)
    await listen(adapter(llm_server, "ollama", "ok"), request)
    body = llm_server.of("ok")[0].body
    assert body["options"] == {"num_ctx": 12_000, "num_predict": 55, "temperature": 0.7}


async def test_anthropic_gets_the_system_prompt_apart(llm_server):
    turns = (ChatMessage("system", "S"), ChatMessage("assistant", "A"), ChatMessage("user", "U"))
    await listen(adapter(llm_server, "anthropic", "ok"), LLMRequest(turns, temperature=1.8))
    record = llm_server.of("ok")[0]
    assert record.body["system"] == "S"
    assert record.body["messages"] == [{"role": "user", "content": "U"}]
    assert record.body["temperature"] == 1.0
    assert record.headers["x-api-key"] == KEY
    assert record.headers["anthropic-version"]
    assert "authorization" not in record.headers


@pytest.mark.parametrize(
    ("mode", "gone", "come"),
    [
        ("no-temperature", "temperature", "max_tokens"),
        ("completion-tokens", "max_tokens", "max_completion_tokens"),
        ("no-stream-options", "stream_options", "max_tokens"),
    ],
)
async def test_a_refused_parameter_is_left_out_from_then_on(llm_server, mode, gone, come):
    for _ in range(2):
        assert (await listen(adapter(llm_server, "custom", mode))).text == ANSWER
    first, second, third = llm_server.of(mode)
    assert gone in first.body
    for record in (second, third):
        assert gone not in record.body
        assert come in record.body


async def test_anthropic_models_that_refuse_temperature_are_asked_without_it(llm_server):
    assert (await listen(adapter(llm_server, "anthropic", "no-temperature"))).text == ANSWER
    assert "temperature" not in llm_server.of("no-temperature")[-1].body


async def test_the_extractive_adapter_keeps_the_same_contract():
    llm = registry.build(LLMConfig("extractive"))
    heard = await listen(llm, request_for("When does the office open?"))
    assert heard.error is None
    assert "The office opens at nine" in heard.text
    assert "[1]" in heard.text
    assert isinstance(await llm.models(), list)


@pytest.mark.llm
async def test_the_real_llama_cpp_server_keeps_the_same_contract(builtin_llm, patient):
    llm = registry.build(LLMConfig("builtin", "smollm2-135m-instruct", builtin_llm))
    assert await llm.models() == ["smollm2-135m-instruct"]
    messages = (ChatMessage("user", "Write one sentence about the sea."),)
    heard = await listen(llm, LLMRequest(messages, temperature=0.0, max_tokens=24))
    assert heard.error is None
    assert len(heard.text) > 10
    assert heard.ends[0].usage["completion_tokens"] <= 24


@pytest.mark.llm
async def test_the_real_llama_cpp_server_says_length_and_refuses_a_prompt_beyond_its_window(
    builtin_llm, patient
):
    llm = registry.build(LLMConfig("builtin", "smollm2-135m-instruct", builtin_llm))
    story = (ChatMessage("user", "Write a long story about the sea."),)
    short = LLMRequest(story, temperature=0.0, max_tokens=4)
    assert (await listen(llm, short)).ends[0].reason == "length"
    heard = await listen(llm, LLMRequest((ChatMessage("user", "word " * 9000),), max_tokens=4))
    assert heard.error is not None
    assert heard.error.code == C.LLM_REFUSED
    assert "window" in heard.error.message
