"""The test suite: real PostgreSQL and Redis, started by `tests/conftest.py` before this is read."""

from config.settings.base import *
from config.settings.base import REST_FRAMEWORK, STORAGES

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",  # fast; a test checks the real one
    "django.contrib.auth.hashers.Argon2PasswordHasher",
]
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
REST_FRAMEWORK = REST_FRAMEWORK | {
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "100000/min")
}
MESSAGES_PER_MINUTE = 0
CELERY_TASK_ALWAYS_EAGER = False
