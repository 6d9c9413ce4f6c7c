"""The OpenAPI document is generated without a complaint and holds every path of the contract."""

import io
import re

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

PATHS = {
    "/api/auth/signup": "post",
    "/api/auth/login": "post",
    "/api/auth/refresh": "post",
    "/api/auth/logout": "post",
    "/api/auth/me": "get",
    "/api/auth/ws-ticket": "post",
    "/api/auth/api-keys": "get post",
    "/api/auth/api-keys/{}": "delete",
    "/api/users": "get",
    "/api/users/{}": "get patch delete",
    "/api/users/{}/password": "post",
    "/api/users/{}/limits": "get put",
    "/api/groups/{}/limits": "get put",
    "/api/usage": "get",
    "/api/usage/users": "get",
    "/api/usage/groups": "get",
    "/api/models": "get post",
    "/api/models/{}": "get patch delete",
    "/api/models/{}/users": "get post",
    "/api/models/{}/test": "post",
    "/api/models/{}/search": "post",
    "/api/models/{}/feedback": "get",
    "/api/models/{}/evaluation/questions": "get post",
    "/api/models/{}/evaluation/questions/{}": "get patch delete",
    "/api/models/{}/evaluation/questions/keep": "post",
    "/api/models/{}/evaluation/questions/import": "post",
    "/api/models/{}/evaluation/questions/export": "get",
    "/api/models/{}/evaluation/runs": "get post",
    "/api/models/{}/evaluation/runs/{}": "get delete",
    "/api/models/{}/evaluation/runs/{}/cancel": "post",
    "/api/models/{}/evaluation/runs/{}/results": "get",
    "/api/models/{}/evaluation/runs/{}/export": "get",
    "/api/models/{}/evaluation/compare": "get",
    "/api/models/{}/documents": "get post",
    "/api/documents/models/{}/documents": "get post",
    "/api/models/{}/documents/bulk": "post",
    "/api/uploads": "get post",
    "/api/uploads/{}": "patch delete",
    "/api/documents/{}": "get delete",
    "/api/documents/documents/{}": "get delete",
    "/api/documents/{}/reprocess": "post",
    "/api/documents/documents/{}/reprocess": "post",
    "/api/documents/{}/cancel": "post",
    "/api/documents/{}/file": "get",
    "/api/documents/{}/chunks": "get",
    "/api/documents/{}/pages/{}.png": "get",
    "/v1/models": "get",
    "/v1/models/{}": "get",
    "/v1/chat/completions": "post",
    "/api/chat/chat": "post",
    "/api/chat/stream": "post",
    "/api/chat/sessions": "get",
    "/api/chat/sessions/{}": "patch delete",
    "/api/chat/sessions/{}/messages": "get",
    "/api/chat/history": "get",
    "/api/chat/export": "get",
    "/api/chat/sessions/{}/export": "get",
    "/api/chat/upload": "post",
    "/api/chat/messages/{}/feedback": "post",
    "/api/chat/messages/{}/trace": "get",
    "/api/chat/messages/{}/stream": "get",
    "/api/chat/messages/{}/stop": "post",
    "/api/chat/messages/{}/regenerate": "post",
    "/api/chat/messages/{}/continue": "post",
    "/api/chat/messages/{}/edit": "post",
    "/api/chat/messages/{}/sources/{}": "get",
    "/api/chat/messages/{}/sources/{}/lines": "get",
    "/api/chat/messages/{}/sources/{}/pages/{}.png": "get",
}


@pytest.fixture(scope="module")
def operations() -> dict[str, set[str]]:
    """Path with its parameters' names blanked -> methods."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    found: dict[str, set[str]] = {}
    for path, methods in schema["paths"].items():
        blanked = re.sub(r"\{[^}]*\}", "{}", path)
        found.setdefault(blanked, set()).update(methods)
    return found


def test_the_schema_is_generated_without_warnings_and_is_valid(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    assert (tmp_path / "schema.yml").read_text().startswith("openapi: 3")


@pytest.mark.parametrize(("path", "methods"), PATHS.items())
def test_every_path_of_the_contract_is_in_the_schema(operations, path, methods):
    assert path in operations
    assert set(methods.split()) <= operations[path]


def test_each_address_is_described_once(operations):
    assert [path for path in operations if path != "/" and path.endswith("/")] == []


def test_no_answer_holds_a_secret_field():
    """`api_key` and `password` go in and never come out."""
    output = io.StringIO()
    call_command("spectacular", format="openapi-json", stdout=output)
    import json

    components = json.loads(output.getvalue())["components"]["schemas"]
    leaks = [
        f"{name}.{field}"
        for name, shape in components.items()
        if not name.endswith("Request")
        for field, description in shape.get("properties", {}).items()
        if field in ("api_key", "password") and not description.get("writeOnly")
    ]
    assert leaks == []
