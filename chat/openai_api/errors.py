"""Refusals in the shape that clients of the OpenAI protocol read, with our stable codes."""

from typing import Any

from rest_framework.response import Response

from config.api import exception_handler
from config.error_codes import DEFINITIONS
from config.errors import ErrorCode

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
ABOUT_MESSAGES = {ErrorCode.MESSAGE_EMPTY, ErrorCode.MESSAGE_TOO_LONG}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's handler for these views: ours, told in the other shape.

    The official clients ask again by themselves on 409, 429 and 5xx; `x-should-retry` spares them, and us,
    the second and third question where the code says that it would not help.
    """
    response = exception_handler.handle(error, context)
    told = response.data["error"]
    response.data = {"error": as_error(told, status=response.status_code)}
    response["x-should-retry"] = str(DEFINITIONS[ErrorCode(told["code"])].retryable).lower()
    return response


def as_error(told: dict[str, Any], *, status: int) -> dict[str, Any]:
    """`{"message", "type", "param", "code"}` for the contract's error object.

    Args:
        told: `{"code", "message", "details"?}`.
        status: the HTTP status that it has, or would have.
    """
    details = dict(told.get("details") or {})
    next_step = details.pop("next_step", "")
    fields = {name: reasons for name, reasons in details.items() if isinstance(reasons, list)}
    param = next(iter(fields), None)
    if param is None and told["code"] in ABOUT_MESSAGES:
        param = "messages"
    reasons = [f"{name}: {' '.join(map(str, reasons))}" for name, reasons in fields.items()]
    return {
        "message": " ".join(filter(None, [told["message"], *reasons, next_step])),
        "type": TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error"),
        "param": param,
        "code": told["code"],
    }
