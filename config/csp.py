"""The pages' Content-Security-Policy, and the additions for pages that third parties' templates make."""

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

ADMIN_PREFIX = "/admin/"
# unfold is driven by Alpine, which compiles expressions, and carries inline styles and two inline scripts.
# Only superadmins get past its sign-in, and no document text is rendered there as HTML.
ADMIN_ADDITIONS = {
    "script-src": ["'unsafe-inline'", "'unsafe-eval'"],
    "style-src": ["'unsafe-inline'"],
}

API_PREFIX = "/api/"
# The browsable API's templates carry style attributes (no scripts); JSON answers are not styled at all.
BROWSABLE_API_ADDITIONS = {"style-src": ["'unsafe-inline'"]}


class PolicyByPath(CSPMiddleware):
    """The strict policy of the settings everywhere, with additions for the console and the browsable API."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(ADMIN_PREFIX):
            parts.update = {**ADMIN_ADDITIONS, **(parts.update or {})}
        elif request.path_info.startswith(API_PREFIX) and _is_browsable(response):
            parts.update = {**BROWSABLE_API_ADDITIONS, **(parts.update or {})}
        return parts


def _is_browsable(response: HttpResponseBase) -> bool:
    return getattr(getattr(response, "accepted_renderer", None), "format", "") == "api"
