"""One call of a provider: deadlines, limits, retries. The adapters say what to send and how to read it."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import httpx
from django.conf import settings

from chat.llm import errors, statuses
from chat.llm.base import (
    Finished,
    LLMConfig,
    LLMEvent,
    ReasoningDelta,
    TextDelta,
    TextWasReasoning,
    no_pause,
)
from chat.llm.clock import Clock
from chat.llm.quirks import UNOPENED_REASONING, quirks
from chat.llm.streaming import Cleaner, LineDecoder, UnreadableStream
from chat.llm.thinking import ThinkSplitter
from config import outbound
from config.errors import ErrorCode, PermanentError, TransientError, VerbatimError

MAX_RETRIES = 2
RETRY_SECONDS = 0.4
MAX_WAIT_SECONDS = 30.0  # who wants us to wait longer than that (Retry-After) is not asked again
MAX_ANSWER_BYTES = 256 * 1024  # 32,000 tokens, the most that a model may be set to, are about 150 kB
MAX_REASONING_BYTES = 1024 * 1024
MAX_WIRE_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
MAX_LISTING_BYTES = 4 * 1024 * 1024
LISTING_SECONDS = 5.0
WRITE_SECONDS = 30.0
MAX_ADJUSTMENTS = 4


class Parser(Protocol):
    """Reads one provider's stream, line by line.

    Attributes:
        finished: the reason of the end is known; only usage may follow.
        done: nothing follows.
    """

    finished: bool
    done: bool

    def feed(self, line: str) -> Iterator[LLMEvent]:
        """Deltas of this line; raises VerbatimError for an error object, UnreadableStream for nonsense."""
        ...

    def end(self) -> Finished | None:
        """The last event; None when the stream broke off before its end."""
        ...


@dataclass(frozen=True)
class Call:
    """What an adapter hands over.

    Attributes:
        url, headers: where to POST, and with what besides the content type.
        body: makes the JSON body; called again after an adjustment.
        parser: makes a fresh parser.
        adjust: given (status, the provider's words) of a refusal, changes what `body` makes; whether to ask
            again.
        models: lists the server's models, for the sentence "these exist".
        pause: seconds to let text gather before it is read on; asked before each time.
    """

    config: LLMConfig
    url: str
    headers: dict[str, str] = field(repr=False)  # the key is in them
    body: Callable[[], dict[str, Any]]
    parser: Callable[[], Parser]
    adjust: Callable[[int, str], bool]
    models: Callable[[], Awaitable[list[str]]]
    pause: Callable[[], float] = no_pause


async def generate(call: Call) -> AsyncGenerator[LLMEvent]:
    """Stream one generation; transient faults before the first token are tried again, MAX_RETRIES times.

    Raises:
        VerbatimError: LLM_* or ADDRESS_REFUSED, for every fault.
    """
    clock = Clock()
    faults = 0
    while True:
        started = False
        try:
            async with aclosing(_attempt(call, clock)) as events:
                async for event in events:
                    started = True
                    yield event
                    clock.token()
            return
        except TransientError as error:
            delay = error.retry_after
            if delay is None:
                delay = RETRY_SECONDS * 2**faults * random.uniform(0.8, 1.2)  # noqa: S311
            if started or faults >= MAX_RETRIES or delay >= min(clock.left(), MAX_WAIT_SECONDS):
                raise
            faults += 1
        except PermanentError as error:
            if error.code == ErrorCode.LLM_MODEL_NOT_FOUND:
                raise errors.model_missing(call.config, await _names(call)) from error
            raise
        await asyncio.sleep(delay)


async def fetch_json(
    config: LLMConfig,
    url: str,
    headers: dict[str, str],
    *,
    body: dict[str, Any] | None = None,
    seconds: float = LISTING_SECONDS,
) -> dict[str, Any]:
    """GET a bounded JSON object (POST, if there is a body to send) within a bounded time.

    Raises:
        VerbatimError: LLM_* or ADDRESS_REFUSED, for every fault.
    """
    try:
        async with asyncio.timeout(seconds):
            client, method = outbound.client(), "GET" if body is None else "POST"
            request = client.build_request(method, url, headers=headers, json=body)
            response = await client.send(request, stream=True)
            try:
                content = await outbound.read_limited(response, MAX_LISTING_BYTES)
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise errors.took_too_long(
            f"{errors.where(config)} did not answer within {seconds:.0f} s."
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise errors.from_exception(config, error, started=False) from error
    if response.status_code != 200:
        raise statuses.from_status(config, response.status_code, content, response.headers)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise errors.bad_response(config, "something that is not JSON") from error
    if not isinstance(value, dict):
        raise errors.bad_response(config, "unexpected JSON")
    return value


def bearer(config: LLMConfig) -> dict[str, str]:
    """The Authorization header, if there is a key."""
    key = checked_key(config)
    return {"Authorization": f"Bearer {key}"} if key else {}


def checked_key(config: LLMConfig) -> str:
    """The key as it may stand in a header.

    Raises:
        PermanentError: LLM_KEY_REFUSED for characters that no key has (a line break, a typographic dash).
    """
    key = config.api_key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise PermanentError(
            ErrorCode.LLM_KEY_REFUSED, "The API key holds characters that no key has; paste it again."
        )
    return key


def base_of(config: LLMConfig, *endings: str) -> str:
    """The base URL, checked, without a trailing slash and without the endings that people paste along.

    Raises:
        PermanentError: ADDRESS_REFUSED.
    """
    base = str(outbound.check_url(config.base_url)).rstrip("/")
    for ending in endings:
        base = base.removesuffix(ending).rstrip("/")
    return base


async def _attempt(call: Call, clock: Clock) -> AsyncGenerator[LLMEvent]:
    """One request and its stream."""
    response = await _open(call, clock)
    started = False
    try:
        parser = call.parser()
        guard = _Guard((call.url, call.config.model))
        async with aclosing(_lines(call, clock, response, parser)) as blocks:
            async for lines in blocks:
                for event in _events(parser, lines):
                    for clean in guard.feed(event):
                        started = True
                        yield clean
                    if guard.full:
                        yield Finished("length")
                        return
                if parser.done:
                    break
        last = parser.end()
        for clean in guard.end(last):
            started = True
            yield clean
        if last is None:
            raise errors.broke_off(call.config) if started else errors.bad_response(call.config, "no text")
        yield replace(last, reason="length") if guard.full else last
    except UnreadableStream as error:
        raise errors.bad_response(call.config, str(error)) from error
    except httpx.HTTPError as error:
        raise errors.from_exception(call.config, error, started=started) from error
    finally:
        await response.aclose()


async def _open(call: Call, clock: Clock) -> httpx.Response:
    """The response, its status checked, its body not read yet.

    Raises:
        VerbatimError: whatever else the server did.
    """
    for adjusted in range(MAX_ADJUSTMENTS + 1):
        response = await _send(call, clock)
        if response.status_code == 200:
            break
        try:
            async with asyncio.timeout(max(0.0, clock.left())):
                body = await outbound.read_limited(response, MAX_ERROR_BYTES)
        except (TimeoutError, httpx.HTTPError):
            body = b""  # the status says enough
        finally:
            await response.aclose()
        said = statuses.said_in(body.decode("utf-8", "replace"))
        if adjusted < MAX_ADJUSTMENTS and call.adjust(response.status_code, said):
            continue
        raise statuses.from_status(call.config, response.status_code, body, response.headers)
    if "html" in response.headers.get("content-type", ""):
        await response.aclose()
        raise errors.bad_response(call.config, "a web page")
    return response


async def _send(call: Call, clock: Clock) -> httpx.Response:
    client = outbound.client()
    timeout = httpx.Timeout(
        None, connect=settings.LLM_CONNECT_TIMEOUT, write=WRITE_SECONDS, pool=WRITE_SECONDS
    )
    request = client.build_request("POST", call.url, headers=call.headers, json=call.body(), timeout=timeout)
    try:
        async with asyncio.timeout(max(0.0, clock.left())):
            return await client.send(request, stream=True)
    except TimeoutError as error:
        raise clock.error(call.config) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise errors.from_exception(call.config, error, started=False) from error


def _events(parser: Parser, lines: Iterable[str]) -> Iterator[LLMEvent]:
    """What the lines of one block say, their text in one piece. Raises as the parser does, but after it."""
    text: list[str] = []
    try:
        for line in lines:
            for event in parser.feed(line):
                if isinstance(event, TextDelta):
                    text.append(event.text)
                    continue
                if text:
                    yield TextDelta("".join(text))
                    text.clear()
                yield event
            if parser.done:
                break
    except (VerbatimError, UnreadableStream):
        if text:
            yield TextDelta("".join(text))
        raise
    if text:
        yield TextDelta("".join(text))


async def _lines(
    call: Call, clock: Clock, response: httpx.Response, parser: Parser
) -> AsyncGenerator[list[str]]:
    """The stream's lines, block by block, within the limits of time and size.

    A silence after the finish is simply the end. Between two blocks more may be let gather: `Call.pause`; a
    block is all that could be read at once (`config/chunks.py`).
    """
    decoder = LineDecoder()
    blocks: AsyncIterator[bytes] = response.aiter_bytes()
    size = 0
    while True:
        try:
            async with asyncio.timeout(max(0.0, clock.left(finished=parser.finished))):
                block = await anext(blocks)
        except StopAsyncIteration:
            break
        except TimeoutError as error:
            if parser.finished:
                return
            raise clock.error(call.config) from error
        except httpx.HTTPError:
            if parser.finished:
                return
            raise
        size += len(block)
        if size > MAX_WIRE_BYTES:
            raise PermanentError(ErrorCode.LLM_OUTPUT_TOO_LARGE)
        lines: list[str] = []
        try:
            lines.extend(decoder.feed(block))
        except UnreadableStream:
            yield lines
            raise
        yield lines
        if not parser.finished and (pause := call.pause()) > 0:
            await asyncio.sleep(pause)
    yield [*decoder.end(), ""]  # the blank line completes an event that none followed


class _Guard:
    """Between parser and reader: reasoning tags apart, text clean, the answer's size bounded.

    Attributes:
        full: the answer is as long as answers may be; nothing more of it is let through.
    """

    def __init__(self, model: tuple[str, str]) -> None:
        self._model = model
        self._known = UNOPENED_REASONING in quirks.of(model)
        self._splitter = ThinkSplitter(unopened=self._known)
        self._cleaners = {TextDelta: Cleaner(), ReasoningDelta: Cleaner()}
        self._left = {TextDelta: MAX_ANSWER_BYTES, ReasoningDelta: MAX_REASONING_BYTES}
        self.full = False

    def feed(self, event: LLMEvent) -> Iterator[LLMEvent]:
        if isinstance(event, ReasoningDelta):
            self._splitter.apart()
        for one in self._splitter.feed(event.text) if isinstance(event, TextDelta) else (event,):
            yield from self._clean(one)
        self._learn()

    def end(self, last: Finished | None) -> Iterator[LLMEvent]:
        """What was held back. `last`: how the stream ended; None for one that broke off."""
        whole = last is not None and last.reason == "stop"
        for one in self._splitter.end(whole=whole):
            yield from self._clean(one)
        self._learn()
        if whole and self._known and not self._splitter.closed:
            quirks.unlearn(self._model, UNOPENED_REASONING)

    def _learn(self) -> None:
        if self._splitter.unopened and not self._known:
            self._known = True
            quirks.learn(self._model, UNOPENED_REASONING)

    def _take_back(self) -> None:
        self._left[ReasoningDelta] -= MAX_ANSWER_BYTES - self._left[TextDelta]
        self._left[TextDelta] = MAX_ANSWER_BYTES
        self._cleaners[TextDelta] = Cleaner()

    def _clean(self, event: LLMEvent) -> Iterator[LLMEvent]:
        if isinstance(event, Finished) or self.full:
            return
        if isinstance(event, TextWasReasoning):
            self._take_back()
            yield event
            return
        kind = type(event)
        text = self._cleaners[kind].feed(event.text)
        size = len(text.encode())
        if size > self._left[kind]:
            if kind is ReasoningDelta:
                raise PermanentError(ErrorCode.LLM_OUTPUT_TOO_LARGE)
            self.full = True
            text = text.encode()[: self._left[kind]].decode("utf-8", "ignore")
        self._left[kind] -= size
        if text or not event.text:
            yield replace(event, text=text)


async def _names(call: Call) -> list[str] | None:
    try:
        return await call.models()
    except VerbatimError:
        return None
