"""What providers say when they refuse, as they word it, and the code that we make of it."""

import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from chat.llm import errors, statuses
from chat.llm.base import LLMConfig
from config.errors import ErrorCode, TransientError, VerbatimError

C = ErrorCode
CONFIG = LLMConfig("custom", "some-model", "https://llm.example/v1", "sk-key")


def said(status: int, body: object, headers: dict[str, str] | None = None) -> VerbatimError:
    text = body if isinstance(body, str) else json.dumps(body)
    return statuses.from_status(CONFIG, status, text.encode(), headers)


def error(message: str, **fields: str) -> dict:
    return {"error": {"message": message} | fields}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("This model's maximum context length is 8192 tokens.", code="context_length_exceeded")),
        (400, error("Input tokens exceed the configured limit of 272000 tokens.")),
        (400, error("prompt is too long: 205210 tokens > 200000 maximum", type="invalid_request_error")),
        (400, error("input length and `max_tokens` exceed context limit: 197202 + 21333 > 200000")),
        (400, error("The input token count (1200000) exceeds the maximum number of tokens allowed")),
        (400, {"object": "error", "message": "Prompt too large for model with 32768 maximum context length"}),
        (400, error("Please reduce the length of the messages or completion.")),
        (400, error("Input is too long for requested model.")),
        (
            400,
            error("'max_completion_tokens' is too large: 9. The model's maximum context length is 4096"),
        ),
        (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000", "type": "x"}),
        (400, error("request (9031 tokens) exceeds the available context size (4096 tokens)")),
        (500, error("the request exceeds the available context size, try increasing it")),
        (500, {"error": "the input length exceeds the context length"}),
        (400, {"error": "The model is loaded with context length of only 4096 tokens"}),
        (413, error("Request too large")),
    ],
)
def test_every_provider_wording_of_a_prompt_that_is_too_long_is_known(status, body):
    refused = said(status, body)
    assert refused.code == C.LLM_PROMPT_TOO_LONG
    assert not isinstance(refused, TransientError)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        # the account has no money, or the minute has no room
        (429, error("You exceeded your current quota", code="insufficient_quota"), C.LLM_NO_CREDIT),
        (400, error("Your credit balance is too low to access the API"), C.LLM_NO_CREDIT),
        (402, error("Insufficient credits"), C.LLM_NO_CREDIT),
        (403, error("insufficient_balance"), C.LLM_NO_CREDIT),
        (429, error("Rate limit reached for gpt-5 on tokens per min", type="tokens"), C.LLM_RATE_LIMITED),
        (429, error("This would exceed your rate limit", type="rate_limit_error"), C.LLM_RATE_LIMITED),
        # the key
        (401, error("Incorrect API key provided", code="invalid_api_key"), C.LLM_KEY_REFUSED),
        (400, error("API key not valid. Please pass a valid API key."), C.LLM_KEY_REFUSED),
        (403, error("You have insufficient permissions"), C.LLM_KEY_REFUSED),
        (401, "<html><h1>401 Authorization Required</h1></html>", C.LLM_KEY_REFUSED),
        # the model
        (404, error("The model `x` does not exist", code="model_not_found"), C.LLM_MODEL_NOT_FOUND),
        (403, error("Project p does not have access to model x"), C.LLM_MODEL_NOT_FOUND),
        (404, {"error": 'model "x" not found, try pulling it first'}, C.LLM_MODEL_NOT_FOUND),
        (404, error("model: x", type="not_found_error"), C.LLM_MODEL_NOT_FOUND),
        (400, error("x is not a valid model ID"), C.LLM_MODEL_NOT_FOUND),
        (400, {"error": '"nomic-embed-text" does not support chat'}, C.LLM_REFUSED),
        (404, error("This is not a chat model and thus not supported"), C.LLM_REFUSED),
        (500, {"error": "model requires more system memory (5.6 GiB) than is available"}, C.LLM_REFUSED),
        # rules for content
        (400, error("The response was filtered", code="content_filter"), C.LLM_DECLINED),
        (403, error("Your input was flagged by moderation"), C.LLM_DECLINED),
        # the rest
        (400, error("max_tokens: 9 > 8, the maximum allowed number of output tokens"), C.LLM_REFUSED),
        (503, error("The model is overloaded. Please try again later."), C.LLM_SERVER_ERROR),
        (524, "<html>A timeout occurred</html>", C.LLM_SERVER_ERROR),
        (501, error("no"), C.LLM_REFUSED),
        (408, "", C.LLM_TIMEOUT),
    ],
)  # fmt: skip
def test_refusals_are_told_apart_by_the_providers_words(status, body, code):
    refused = said(status, body)
    assert refused.code == code
    assert refused.message
    assert refused.next_step
    assert refused.status in (409, 502, 504)


def test_a_request_that_is_repeated_in_the_error_decides_nothing():
    echoed = {"detail": [{"loc": ["body", "x"], "msg": "bad", "input": "context length, billing, api key"}]}
    assert said(400, echoed).code == C.LLM_REFUSED
    assert "billing" not in str(said(400, echoed).as_dict())


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("1e9", statuses.MAX_RETRY_AFTER),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=900), usegmt=True), statuses.MAX_RETRY_AFTER),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date_within_bounds(value, seconds):
    headers = {"retry-after": value, "date": format_datetime(NOW, usegmt=True)}
    assert statuses.retry_after(headers) == seconds


def test_a_date_without_the_servers_clock_is_read_by_ours():
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < (statuses.retry_after({"retry-after": until}) or 0) <= 60


def test_the_wait_reaches_the_reader_who_is_no_admin():
    from chat.llm import errors

    limited = said(429, error("rate limit"), {"retry-after": "40"})
    told = errors.for_reader(limited, is_admin=False)
    assert "llm.example" not in str(told.as_dict())
    assert "40 seconds" in told.next_step


@pytest.mark.parametrize(
    ("url", "cause", "says", "says_not"),
    [
        ("http://localhost:1", OSError(), "inside Docker use host.docker.internal", "extra_hosts"),
        (
            "http://host.docker.internal:1",
            socket.gaierror(),
            'extra_hosts: ["host.docker.internal:host-gateway"]',
            "use host.docker.internal",
        ),
        ("http://host.docker.internal:1", OSError(), "at Docker's gateway", "use host.docker.internal"),
        ("http://llm.example:1", socket.gaierror(), "Check the base URL", "docker"),
    ],
)
def test_what_to_do_about_a_server_that_cannot_be_reached_depends_on_its_name(url, cause, says, says_not):
    failed = httpx.ConnectError("no connection")
    failed.__cause__ = cause
    refusal = errors.from_exception(LLMConfig("ollama", "m", url), failed, started=False)
    assert refusal.code == C.LLM_UNREACHABLE
    assert says in refusal.next_step
    assert says_not not in refusal.next_step
