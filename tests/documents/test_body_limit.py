"""Uploads are limited by what arrives, not by what was declared."""

import json

import pytest
from asgiref.testing import ApplicationCommunicator

from config.asgi import application

MEBIBYTE = b"x" * 1024**2


async def send(chunks: list[bytes], headers: list[tuple[bytes, bytes]]) -> dict:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/models/1/documents",
        "raw_path": b"/api/models/1/documents",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=b"), *headers],
        "http_version": "1.1",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    request = ApplicationCommunicator(application, scope)
    for index, chunk in enumerate(chunks):
        more = index < len(chunks) - 1
        await request.send_input({"type": "http.request", "body": chunk, "more_body": more})
    start = await request.receive_output(20)
    body = await request.receive_output(20)
    return {"status": start["status"], "body": json.loads(body["body"])}


@pytest.mark.parametrize(
    ("chunks", "headers"),
    [
        ([MEBIBYTE] * 5, []),  # chunked, nothing declared
        ([MEBIBYTE] * 5, [(b"content-length", b"10")]),  # a lie
        ([b"x"], [(b"content-length", b"99999999")]),
        ([b"x"], [(b"content-length", b"many")]),
    ],
)
async def test_a_body_beyond_the_limit_is_413_whatever_was_declared(settings, chunks, headers):
    settings.MAX_FILE_SIZE_MB = 1
    answer = await send(chunks, headers)
    assert (answer["status"], answer["body"]["error"]["code"]) == (413, "file_too_large")


@pytest.mark.django_db(transaction=True)
async def test_a_small_body_passes(settings):
    answer = await send([b"--b--"], [(b"content-length", b"5")])
    assert answer["status"] == 401
