"""One machine: what is not set in `.env` or the environment lives under DATA_DIR.

Used by `manage.py` and `make run`. Secrets are made once per installation; PostgreSQL and Redis are
the embedded ones unless DATABASE_URL and REDIS_URL say otherwise.
"""

from config.embedded.local import prepare_environment

prepare_environment()

from config.settings.base import *  # noqa: E402
