"""The pages' Content-Security-Policy, and the wider one that the admin console's own scripts need."""

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

ADMIN_PREFIX = "/admin/"
# unfold is driven by Alpine, which compiles expressions, and carries inline styles and two inline scripts.
# Only superadmins get past its sign-in, and no document text is rendered there as HTML.
ADMIN_ADDITIONS = {
    "script-src": ["'unsafe-inline'", "'unsafe-eval'"],
    "style-src": ["'unsafe-inline'"],
}


class PolicyByPath(CSPMiddleware):
    """The strict policy of the settings everywhere, with additions under /admin/ only."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(ADMIN_PREFIX):
            parts.update = {**ADMIN_ADDITIONS, **(parts.update or {})}
        return parts
