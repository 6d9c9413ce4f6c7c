"""For answers that are not only JSON: `Accept` and `?format=` choose nothing here, errors stay JSON."""

from collections.abc import Sequence
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JsonOnly(BaseContentNegotiation):
    """Always the first renderer."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:
        """The parser for the request's content type, or None."""
        from rest_framework.negotiation import DefaultContentNegotiation

        return DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first one, whatever the client says that it accepts."""
        return renderers[0], renderers[0].media_type
