"""The official client, against the product's own server."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import openai
import pytest

from accounts import api_keys
from accounts.models import User
from chat.engine.threads import in_thread


@pytest.fixture
async def client(server: int) -> AsyncIterator[Callable]:
    """A function: user or credential -> the official client with a key of his."""
    async with AsyncExitStack() as opened:

        async def make(who: User | str, **options) -> openai.AsyncOpenAI:
            raw = who if isinstance(who, str) else (await key_of(who))[1]
            return await opened.enter_async_context(
                openai.AsyncOpenAI(
                    api_key=raw,
                    base_url=f"http://127.0.0.1:{server}/v1",
                    http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
                    timeout=20,
                    **{"max_retries": 0} | options,
                )
            )

        yield make


async def key_of(user: User) -> tuple[api_keys.ApiKey, str]:
    return await in_thread(api_keys.key_create, user=user, name="Test")


def question(text: str, **fields) -> dict:
    return {"model": "Handbook", "messages": [{"role": "user", "content": text}]} | fields
