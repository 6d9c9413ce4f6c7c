"""The composition root of addresses: the admin console, the API, health, the pages."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from config import pages
from config.api import docs, health
from config.api.routing import both

urlpatterns = [
    path("favicon.ico", pages.favicon),
    path("admin/", admin.site.urls),
    *both("health/live", health.live, "health-live"),
    *both("health/ready", health.ready, "health-ready"),
    *both("api/schema", SpectacularAPIView.as_view(), "schema"),
    *both("api/docs", docs.docs, "api-docs"),
    path("api/", include("accounts.api.urls")),
    path("api/", include("collections_app.api.urls")),
    path("api/", include("documents.api.urls")),
    path("api/", include("chat.api.urls")),
    path("v1/", include("chat.openai_api.urls")),
    path("", include("accounts.urls")),
    path("", include("collections_app.urls")),
    path("", include("documents.urls")),
    path("", include("chat.urls")),
]

handler400 = "config.pages.bad_request"
handler403 = "config.pages.forbidden"
handler404 = "config.pages.not_found"
handler500 = "config.pages.server_error"
