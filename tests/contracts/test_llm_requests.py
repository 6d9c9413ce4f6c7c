"""What each provider is sent, and the adapters that need no scripted server."""

import pytest

from chat.llm import calls, registry
from chat.llm.base import ChatMessage, LLMConfig, LLMRequest
from chat.llm.quirks import MAX_MODELS, Quirks
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
    assert "top_p" not in record.body  # current models take one of the two


@pytest.mark.parametrize(
    ("mode", "gone", "come"),
    [
        ("no-temperature", "temperature", "max_tokens"),
        ("completion-tokens", "max_tokens", "max_completion_tokens"),
        ("no-stream-options", "stream_options", "max_tokens"),
        ("no-system", "role: system", "max_tokens"),
    ],
)
async def test_a_refused_parameter_is_left_out_from_then_on(llm_server, mode, gone, come):
    for _ in range(2):
        assert (await listen(adapter(llm_server, "custom", mode))).text == ANSWER
    first, second, third = llm_server.of(mode)
    assert gone in sent_in(first)
    for record in (second, third):
        assert gone not in sent_in(record)
        assert come in sent_in(record)
        assert "Be brief." in str(record.body["messages"])


def sent_in(record) -> set[str]:
    return {*record.body, *(f"role: {one['role']}" for one in record.body["messages"])}


@pytest.mark.parametrize("model", ["o3-mini", "o1", "gpt-5", "gpt-5.1-mini", "gpt-4o", "gpt-50", "o30"])
async def test_openais_reasoning_models_are_known_by_name_and_nobody_elses(llm_server, model):
    thinks = model in ("o3-mini", "o1", "gpt-5", "gpt-5.1-mini")
    for provider in ("openai", "custom"):
        llm_server.clear()
        await listen(registry.build(LLMConfig(provider, model, llm_server.url + "/v1", KEY)))
        [record] = llm_server.of(model)
        by_name = thinks and provider == "openai"
        assert ("temperature" in record.body) is not by_name
        assert ("max_completion_tokens" in record.body) is by_name
        assert ("max_tokens" in record.body) is not by_name


async def test_nothing_is_learnt_from_a_prompt_that_is_too_long(llm_server):
    for _ in range(2):
        heard = await listen(adapter(llm_server, "custom", "window"))
        assert heard.error is not None
        assert heard.error.code == C.LLM_PROMPT_TOO_LONG
    parameters = {"max_tokens", "temperature", "stream_options", "role: system"}
    assert [parameters <= sent_in(record) for record in llm_server.of("window")] == [True, True]


async def test_the_memory_of_quirks_is_bounded():
    quirks = Quirks()
    for number in range(MAX_MODELS + 10):
        quirks.learn(("http://llm", str(number)), "temperature")
    assert quirks.of(("http://llm", "0")) == frozenset()
    assert quirks.of(("http://llm", str(MAX_MODELS))) == {"temperature"}


def test_nothing_that_may_be_printed_holds_the_key():
    config = LLMConfig("custom", "m", "http://llm/v1", KEY)
    call = calls.Call(config, config.base_url, calls.bearer(config), dict, object, bool, list)
    assert KEY in str(call.headers)
    assert KEY not in repr(config) + repr(call) + repr(registry.build(config))


async def test_anthropic_models_that_refuse_temperature_are_asked_without_it_from_then_on(llm_server):
    for _ in range(2):
        assert (await listen(adapter(llm_server, "anthropic", "no-temperature"))).text == ANSWER
    sent = ["temperature" in record.body for record in llm_server.of("no-temperature")]
    assert sent == [True, False, False]


async def test_the_extractive_adapter_keeps_the_same_contract():
    llm = registry.build(LLMConfig("extractive"))
    heard = await listen(llm, request_for("When does the office open?"))
    assert heard.error is None
    assert "The office opens at nine" in heard.text
    assert "[1]" in heard.text
    assert isinstance(await llm.models(), list)
    assert await llm.window() is None


@pytest.mark.llm
async def test_the_real_llama_cpp_server_keeps_the_same_contract(builtin_llm, patient):
    llm = registry.build(LLMConfig("builtin", "smollm2-135m-instruct", builtin_llm))
    assert await llm.models() == ["smollm2-135m-instruct"]
    assert await llm.window() == 4096
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
    assert heard.error.code == C.LLM_PROMPT_TOO_LONG
