"""What can be wrong with a provider, as one of our codes and a sentence for a person.

What it says itself is read in `statuses`.
"""

import logging
import math
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import httpx

from chat.llm.base import LLMConfig
from config.errors import ErrorCode, PermanentError, TransientError, VerbatimError

log = logging.getLogger(__name__)

NAMES_SHOWN = 10
DOCKER_HOST = "host.docker.internal"  # the machine that the container runs on


def where(config: LLMConfig) -> str:
    """The server, for a sentence: scheme, host and port."""
    parts = urlsplit(config.base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


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
            next_step=_reach_it(config, known=False),
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


def bad_response(config: LLMConfig, what: str, details: dict[str, Any] | None = None) -> VerbatimError:
    """The server's answer cannot be read; `what` names what came instead."""
    return PermanentError(
        ErrorCode.LLM_BAD_RESPONSE,
        f"{where(config)} sent {what} instead of an answer of a language model.",
        details=details,
    )


def broke_off(config: LLMConfig) -> VerbatimError:
    """The stream ended without saying that it is finished."""
    return TransientError(
        ErrorCode.LLM_SERVER_ERROR,
        f"The language model's server at {where(config)} broke off in the middle of the answer.",
    )


def model_missing(config: LLMConfig, names: list[str] | None) -> VerbatimError:
    """No such model; `names` are those that exist, None if that could not be found out."""
    message = f"{where(config)} has no model named {shown(config.model)}."
    next_step = f"Get it with: ollama pull {shown(config.model)}" if config.provider == "ollama" else ""
    if names:
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        message += f" These exist: {', '.join(shown(name) for name in names[:NAMES_SHOWN])}{more}."
    elif names is not None:
        message += " It has no models yet."
    details = {"models": [shown(name) for name in names[:100]]} if names else {}
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
    wait = f"Try again in {math.ceil(error.retry_after)} seconds." if error.retry_after else ""
    return VerbatimError(error.code, message, next_step=wait, retry_after=error.retry_after)


def took_too_long(message: str, next_step: str = "") -> VerbatimError:
    """One of our own limits ended the call."""
    return PermanentError(ErrorCode.LLM_TIMEOUT, message, next_step=next_step)


def _reach_it(config: LLMConfig, *, known: bool = True) -> str:
    """What to do about a server that cannot be reached. `known`: its name leads to an address."""
    host = urlsplit(config.base_url).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        return "Check that it runs; inside Docker use host.docker.internal instead of localhost."
    if host == DOCKER_HOST and not known:
        return (
            f'The container needs extra_hosts: ["{DOCKER_HOST}:host-gateway"], as in docker-compose.yml; '
            "outside Docker use localhost."
        )
    if host == DOCKER_HOST:
        return "Check that it runs, and that it listens at Docker's gateway, not at localhost alone."
    return "Check the base URL, and that the server runs."


def _is_disconnect(error: Exception) -> bool:
    return "disconnected" in str(error) or "closed" in str(error)


def _chain(error: BaseException | None) -> Any:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def shown(name: str) -> str:
    """A model's name as it may stand in a sentence."""
    return "".join(char for char in name if char.isprintable() and char not in "<>")[:80] or "(no name)"
