"""What is logged holds no token, key or password: not in the message, its arguments or its traceback."""

import io
import logging
import logging.config

import pytest

from config.logs import LOGGING


@pytest.fixture
def written():
    """A function: log with these arguments -> the line as it is written."""
    options = LOGGING["formatters"]["line"]
    formatter = logging.config.DictConfigurator({"version": 1}).configure_formatter(dict(options))
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(formatter)
    logger = logging.Logger("test")
    logger.addHandler(handler)

    def write(*arguments, **options) -> str:
        logger.error(*arguments, **options)
        return output.getvalue()

    return write


@pytest.mark.parametrize(
    "text",
    [
        '"WebSocket /api/chat/ws?token=SECRET-1.x_y" [accepted]',
        "/api/chat/ws?model_id=1&ticket=SECRET-1",
        '"WebSocket /api/chat/ws?%74oken=eyJSECRET.eyJ4-_.SECRET" [accepted]',
        "Authorization: Bearer SECRET-1.x.y",
        "subprotocol bearer.SECRET-1.x.y",
        "https://llm.example/v1?api_key=SECRET-1",
        "key vbt_SECRET12_SECRET34SECRET refused",
        "/v1/chat/completions?k=%76bt_x&key=vbt_SECRET12_SECRET34SECRET",
    ],
)
def test_secrets_are_masked_wherever_they_stand(written, text):
    line = written("opened %s", text)
    assert "SECRET" not in line
    assert "***" in line
    try:
        raise ValueError(text)
    except ValueError:
        line = written("failed", exc_info=True)
    assert "ValueError" in line
    assert "SECRET" not in line


def test_other_lines_stay_as_they_are(written):
    assert written("document %s: 5 parts", 7).endswith("ERROR test: document 7: 5 parts\n")
