"""Making an adapter, asking it, and keeping what it said."""

import asyncio
import time
from contextlib import aclosing

from chat.llm import registry
from chat.llm.base import (
    ChatMessage,
    Finished,
    LLMConfig,
    LLMRequest,
    ReasoningDelta,
    TextDelta,
    TextWasReasoning,
)
from config.errors import VerbatimError
from documents.retrieval.types import Passage
from tests.contracts.protocols import KEY

ADAPTERS = {"custom": "/v1", "ollama": "", "anthropic": ""}
PASSAGE = Passage(7, 3, "hours.txt", "The office opens at nine. It closes at five.", 0.9, 1.0)


def adapter(server, provider: str, model: str, key: str = KEY):
    return registry.build(LLMConfig(provider, model, server.url + ADAPTERS[provider], key))


def request_for(question: str = "When does it open?") -> LLMRequest:
    messages = (ChatMessage("system", "Be brief."), ChatMessage("user", question))
    return LLMRequest(messages, question=question, passages=(PASSAGE,))


class Heard:
    """What a consumer has got: text so far, reasoning so far, text taken back, the end or the error."""

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self.taken_back = ""
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
                elif isinstance(event, TextWasReasoning):
                    heard.reasoning, heard.text, heard.taken_back = heard.text, "", heard.text
                else:
                    heard.ends.append(event)
    except VerbatimError as error:
        heard.error = error
    heard.seconds = time.monotonic() - began
    assert (len(heard.ends) == 1) is (heard.error is None)
    return heard


async def listen_raw(llm) -> None:
    async with aclosing(llm.stream(request_for())) as events:
        async for _ in events:
            pass
