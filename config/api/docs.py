"""`/api/docs/`: the OpenAPI document as a page to read, rendered here, without third-party scripts."""

from collections import defaultdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

from config.pages import page

METHODS = ("get", "post", "put", "patch", "delete")
Json = dict[str, Any]


@page
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation of the schema, grouped by its first path segment."""
    schema: Json = SchemaGenerator().get_schema(request=None, public=True)
    groups: dict[str, list[Json]] = defaultdict(list)
    for path, methods in schema.get("paths", {}).items():
        for method in METHODS:
            if method in methods:
                operation = _operation(schema, path, method, methods[method])
                groups[operation["group"]].append(operation)
    sections = [{"name": name, "operations": found} for name, found in sorted(groups.items())]
    return render(request, "api_docs.html", {"sections": sections, "info": schema["info"]})


def _operation(schema: Json, path: str, method: str, data: Json) -> Json:
    parts = [part for part in path.split("/") if part and part != "api"]
    body = data.get("requestBody", {}).get("content", {})
    kind = next(iter(body), "")
    return {
        "group": parts[0] if parts else "api",
        "anchor": data.get("operationId", f"{method}-{path}"),
        "method": method.upper(),
        "path": path,
        "description": (data.get("description") or "").strip(),
        "parameters": data.get("parameters", []),
        "body_type": kind,
        "body": _fields(schema, body[kind].get("schema", {})) if kind else [],
        "answers": [_answer(schema, status, answer) for status, answer in data.get("responses", {}).items()],
    }


def _answer(schema: Json, status: str, answer: Json) -> Json:
    content = answer.get("content", {})
    first: Json = next(iter(content.values()), {})
    shape: Json = first.get("schema", {})
    return {
        "status": status,
        "description": answer.get("description", ""),
        "fields": _fields(schema, shape),
        "many": shape.get("type") == "array",
    }


def _resolve(schema: Json, shape: Json) -> Json:
    """Follow `$ref` and the single-entry `allOf` that drf-spectacular wraps references in."""
    if "$ref" in shape:
        name = shape["$ref"].rsplit("/", 1)[-1]
        return schema.get("components", {}).get("schemas", {}).get(name, {})
    if len(shape.get("allOf", [])) == 1:
        return {**_resolve(schema, shape["allOf"][0]), "description": shape.get("description", "")}
    return shape


def _fields(schema: Json, shape: Json) -> list[Json]:
    """One row per field of an object (or of an array's objects): name, type, required, what it is for."""
    shape = _resolve(schema, shape)
    if shape.get("type") == "array":
        shape = _resolve(schema, shape.get("items", {}))
    required = set(shape.get("required", []))
    return [
        {
            "name": name,
            "type": _type(schema, field),
            "required": name in required,
            "description": _resolve(schema, field).get("description", "").split("\n* ")[0],
        }
        for name, field in shape.get("properties", {}).items()
    ]


def _type(schema: Json, field: Json) -> str:
    resolved = _resolve(schema, field)
    if "enum" in resolved:
        return " / ".join(str(value) for value in resolved["enum"])
    if resolved.get("type") == "array":
        return f"list of {_type(schema, resolved.get('items', {}))}"
    name = resolved.get("format") or resolved.get("type") or "object"
    return f"{name} or null" if resolved.get("nullable") else name
