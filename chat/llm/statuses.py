"""From the words and the status with which a provider refuses, to one of our codes.

A provider's own error text may hold keys, prompts or markup: it chooses the sentence, it is never repeated.
"""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from chat.llm import errors
from chat.llm.base import LLMConfig
from chat.llm.streaming import dict_of, list_of, text_of
from config.errors import ErrorCode, PermanentError, TransientError, VerbatimError

log = logging.getLogger(__name__)

MAX_RETRY_AFTER = 24 * 3600.0
MAX_SAID = 20_000
TRANSIENT_STATUSES = {500, 502, 503, 504, *range(520, 525), 529}  # 52x: Cloudflare; 529: Anthropic

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
# as OpenAI, Anthropic, Mistral, Gemini, Groq, Bedrock, vLLM, TGI, llama.cpp, LM Studio and Ollama say it
_WINDOW = re.compile(
    r"context.{0,12}(length|size|window|limit)|prompt is too long|input is too long|too many tokens"
    r"|exceeds? the (available )?context|input.{0,12}tokens? (count )?.{0,24}exceed"
    r"|reduce the length of the messages|string too long|`inputs` tokens \+ `max_new_tokens`",
    re.I | re.S,
)
_ANSWER_LENGTH = re.compile(
    r"max_(completion_|output_)?tokens.{0,40}(too large|at most|maximum)"
    r"|maximum allowed number of output tokens|at most \d+ completion tokens",
    re.I | re.S,
)
_MODEL = re.compile(
    r"model.{0,120}(not found|not exist|not a valid|invalid|unknown|not available|no such)"
    r"|(invalid|unknown|not a valid) model|does not have access to model"
    r"|model_not_found|not_found_error",
    re.I | re.S,
)
_NO_CHAT = re.compile(r"does not support chat|not a chat model|not supported in the v1/chat", re.I)
_KEY = re.compile(
    r"api.?key (is )?not (valid|found)|(invalid|incorrect|missing).{0,12}api.?key|API_KEY_INVALID", re.I
)
_CREDIT = re.compile(
    r"insufficient.(quota|credit|balance|fund)|credit balance|billing|exceeded your current quota"
    r"|payment required|requires more credits",
    re.I,
)
_CONTENT = re.compile(
    r"content.?(filter|management|policy|moderation)|moderation|flagged|responsible.?ai|safety system", re.I
)
_MEMORY = re.compile(r"requires more system memory|not enough memory|unable to allocate", re.I)
_OVERLOAD = re.compile(r"overloaded|capacity|busy|pending requests", re.I)
_LIMITED = re.compile(r"rate.?limit|too many requests|try again", re.I)


def from_status(
    config: LLMConfig, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> VerbatimError:
    """The refusal that stands for an HTTP answer that is not 200.

    Args:
        config: whom we called.
        status: the HTTP status.
        body: the (bounded) body.
        headers: for Retry-After, Date and the content type.
    """
    headers = headers or {}
    text = body.decode("utf-8", "replace")
    said, details = said_in(text), _details(status, text)
    place = errors.where(config)
    log.warning("LLM %s answered %s %s", place, status, details.get("provider_code", ""))
    page = "html" in headers.get("content-type", "") or text.lstrip().startswith("<")
    if status >= 400 and (known := _by_words(config, status, "" if page else said, details)) is not None:
        return known
    if status == 401 or (status == 403 and not page):
        return _key_error(config, details)
    if status == 404:
        return _no_chat_there(config, details)
    if status == 429:
        return _limited(config, details, retry_after(headers))
    if status in TRANSIENT_STATUSES:
        return _failed(config, status, details, retry_after(headers), said=said, page=page)
    return _refused(config, status, details, page=page)


def from_error_object(config: LLMConfig, error: Any) -> VerbatimError:
    """The refusal that stands for an error object in the middle of a stream."""
    said = said_in(json.dumps({"error": error}, default=str))
    place = errors.where(config)
    log.warning("LLM %s sent an error in its stream", place)
    if _CREDIT.search(said):
        return PermanentError(ErrorCode.LLM_NO_CREDIT, f"The account at {place} has no credit or quota left.")
    if _WINDOW.search(said):
        return _too_long(config, {})
    if _CONTENT.search(said):
        return PermanentError(ErrorCode.LLM_DECLINED)
    if _OVERLOAD.search(said) or _LIMITED.search(said):
        return TransientError(ErrorCode.LLM_RATE_LIMITED, f"{place} is busy and ended the answer.")
    return TransientError(
        ErrorCode.LLM_SERVER_ERROR, f"The language model's server at {place} reported an error."
    )


def said_in(text: str) -> str:
    """The words of an error body that are the provider's own: message, code, type, the parameter's name.

    Some servers repeat the whole request beside them; a question about billing is no bill.
    """
    try:
        value = dict_of(json.loads(text))
    except (ValueError, RecursionError):
        return text[:MAX_SAID]
    error = dict_of(value.get("error"))
    parts = [
        *(text_of(value.get(name)) for name in ("error", "message", "detail", "code")),
        *(text_of(error.get(name)) for name in ("message", "code", "type", "param", "status")),
        text_of(dict_of(error.get("metadata")).get("raw")),  # OpenRouter: what its own provider said
    ]
    for one in map(dict_of, list_of(value.get("detail"))):  # FastAPI: where, and what is wrong there
        parts += [*map(str, list_of(one.get("loc"))), text_of(one.get("msg"))]
    return "\n".join(filter(None, parts))[:MAX_SAID]


def about_size(said: str) -> bool:
    """Whether the provider finds prompt or answer too long, whatever parameters it names."""
    return bool(_WINDOW.search(said) or _ANSWER_LENGTH.search(said))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After asks for, 0 to MAX_RETRY_AFTER; None when absent or nonsense.

    A date is read by the server's own clock, if it sends that along (RFC 9110, 10.2.3).
    """
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        until = _date(value)
        if until is None:
            return None
        now = _date(headers.get("date", "")) or datetime.now(UTC)
        seconds = (until - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER) if seconds == seconds else None


def _by_words(config: LLMConfig, status: int, said: str, details: dict[str, Any]) -> VerbatimError | None:
    """What the provider's words say more exactly than its status; None when they say nothing known."""
    place = errors.where(config)
    unfit = status in (400, 404, 413, 422, 500)  # some servers fail where they should refuse
    if status == 402 or (status in (400, 403, 429) and _CREDIT.search(said)):
        return PermanentError(
            ErrorCode.LLM_NO_CREDIT, f"The account at {place} has no credit or quota left.", details=details
        )
    if status == 400 and _KEY.search(said):
        return _key_error(config, details)
    if unfit and _WINDOW.search(said):
        return _too_long(config, details)
    if unfit and _ANSWER_LENGTH.search(said):
        return PermanentError(
            ErrorCode.LLM_REFUSED,
            f"{place} does not write answers as long as this model's settings allow.",
            details=details,
            next_step="An administrator should lower the longest answer in the model's settings.",
        )
    if unfit and (_NO_CHAT.search(said) or _MEMORY.search(said)):
        why = "cannot chat" if _NO_CHAT.search(said) else "needs more memory than that machine has"
        return PermanentError(
            ErrorCode.LLM_REFUSED,
            f"{place} says that {errors.shown(config.model)} {why}.",
            details=details,
            next_step="Choose another model" + (", or a smaller one." if "memory" in why else "."),
        )
    if status in (400, 403) and _CONTENT.search(said):
        return PermanentError(ErrorCode.LLM_DECLINED, details=details)
    if (status == 404 and "model" in said.lower()) or (status in (400, 403, 422) and _MODEL.search(said)):
        return errors.model_missing(config, None)
    return None


def _key_error(config: LLMConfig, details: dict[str, Any]) -> VerbatimError:
    if not config.api_key:
        return PermanentError(
            ErrorCode.LLM_KEY_MISSING,
            f"{errors.where(config)} wants an API key, and this model has none.",
            details=details,
        )
    forbidden = " It may lack the right to this model." if details["status"] == 403 else ""
    return PermanentError(
        ErrorCode.LLM_KEY_REFUSED,
        f"{errors.where(config)} refused the API key.{forbidden}",
        details=details,
    )


def _no_chat_there(config: LLMConfig, details: dict[str, Any]) -> VerbatimError:
    paths = {"ollama": "without /api or /v1 at its end", "anthropic": "without /v1 at its end"}
    advice = paths.get(config.provider, "usually with /v1 at its end")
    return PermanentError(
        ErrorCode.LLM_REFUSED,
        f"{errors.where(config)} answers, but there is no chat at that path.",
        details=details,
        next_step=f"Check the base URL, {advice}.",
    )


def _limited(config: LLMConfig, details: dict[str, Any], wait: float | None) -> VerbatimError:
    wish = f"; it wants us to wait {wait:.0f} seconds." if wait else "."
    return TransientError(
        ErrorCode.LLM_RATE_LIMITED,
        f"{errors.where(config)} limits how often we may ask it{wish}",
        details=details,
        retry_after=wait,
    )


def _failed(
    config: LLMConfig, status: int, details: dict[str, Any], wait: float | None, *, said: str, page: bool
) -> VerbatimError:
    place = f"The language model's server at {errors.where(config)}"
    if status == 529 or (not page and _OVERLOAD.search(said)):
        message = f"{place} is overloaded (HTTP {status})."
    elif page:
        message = f"A proxy before it answers for {errors.where(config)} (HTTP {status})."
    else:
        message = f"{place} failed (HTTP {status})."
    return TransientError(ErrorCode.LLM_SERVER_ERROR, message, details=details, retry_after=wait)


def _refused(config: LLMConfig, status: int, details: dict[str, Any], *, page: bool) -> VerbatimError:
    place, next_step = errors.where(config), ""
    if 300 <= status < 400:
        message = f"{place} sends us on to another address."
        next_step = "Enter the final address as the base URL."
    elif status == 413:
        if not page:
            return _too_long(config, details)
        message = f"A proxy before {place} does not let through requests as large as this one."
        next_step = "Raise the proxy's limit for bodies (nginx: client_max_body_size)."
    elif status == 408:
        return errors.took_too_long(f"{place} gave up waiting.")
    elif page:
        return errors.bad_response(config, f"a web page (HTTP {status})", details)
    else:
        message = f"{place} refused the request (HTTP {status})."
    return PermanentError(ErrorCode.LLM_REFUSED, message, details=details, next_step=next_step)


def _too_long(config: LLMConfig, details: dict[str, Any]) -> VerbatimError:
    return PermanentError(
        ErrorCode.LLM_PROMPT_TOO_LONG,
        f"The prompt is longer than the window of {errors.shown(config.model)} at {errors.where(config)}.",
        details=details,
        next_step="An administrator should lower the window, the answer's length or the number of passages"
        " in the model's settings.",
    )


def _details(status: int, text: str) -> dict[str, Any]:
    """Facts that are safe to show: the status, and the provider's own code if it is a plain identifier."""
    details: dict[str, Any] = {"status": status}
    try:
        error = json.loads(text).get("error")
        code = error.get("code") or error.get("type")
    except (ValueError, AttributeError, RecursionError):
        return details
    if isinstance(code, str) and _IDENTIFIER.fullmatch(code) and not code.startswith("sk-"):
        details["provider_code"] = code
    return details


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
