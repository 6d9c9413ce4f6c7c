"""The limits of one call of a provider."""

import time

from django.conf import settings

from chat.llm import errors
from chat.llm.base import LLMConfig
from config.errors import VerbatimError

AFTER_FINISH_SECONDS = 2.0  # for the usage that follows the last token


class Clock:
    """The four limits of a call. Time that the reader of the events needs does not count as a gap."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()
        self._tokens = False

    def token(self) -> None:
        """A token was delivered."""
        self._tokens = True
        self._last = time.monotonic()

    def left(self, *, finished: bool = False) -> float:
        """Seconds until the nearest limit, counted from now; not positive when it has passed."""
        now = time.monotonic()
        total = self._start + settings.LLM_TOTAL_TIMEOUT
        if finished:
            return min(AFTER_FINISH_SECONDS, total - now)
        if self._tokens:
            return min(self._last + settings.LLM_TOKEN_GAP_TIMEOUT, total) - now
        return min(self._start + settings.LLM_FIRST_TOKEN_TIMEOUT, total) - now

    def error(self, config: LLMConfig) -> VerbatimError:
        """Which limit has passed, in words."""
        place = errors.where(config)
        if time.monotonic() - self._start >= settings.LLM_TOTAL_TIMEOUT:
            return errors.took_too_long(
                f"The answer took longer than the {settings.LLM_TOTAL_TIMEOUT} seconds allowed."
            )
        if self._tokens:
            return errors.took_too_long(f"{place} fell silent for {settings.LLM_TOKEN_GAP_TIMEOUT} seconds.")
        return errors.took_too_long(
            f"{place} sent nothing for {settings.LLM_FIRST_TOKEN_TIMEOUT} seconds.",
            "A big model may still be loading: try again soon, or choose a smaller one.",
        )
