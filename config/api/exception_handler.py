"""One handler turns every exception of the API into the contract's error object."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.errors import ErrorCode, VerbatimError

log = logging.getLogger(__name__)

CODES: list[tuple[type[Exception], ErrorCode]] = [
    (exceptions.NotAuthenticated, ErrorCode.NOT_AUTHENTICATED),
    (exceptions.AuthenticationFailed, ErrorCode.TOKEN_INVALID),
    (exceptions.PermissionDenied, ErrorCode.PERMISSION_DENIED),
    (PermissionDenied, ErrorCode.PERMISSION_DENIED),
    (exceptions.NotFound, ErrorCode.NOT_FOUND),
    (Http404, ErrorCode.NOT_FOUND),
    (exceptions.MethodNotAllowed, ErrorCode.METHOD_NOT_ALLOWED),
    (exceptions.NotAcceptable, ErrorCode.NOT_ACCEPTABLE),
    (exceptions.UnsupportedMediaType, ErrorCode.UNSUPPORTED_MEDIA_TYPE),
    (exceptions.Throttled, ErrorCode.THROTTLED),
    (exceptions.ParseError, ErrorCode.MALFORMED_REQUEST),
    (RequestDataTooBig, ErrorCode.FILE_TOO_LARGE),
    (TooManyFilesSent, ErrorCode.MALFORMED_REQUEST),
]


def to_verbatim_error(error: Exception) -> VerbatimError | None:
    """The refusal that stands for this exception, or None when nobody foresaw it."""
    if isinstance(error, VerbatimError):
        return error
    if isinstance(error, exceptions.ValidationError):
        return VerbatimError(ErrorCode.VALIDATION_ERROR, details=_by_field(error.detail))
    for kind, code in CODES:
        if isinstance(error, kind):
            return VerbatimError(code)
    if isinstance(error, OperationalError | InterfaceError):
        return VerbatimError(ErrorCode.SERVICE_UNAVAILABLE, retry_after=2)
    return None


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: also foreign exceptions become the contract's shape (and are logged)."""
    refusal = to_verbatim_error(error)
    if refusal is None:
        request = context.get("request")
        log.exception("unexpected error in %s", getattr(request, "path", "?"), exc_info=error)
        refusal = VerbatimError(ErrorCode.SERVER_ERROR)
    elif isinstance(error, DatabaseError):
        log.error("database trouble: %s", error)
    set_rollback()
    response = Response({"error": refusal.as_dict()}, status=refusal.status)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(max(1, round(refusal.retry_after)))
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _by_field(detail: Any) -> dict[str, Any]:
    """One entry per field; what belongs to no field goes under `non_field_errors`."""
    if isinstance(detail, dict):
        return {key: _plain(value) for key, value in detail.items()}
    return {"non_field_errors": _plain(detail)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
