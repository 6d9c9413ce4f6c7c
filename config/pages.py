"""What every page does: ask for sign-in, turn refusals into pages, keep personal pages out of caches."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils.cache import add_never_cache_headers
from django.views.defaults import ERROR_403_TEMPLATE_NAME, ERROR_404_TEMPLATE_NAME, ERROR_500_TEMPLATE_NAME

from config.errors import ErrorCode, VerbatimError

View = Callable[..., HttpResponse]
API_PREFIXES = ("/api/", "/v1/")


def page(view: View) -> View:
    """A view for people who are signed in: others are sent to the sign-in page, and come back afterwards.

    `VerbatimError` becomes the page for its status, so that views may call services and selectors plainly.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        try:
            response = view(request, *args, **kwargs)
        except VerbatimError as error:
            if error.status == 404:
                raise Http404(error.message) from error
            if error.status == 403:
                raise PermissionDenied(error.message) from error
            response = render(
                request, "error.html", error.as_dict() | {"status": error.status}, status=error.status
            )
        add_never_cache_headers(response)
        return response

    return wrapped


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for this address on pages that name no icon (the console, the browsable API)."""
    return redirect(static("favicon.svg"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404: the contract's error for API clients, a page for people."""
    return _refuse(request, ErrorCode.NOT_FOUND, ERROR_404_TEMPLATE_NAME)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return _refuse(request, ErrorCode.PERMISSION_DENIED, ERROR_403_TEMPLATE_NAME)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400. The page is rendered without a context: the request itself is not to be trusted."""
    return _refuse(request, ErrorCode.MALFORMED_REQUEST, "400.html", with_context=False)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500. Without a context: whatever the context processors ask may be what is broken."""
    return _refuse(request, ErrorCode.SERVER_ERROR, ERROR_500_TEMPLATE_NAME, with_context=False)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: what happened and how to go on."""
    return _refuse(request, ErrorCode.PERMISSION_DENIED, "403_csrf.html")


def _refuse(
    request: HttpRequest, code: ErrorCode, template: str, *, with_context: bool = True
) -> HttpResponse:
    error = VerbatimError(code)
    if request.path.startswith(API_PREFIXES):
        return JsonResponse({"error": error.as_dict()}, status=error.status)
    if with_context:
        return render(request, template, status=error.status)
    return HttpResponse(get_template(template).render(), status=error.status)
