"""Separate services: everything comes from the environment, nothing is made up, TLS is expected."""

from django.core.exceptions import ImproperlyConfigured

from config.env import env_bool, env_int
from config.settings.base import *
from config.settings.base import ALLOWED_HOSTS, DEBUG, TRUSTED_PROXY_HOPS

if DEBUG:
    raise ImproperlyConfigured("DEBUG must be false with the production settings.")
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must list host names; '*' lets any site pose as this one.")

BEHIND_TLS = env_bool("BEHIND_TLS", True)
SESSION_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = env_int("HSTS_SECONDS", 31_536_000, low=0, high=63_072_000) if BEHIND_TLS else 0
HSTS_SUBDOMAINS = BEHIND_TLS and env_bool("HSTS_SUBDOMAINS", False)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HSTS_SUBDOMAINS
SECURE_HSTS_PRELOAD = HSTS_SUBDOMAINS
if not HSTS_SUBDOMAINS:
    # the other hosts of the domain, and the browsers' preload list, are not ours to decide upon
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if TRUSTED_PROXY_HOPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
