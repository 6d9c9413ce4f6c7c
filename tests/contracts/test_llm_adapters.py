"""One contract over every adapter: whatever a server does, it gives text and one end, or one LLM_* code."""

import asyncio
import socket
from contextlib import ExitStack, aclosing

import pytest

from chat.llm import calls, errors, registry, windows
from chat.llm.base import Finished, LLMConfig, TextDelta
from config.errors import ErrorCode, VerbatimError
from tests.contracts.listening import ADAPTERS, adapter, listen, listen_raw, request_for
from tests.contracts.protocols import ANSWER, KEY, LEAK

C = ErrorCode


@pytest.fixture(params=ADAPTERS)
def provider(request) -> str:
    return request.param


async def upstream_closed(server, model: str) -> None:
    for record in server.of(model):
        assert await asyncio.to_thread(record.closed.wait, 2), "the upstream request is still open"


@pytest.mark.parametrize("mode", ["ok", "crlf", "split", "gzip", "late-close", "wrong-type"])
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


@pytest.mark.parametrize("mode", ["whole", "whole-pretty"])
async def test_a_server_that_does_not_stream_is_understood(llm_server, provider, mode):
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is None
    assert (heard.text, heard.reasoning) == (ANSWER, "Let me think.")
    assert heard.ends[0] == Finished("stop", {"prompt_tokens": 11, "completion_tokens": 7})


async def test_a_model_that_thinks_aloud_for_long_meets_no_limit_for_the_first_token(
    llm_server, provider, settings
):
    settings.LLM_FIRST_TOKEN_TIMEOUT = 1
    heard = await listen(adapter(llm_server, provider, "slow-thinker"))
    assert heard.error is None
    assert heard.seconds > 1
    assert (heard.text, heard.reasoning) == (ANSWER, "hm " * 12)


async def test_thoughts_without_an_answer_count_as_used_tokens(llm_server, provider):
    heard = await listen(adapter(llm_server, provider, "thought-only"))
    assert (heard.text, heard.reasoning) == ("", "Let me think.")
    assert heard.ends[0] == Finished("length", {"prompt_tokens": 11, "completion_tokens": 7})


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
        ("529", C.LLM_SERVER_ERROR, 3),
        ("502-page", C.LLM_SERVER_ERROR, 3),
        ("403-page", C.LLM_BAD_RESPONSE, 1),
        ("413-page", C.LLM_REFUSED, 1),
        ("credit", C.LLM_NO_CREDIT, 1),
        ("window", C.LLM_PROMPT_TOO_LONG, 1),
        ("declined", C.LLM_DECLINED, 1),
        ("too-long-answer", C.LLM_REFUSED, 1),
        ("echo-refused", C.LLM_REFUSED, 1),
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
        ("declined-mid", C.LLM_DECLINED),
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


@pytest.mark.parametrize("mode", ["hang", "slow-header"])
async def test_a_server_that_never_speaks_ends_at_the_first_token_limit(llm_server, provider, mode, settings):
    settings.LLM_FIRST_TOKEN_TIMEOUT = 1
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is not None
    assert heard.error.code == C.LLM_TIMEOUT
    assert 0.9 < heard.seconds < 2
    await upstream_closed(llm_server, mode)


async def test_a_machine_that_takes_no_connections_ends_at_the_connect_limit(provider, settings):
    settings.LLM_CONNECT_TIMEOUT = 1
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as kept:
        for _ in range(2):  # fill the queue of connections that nobody accepts
            waiting = kept.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        heard = await listen(registry.build(LLMConfig(provider, "ok", url, KEY)))
    assert heard.error is not None
    assert heard.error.code == C.LLM_UNREACHABLE
    assert "does not take connections in time" in heard.error.message


async def test_the_total_limit_holds_while_tokens_keep_coming(llm_server, provider, settings):
    settings.LLM_TOTAL_TIMEOUT = 1
    heard = await listen(adapter(llm_server, provider, "endless"), pause=0.05)
    assert heard.error is not None
    assert heard.error.code == C.LLM_TIMEOUT
    assert len(heard.text) > 5
    assert heard.seconds < 2


async def test_huge_output_ends_at_the_cap_as_one_that_was_too_long(llm_server, provider):
    heard = await listen(adapter(llm_server, provider, "huge"))
    assert heard.error is None
    assert heard.ends[0].reason == "length"
    assert len(heard.text.encode()) == calls.MAX_ANSWER_BYTES
    await upstream_closed(llm_server, "huge")


async def test_reasoning_beyond_all_measure_ends_with_a_code(llm_server, provider):
    heard = await listen(adapter(llm_server, provider, "huge-thoughts"))
    assert heard.error is not None
    assert heard.error.code == C.LLM_OUTPUT_TOO_LARGE
    assert heard.text == ""
    assert calls.MAX_REASONING_BYTES - 10_000 < len(heard.reasoning) <= calls.MAX_REASONING_BYTES
    assert len(llm_server.of("huge-thoughts")) == 1
    await upstream_closed(llm_server, "huge-thoughts")


async def test_a_server_that_sends_without_end_and_says_nothing_ends_with_a_code(
    llm_server, provider, monkeypatch
):
    monkeypatch.setattr(calls, "MAX_WIRE_BYTES", 1024 * 1024)
    heard = await listen(adapter(llm_server, provider, "huge-silence"))
    assert heard.error is not None
    assert heard.error.code == C.LLM_OUTPUT_TOO_LARGE
    assert (heard.text, heard.reasoning) == ("", "")
    assert len(llm_server.of("huge-silence")) == 1
    await upstream_closed(llm_server, "huge-silence")


@pytest.mark.parametrize("mode", ["503-once", "429-once", "429-date-once"])
async def test_a_passing_fault_is_survived(llm_server, provider, mode):
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is None
    assert heard.text == ANSWER
    first, second = llm_server.of(mode)
    assert second.at - first.at >= (1.0 if mode.startswith("429") else 0.0)


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


@pytest.mark.parametrize("mode", ["401", "403", "404", "429", "500", "credit", "502-page", "error-mid"])
async def test_the_providers_own_words_and_the_key_are_not_repeated(llm_server, provider, mode, caplog):
    caplog.set_level("DEBUG")
    heard = await listen(adapter(llm_server, provider, mode))
    assert heard.error is not None
    said = str(heard.error.as_dict()) + repr(heard.error) + caplog.text
    assert LEAK not in said
    assert KEY not in said
    assert "script" not in said


async def test_readers_who_are_no_admins_do_not_learn_addresses_and_names(llm_server, provider):
    for mode in ("404", "401", "500", "cut", "html", "redirect", "credit", "window", "declined", "502-page"):
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
    assert ("ollama pull 404" in heard.error.next_step) is (provider == "ollama")


async def test_models_are_listed(llm_server, provider):
    assert await adapter(llm_server, provider, "ok").models() == ["llama-small", "ok"]
    if provider != "ollama":
        with pytest.raises(VerbatimError) as caught:
            await adapter(llm_server, provider, "ok", key="sk-bad").models()
        assert caught.value.code == C.LLM_KEY_REFUSED


async def test_the_window_is_what_the_server_says_and_is_asked_for_once(llm_server, provider):
    llm = adapter(llm_server, provider, "ok")
    assert await llm.window() is None
    llm_server.window = 4096
    for _ in range(3):
        assert await windows.window_of(llm) == 4096
    assert len(llm_server.records) == 2


async def test_of_many_who_ask_at_once_one_looks_and_later_nobody_waits(llm_server, provider):
    llm = adapter(llm_server, provider, "ok")
    llm_server.window = 4096
    assert await asyncio.gather(*(windows.window_of(llm) for _ in range(5))) == [4096] * 5
    assert len(llm_server.records) == 1
    llm_server.window = 2048
    for key, (_, known, told) in windows._kept.items():
        windows._kept[key] = (0.0, known, told)
    assert await windows.window_of(llm) == 4096
    await asyncio.gather(*windows._looks[asyncio.get_running_loop()].values())
    assert await windows.window_of(llm) == 2048
    assert len(llm_server.records) == 2


async def test_a_server_that_does_not_tell_its_window_costs_no_answer(provider):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for url in (f"http://127.0.0.1:{mute.getsockname()[1]}", "http://127.0.0.1:9"):
            llm = registry.build(LLMConfig(provider, "ok", url, KEY))
            assert await windows.window_of(llm, seconds=0.3) is None


async def test_nothing_that_listens_is_said_with_the_address_and_the_docker_hint(provider):
    heard = await listen(registry.build(LLMConfig(provider, "ok", "http://127.0.0.1:9", KEY)))
    assert heard.error is not None
    assert heard.error.code == C.LLM_UNREACHABLE
    assert "Nothing listens at http://127.0.0.1:9." in heard.error.message
    assert "host.docker.internal" in heard.error.next_step


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
    assert "base URL" in heard.error.next_step


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


async def test_two_hundred_streams_at_once_all_arrive(llm_server):
    many = [listen(adapter(llm_server, "custom", "ok")) for _ in range(200)]
    assert {heard.text for heard in await asyncio.gather(*many)} == {ANSWER}
