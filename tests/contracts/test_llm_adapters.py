"""One contract over every adapter: whatever a server does, it gives text and one end, or one LLM_* code."""

import asyncio
import importlib
import importlib.util
import time
from contextlib import aclosing

import pytest

from chat.llm import anthropic, calls, errors, openai_compatible, registry
from chat.llm.base import ChatMessage, Finished, LLMConfig, LLMRequest, ReasoningDelta, TextDelta
from config.errors import ErrorCode, VerbatimError
from documents.retrieval.types import Passage
from tests.contracts.protocols import ANSWER, KEY, LEAK

ADAPTERS = {"custom": "/v1", "ollama": "", "anthropic": ""}
PASSAGE = Passage(7, 3, "hours.txt", "The office opens at nine. It closes at five.", 0.9, 1.0)
C = ErrorCode


@pytest.fixture(params=ADAPTERS)
def provider(request) -> str:
    return request.param


@pytest.fixture(autouse=True)
def _limits(settings, monkeypatch):
    settings.LLM_CONNECT_TIMEOUT = 2
    settings.LLM_FIRST_TOKEN_TIMEOUT = 3
    settings.LLM_TOKEN_GAP_TIMEOUT = 1
    settings.LLM_TOTAL_TIMEOUT = 10
    monkeypatch.setattr(calls, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(calls, "AFTER_FINISH_SECONDS", 0.3)
    openai_compatible._quirks.clear()
    anthropic._without_temperature.clear()


def adapter(server, provider: str, model: str, key: str = KEY):
    return registry.build(LLMConfig(provider, model, server.url + ADAPTERS[provider], key))


def request_for(question: str = "When does it open?") -> LLMRequest:
    messages = (ChatMessage("system", "Be brief."), ChatMessage("user", question))
    return LLMRequest(messages, question=question, passages=(PASSAGE,))


class Heard:
    """What a consumer has got: text so far, reasoning so far, the end or the error."""

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self.ends: list[Finished] = []
        self.error: VerbatimError | None = None
        self.seconds = 0.0


async def listen(llm, request: LLMRequest | None = None, pause: float = 0.0) -> Heard:
    heard = Heard()
    began = time.monotonic()
    try:
        async with aclosing(llm.stream(request or request_for())) as events:
            async for event in events:
                assert not heard.ends, "an event after the end"
                await asyncio.sleep(pause)
                if isinstance(event, TextDelta):
                    heard.text += event.text
                elif isinstance(event, ReasoningDelta):
                    heard.reasoning += event.text
                else:
                    heard.ends.append(event)
    except VerbatimError as error:
        heard.error = error
    heard.seconds = time.monotonic() - began
    assert (len(heard.ends) == 1) is (heard.error is None)
    return heard


async def upstream_closed(server, model: str) -> None:
    for record in server.of(model):
        assert await asyncio.to_thread(record.closed.wait, 2), "the upstream request is still open"


@pytest.mark.parametrize("mode", ["ok", "crlf", "split", "gzip", "late-close"])
async def test_text_arrives_whole_however_it_is_cut(llm_server, provider, mode):
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is None
    assert heard.text == ANSWER
    assert heard.ends[0] == Finished("stop", {"prompt_tokens": 11, "completion_tokens": 7})
    await upstream_closed(llm_server, mode)


@pytest.mark.parametrize("mode", ["no-done", "no-usage", "empty"])
async def test_a_stream_without_done_usage_or_text_still_ends(llm_server, provider, mode):
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is None
    assert heard.text == ("" if mode == "empty" else ANSWER)


@pytest.mark.parametrize("mode", ["reasoning", "think"])
async def test_reasoning_is_kept_apart_from_the_answer(llm_server, provider, mode):
    heard = await listen(adapter(llm_server, provider, mode))
    assert (heard.text, heard.reasoning) == (ANSWER, "Let me think.")


async def test_an_answer_that_hits_its_limit_says_so(llm_server, provider):
    assert (await listen(adapter(llm_server, provider, "length"))).ends[0].reason == "length"


async def test_surrogate_halves_are_joined_or_replaced_and_nul_is_dropped(llm_server, provider):
    heard = await listen(adapter(llm_server, provider, "surrogate"))
    assert heard.text == "🙂! �."
    assert heard.text.encode()
    assert (await listen(adapter(llm_server, provider, "nul"))).text == "ab"


@pytest.mark.parametrize(
    ("mode", "code", "requests"),
    [
        ("401", C.LLM_KEY_REFUSED, 1),
        ("403", C.LLM_KEY_REFUSED, 1),
        ("404", C.LLM_MODEL_NOT_FOUND, 1),
        ("429", C.LLM_RATE_LIMITED, 3),
        ("429-far", C.LLM_RATE_LIMITED, 1),
        ("500", C.LLM_SERVER_ERROR, 3),
        ("credit", C.LLM_REFUSED, 1),
        ("window", C.LLM_REFUSED, 1),
        ("redirect", C.LLM_REFUSED, 1),
        ("html", C.LLM_BAD_RESPONSE, 1),
        ("garbage", C.LLM_BAD_RESPONSE, 1),
        ("error-first", C.LLM_RATE_LIMITED, 3),
        ("cut-first", C.LLM_UNREACHABLE, 3),
    ],
)
async def test_a_fault_before_the_first_token_has_a_code_and_bounded_retries(
    llm_server, provider, mode, code, requests
):
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is not None
    assert heard.error.code == code
    assert heard.text == ""
    assert len(llm_server.of(mode)) == requests
    await upstream_closed(llm_server, mode)


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("cut", C.LLM_SERVER_ERROR),
        ("end-early", C.LLM_SERVER_ERROR),
        ("error-mid", C.LLM_SERVER_ERROR),
        ("malformed", C.LLM_BAD_RESPONSE),
        ("longline", C.LLM_BAD_RESPONSE),
        ("silent", C.LLM_TIMEOUT),
        ("drip", C.LLM_TIMEOUT),
    ],
)
async def test_a_fault_in_the_middle_keeps_the_text_and_is_not_tried_again(llm_server, provider, mode, code):
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is not None
    assert heard.error.code == code
    assert heard.text == "The office opens at "
    assert len(llm_server.of(mode)) == 1
    await upstream_closed(llm_server, mode)


async def test_a_server_that_never_speaks_ends_at_the_first_token_limit(llm_server, provider, settings):
    settings.LLM_FIRST_TOKEN_TIMEOUT = 1
    heard = await listen(adapter(llm_server, provider, "hang"))
    assert heard.error is not None
    assert heard.error.code == C.LLM_TIMEOUT
    assert 0.9 < heard.seconds < 2
    await upstream_closed(llm_server, "hang")


async def test_the_total_limit_holds_while_tokens_keep_coming(llm_server, provider, settings):
    settings.LLM_TOTAL_TIMEOUT = 1
    heard = await listen(adapter(llm_server, provider, "huge"), pause=0.05)
    assert heard.error is not None
    assert heard.error.code == C.LLM_TIMEOUT
    assert len(heard.text) > 5
    assert heard.seconds < 2


async def test_huge_output_stops_at_the_cap(llm_server, provider):
    heard = await listen(adapter(llm_server, provider, "huge"))
    assert heard.error is not None
    assert heard.error.code == C.LLM_OUTPUT_TOO_LARGE
    assert 0.9 * calls.MAX_ANSWER_BYTES < len(heard.text) <= calls.MAX_ANSWER_BYTES
    await upstream_closed(llm_server, "huge")


@pytest.mark.parametrize("mode", ["503-once", "429-once"])
async def test_a_passing_fault_is_survived(llm_server, provider, mode):
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is None
    assert heard.text == ANSWER
    first, second = llm_server.of(mode)
    assert second.at - first.at >= (1.0 if mode == "429-once" else 0.0)


async def test_closing_the_iterator_closes_the_upstream_request(llm_server, provider):
    events = adapter(llm_server, provider, "drip").stream(request_for())
    assert isinstance(await anext(events), TextDelta)
    assert not llm_server.of("drip")[0].closed.is_set()
    await events.aclose()
    await upstream_closed(llm_server, "drip")


async def test_cancelling_the_reader_closes_the_upstream_request(llm_server, provider):
    task = asyncio.create_task(listen(adapter(llm_server, provider, "hang")))
    while not llm_server.of("hang"):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await upstream_closed(llm_server, "hang")


async def test_time_that_the_reader_needs_is_not_a_gap(llm_server, provider):
    text = ""
    async with aclosing(adapter(llm_server, provider, "ok").stream(request_for())) as events:
        async for event in events:
            if not text:
                await asyncio.sleep(1.3)
            text += getattr(event, "text", "")
    assert text == ANSWER


@pytest.mark.parametrize("mode", ["401", "403", "404", "429", "500", "credit", "error-first", "error-mid"])
async def test_the_providers_own_words_and_the_key_are_not_repeated(llm_server, provider, mode, caplog):
    caplog.set_level("DEBUG")
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is not None
    said = str(heard.error.as_dict()) + repr(heard.error) + caplog.text
    assert LEAK not in said
    assert KEY not in said
    assert "script" not in said


async def test_readers_who_are_no_admins_do_not_learn_addresses_and_names(llm_server, provider):
    for mode in ("404", "401", "500", "cut", "html", "redirect", "credit"):
        error = (await listen(adapter(llm_server, provider, mode))).error
        assert error is not None
        told = errors.for_reader(error, is_admin=False)
        assert told.code == error.code
        assert "127.0.0.1" not in str(told.as_dict())
        assert "llama" not in str(told.as_dict())
        assert told.message
        assert errors.for_reader(error, is_admin=True) is error
    other = VerbatimError(C.SESSION_BUSY, "See http://docs")
    assert errors.for_reader(other, is_admin=False) is other


async def test_an_unknown_model_is_answered_with_those_that_exist(llm_server, provider):
    heard = await listen(adapter(llm_server, provider, "404"))
    assert heard.error is not None
    assert "llama-small" in heard.error.message
    assert heard.error.details["models"] == ["llama-small", "ok"]
    assert ("ollama pull 404" in heard.error.message) is (provider == "ollama")


async def test_models_are_listed(llm_server, provider):
    assert await adapter(llm_server, provider, "ok").models() == ["llama-small", "ok"]
    if provider != "ollama":
        with pytest.raises(VerbatimError) as caught:
            await adapter(llm_server, provider, "ok", key="sk-bad").models()
        assert caught.value.code == C.LLM_KEY_REFUSED


async def test_nothing_that_listens_is_said_with_the_address_and_the_docker_hint(provider):
    heard = await listen(registry.build(LLMConfig(provider, "ok", "http://127.0.0.1:9", KEY)))
    assert heard.error is not None
    assert heard.error.code == C.LLM_UNREACHABLE
    assert "Nothing listens at http://127.0.0.1:9." in heard.error.message
    assert "host.docker.internal" in heard.error.message


async def test_an_unknown_host_is_named(provider):
    heard = await listen(registry.build(LLMConfig(provider, "ok", "http://llm.invalid", KEY)))
    assert heard.error is not None
    assert heard.error.code == C.LLM_UNREACHABLE
    assert "llm.invalid" in heard.error.message


async def test_a_wrong_base_url_is_told_from_a_missing_model(llm_server, provider):
    config = LLMConfig(provider, "ok", llm_server.url + "/wrong", KEY)
    heard = await listen(registry.build(config))
    assert heard.error is not None
    assert heard.error.code == C.LLM_REFUSED
    assert "base URL" in heard.error.message


@pytest.mark.parametrize(
    ("provider", "endings"),
    [
        ("custom", ["/v1", "/v1/", "/v1/chat/completions"]),
        ("ollama", ["", "/", "/api", "/v1", "/api/chat"]),
        ("anthropic", ["", "/v1/", "/v1/messages"]),
    ],
)
async def test_the_base_url_may_be_pasted_with_its_usual_endings(llm_server, provider, endings):
    for ending in endings:
        llm = registry.build(LLMConfig(provider, "ok", llm_server.url + ending, KEY))
        assert (await listen(llm)).text == ANSWER


async def test_a_key_with_pasted_rubbish_is_refused_before_any_request(llm_server, provider):
    for key in ("sk-with–dash", "sk two words"):
        with pytest.raises(VerbatimError) as caught:
            await listen_raw(adapter(llm_server, provider, "ok", key=key))
        assert caught.value.code == C.LLM_KEY_REFUSED
        assert key not in str(caught.value.as_dict())
    assert llm_server.records == []


async def listen_raw(llm) -> None:
    async with aclosing(llm.stream(request_for())) as events:
        async for _ in events:
            pass


async def test_two_hundred_streams_at_once_all_arrive(llm_server):
    many = [listen(adapter(llm_server, "custom", "ok")) for _ in range(200)]
    assert {heard.text for heard in await asyncio.gather(*many)} == {ANSWER}


# --- what each provider is sent ------------------------------------------------------------------


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


# --- without a network, and for real -------------------------------------------------------------


@pytest.mark.skipif(
    importlib.util.find_spec("chat.llm.extractive") is None, reason="the extractive adapter is not there yet"
)
async def test_the_extractive_adapter_keeps_the_same_contract():
    llm = registry.build(LLMConfig("extractive"))
    heard = await listen(llm, request_for("When does the office open?"))
    assert heard.error is None
    assert "The office opens at nine" in heard.text
    assert "[1]" in heard.text
    assert isinstance(await llm.models(), list)


@pytest.mark.llm
async def test_the_real_llama_cpp_server_keeps_the_same_contract(builtin_llm):
    llm = registry.build(LLMConfig("builtin", "smollm2-135m-instruct", builtin_llm))
    assert await llm.models() == ["smollm2-135m-instruct"]
    messages = (ChatMessage("user", "Write one sentence about the sea."),)
    heard = await listen(llm, LLMRequest(messages, temperature=0.0, max_tokens=24))
    assert heard.error is None
    assert len(heard.text) > 10
    assert heard.ends[0].usage["completion_tokens"] <= 24


@pytest.mark.llm
async def test_the_real_llama_cpp_server_says_length_and_refuses_a_prompt_beyond_its_window(builtin_llm):
    llm = registry.build(LLMConfig("builtin", "smollm2-135m-instruct", builtin_llm))
    story = (ChatMessage("user", "Write a long story about the sea."),)
    short = LLMRequest(story, temperature=0.0, max_tokens=4)
    assert (await listen(llm, short)).ends[0].reason == "length"
    heard = await listen(llm, LLMRequest((ChatMessage("user", "word " * 9000),), max_tokens=4))
    assert heard.error is not None
    assert heard.error.code == C.LLM_REFUSED
    assert "window" in heard.error.message
