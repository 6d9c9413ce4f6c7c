"""Short limits, and no memory of what models refused, for every test of the adapters."""

import pytest

from chat.llm import calls, clock
from chat.llm.quirks import quirks


@pytest.fixture(autouse=True)
def _limits(settings, monkeypatch):
    settings.LLM_CONNECT_TIMEOUT = 2
    settings.LLM_FIRST_TOKEN_TIMEOUT = 3
    settings.LLM_TOKEN_GAP_TIMEOUT = 1
    settings.LLM_TOTAL_TIMEOUT = 10
    monkeypatch.setattr(calls, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(clock, "AFTER_FINISH_SECONDS", 0.3)
    quirks.forget()


@pytest.fixture
def patient(settings, _limits):
    """For a real model on a machine that has other work."""
    settings.LLM_FIRST_TOKEN_TIMEOUT = settings.LLM_TOKEN_GAP_TIMEOUT = settings.LLM_TOTAL_TIMEOUT = 120
