"""Answers of the API are personal: no cache may keep them."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse


class NoStoreForApi:
    """Adds `Cache-Control: no-store` to every answer under /api/ and /v1/ that sets nothing itself."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest):
        if iscoroutinefunction(self):
            return self._later(request)
        return self._mark(request, self.get_response(request))  # type: ignore[arg-type]

    async def _later(self, request: HttpRequest) -> HttpResponse:
        return self._mark(request, await self.get_response(request))  # type: ignore[misc]

    @staticmethod
    def _mark(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.path.startswith(("/api/", "/v1/")) and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response
