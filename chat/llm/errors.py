"""From what a provider answers, or does not, to one of our codes and a sentence for a person.

A provider's own error text may hold keys, prompts or markup: it chooses the sentence, it is never repeated.
"""

import json
import logging
import re
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import httpx

from chat.llm.base import LLMConfig
from config.errors import ErrorCode, PermanentError, TransientError, VerbatimError

log = logging.getLogger(__name__)

MAX_RETRY_AFTER = 24 * 3600.0
NAMES_SHOWN = 10
TOP_UP = "Add credit to that account, or enter the key of another one."
TRANSIENT_STATUSES = {500, 502, 503, 504, 529}

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_WINDOW = re.compile(
    r"context.{0,12}(length|size|window)|prompt is too long|too many tokens"
    r"|exceeds? the (available )?context",
    re.I,
)
_MODEL = re.compile(
    r"model.{0,120}(not found|not exist|not a valid|invalid|unknown|not available|no such)"
    r"|(invalid|unknown) model"
    r"|model_not_found|not_found_error",
    re.I | re.S,
)
_CREDIT = re.compile(r"insufficient_quota|credit balance|billing|exceeded your current quota|payment", re.I)
_BUSY = re.compile(r"rate.?limit|too many requests|overloaded|capacity|busy|try again", re.I)


def where(config: LLMConfig) -> str:
    """The server, for a sentence: scheme, host and port."""
    parts = urlsplit(config.base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def from_status(
    config: LLMConfig, status: int, body: bytes, headers: httpx.Headers | dict[str, str] | None = None
) -> VerbatimError:
    """The refusal that stands for an HTTP answer that is not 200.

    Args:
        config: whom we called.
        status: the HTTP status.
        body: the (bounded) body.
        headers: for Retry-After.
    """
    text = body.decode("utf-8", "replace")
    details = _details(status, text)
    log.warning("LLM %s answered %s %s", where(config), status, details.get("provider_code", ""))
    wait = _retry_after(headers)
    place = where(config)
    if status in (401, 403):
        return _key_error(config, details)
    if status == 402 or (status in (400, 403, 429) and _CREDIT.search(text)):
        return PermanentError(
            ErrorCode.LLM_REFUSED,
            f"The account at {place} has no credit left.",
            details=details,
            next_step=TOP_UP,
        )
    if status == 404 or (status in (400, 422) and _MODEL.search(text)):
        return _not_found(config, text, details)
    if status == 429:
        return TransientError(
            ErrorCode.LLM_RATE_LIMITED,
            f"{place} limits how often we may ask it"
            + (f"; it wants us to wait {wait:.0f} seconds." if wait else "."),
            details=details,
            retry_after=wait,
        )
    if status in TRANSIENT_STATUSES:
        return TransientError(
            ErrorCode.LLM_SERVER_ERROR,
            f"The language model's server at {place} failed (HTTP {status}).",
            details=details,
            retry_after=wait,
        )
    return _refused(config, status, text, details)


def from_error_object(config: LLMConfig, error: Any) -> VerbatimError:
    """The refusal that stands for an error object in the middle of a stream."""
    text = json.dumps(error, default=str)[:20_000]
    log.warning("LLM %s sent an error in its stream", where(config))
    if _CREDIT.search(text):
        return PermanentError(
            ErrorCode.LLM_REFUSED, f"The account at {where(config)} has no credit left.", next_step=TOP_UP
        )
    if _WINDOW.search(text):
        return _window_error(config, {})
    if _BUSY.search(text):
        return TransientError(ErrorCode.LLM_RATE_LIMITED, f"{where(config)} is busy and ended the answer.")
    return TransientError(
        ErrorCode.LLM_SERVER_ERROR, f"The language model's server at {where(config)} reported an error."
    )


def from_exception(config: LLMConfig, error: Exception, *, started: bool) -> VerbatimError:
    """The refusal that stands for a failed connection.

    Args:
        config: whom we called.
        error: what httpx raised.
        started: whether something of the answer had arrived.
    """
    place = where(config)
    causes = list(_chain(error))
    log.info("LLM %s: %s", place, " <- ".join(type(cause).__name__ for cause in causes))
    if started:
        return TransientError(
            ErrorCode.LLM_SERVER_ERROR,
            f"The language model's server at {place} broke off in the middle of the answer.",
        )
    if any(isinstance(cause, socket.gaierror | UnicodeError) for cause in causes):
        return PermanentError(
            ErrorCode.LLM_UNREACHABLE,
            f"No machine is known by the name in {place}.",
            next_step=_reach_it(config),
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return PermanentError(
            ErrorCode.LLM_UNREACHABLE,
            f"No secure connection to {place}: its certificate is not trusted, or it does not speak TLS.",
            next_step="Check the certificate, and whether the base URL should begin with http://.",
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return PermanentError(
            ErrorCode.LLM_UNREACHABLE,
            f"{place} does not take connections in time.",
            next_step=_reach_it(config),
        )
    if isinstance(error, httpx.ConnectError):
        return TransientError(
            ErrorCode.LLM_UNREACHABLE, f"Nothing listens at {place}.", next_step=_reach_it(config)
        )
    if isinstance(error, httpx.DecodingError | httpx.RemoteProtocolError) and not _is_disconnect(error):
        return bad_response(config, "something that is not HTTP")
    return TransientError(
        ErrorCode.LLM_UNREACHABLE, f"The connection to {place} was closed before an answer came."
    )


def bad_response(config: LLMConfig, what: str) -> VerbatimError:
    """The server's answer cannot be read; `what` names what came instead."""
    return PermanentError(
        ErrorCode.LLM_BAD_RESPONSE, f"{where(config)} sent {what} instead of an answer of a language model."
    )


def broke_off(config: LLMConfig) -> VerbatimError:
    """The stream ended without saying that it is finished."""
    return TransientError(
        ErrorCode.LLM_SERVER_ERROR,
        f"The language model's server at {where(config)} broke off in the middle of the answer.",
    )


def model_missing(config: LLMConfig, names: list[str] | None) -> VerbatimError:
    """No such model; `names` are those that exist, None if that could not be found out."""
    message = f"{where(config)} has no model named {_shown(config.model)}."
    next_step = f"Get it with: ollama pull {_shown(config.model)}" if config.provider == "ollama" else ""
    if names:
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        message += f" These exist: {', '.join(_shown(name) for name in names[:NAMES_SHOWN])}{more}."
    elif names is not None:
        message += " It has no models yet."
    details = {"models": [_shown(name) for name in names[:100]]} if names else {}
    return PermanentError(ErrorCode.LLM_MODEL_NOT_FOUND, message, details=details, next_step=next_step)


def for_reader(error: VerbatimError, *, is_admin: bool) -> VerbatimError:
    """The error as its reader may see it: addresses and names of models are the admins' business.

    Args:
        error: any refusal; others than those of LLMs pass unchanged.
        is_admin: whether the reader may see a model's settings.
    """
    about_llm = error.code.startswith("llm_") or error.code == ErrorCode.ADDRESS_REFUSED
    if is_admin or not about_llm:
        return error
    message = "" if "://" in error.message else error.message
    return VerbatimError(error.code, message, retry_after=error.retry_after)


def took_too_long(message: str, next_step: str = "") -> VerbatimError:
    """One of our own limits ended the call."""
    return PermanentError(ErrorCode.LLM_TIMEOUT, message, next_step=next_step)


def _key_error(config: LLMConfig, details: dict[str, Any]) -> VerbatimError:
    if not config.api_key:
        return PermanentError(
            ErrorCode.LLM_KEY_MISSING,
            f"{where(config)} wants an API key, and this model has none.",
            details=details,
        )
    return PermanentError(ErrorCode.LLM_KEY_REFUSED, f"{where(config)} refused the API key.", details=details)


def _not_found(config: LLMConfig, text: str, details: dict[str, Any]) -> VerbatimError:
    if "model" in text.lower() and not text.lstrip().startswith("<"):
        return model_missing(config, None)
    paths = {"ollama": "without /api or /v1 at its end", "anthropic": "without /v1 at its end"}
    advice = paths.get(config.provider, "usually with /v1 at its end")
    return PermanentError(
        ErrorCode.LLM_REFUSED,
        f"{where(config)} answers, but there is no chat at that path.",
        details=details,
        next_step=f"Check the base URL, {advice}.",
    )


def _refused(config: LLMConfig, status: int, text: str, details: dict[str, Any]) -> VerbatimError:
    place, next_step = where(config), ""
    if 300 <= status < 400:
        message = f"{place} sends us on to another address."
        next_step = "Enter the final address as the base URL."
    elif status == 413 or _WINDOW.search(text):
        return _window_error(config, details)
    elif status == 408:
        return took_too_long(f"{place} gave up waiting.")
    else:
        message = f"{place} refused the request (HTTP {status})."
    return PermanentError(ErrorCode.LLM_REFUSED, message, details=details, next_step=next_step)


def _window_error(config: LLMConfig, details: dict[str, Any]) -> VerbatimError:
    return PermanentError(
        ErrorCode.LLM_REFUSED,
        f"The prompt is longer than the window of {_shown(config.model)}.",
        details=details,
        next_step="An administrator should lower the window, the answer's length or top_k of this model.",
    )


def _reach_it(config: LLMConfig) -> str:
    """What to do about a server that cannot be reached."""
    host = urlsplit(config.base_url).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1", "host.docker.internal"):
        return "Check that it runs; inside Docker use host.docker.internal instead of localhost."
    return "Check the base URL, and that the server runs."


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


def _retry_after(headers: httpx.Headers | dict[str, str] | None) -> float | None:
    """Seconds of a Retry-After in its usual form; dates and nonsense count as absent."""
    try:
        seconds = float((headers or {}).get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= MAX_RETRY_AFTER else None


def _is_disconnect(error: Exception) -> bool:
    return "disconnected" in str(error) or "closed" in str(error)


def _chain(error: BaseException | None) -> Any:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _shown(name: str) -> str:
    """A model's name as it may stand in a sentence."""
    return "".join(char for char in name if char.isprintable() and char not in "<>")[:80] or "(no name)"
