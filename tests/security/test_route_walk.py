"""Every address of the API and every method that it answers has a stated policy, and the policy holds.

A new view fails here until it stands in the table. What its answers contain is tested beside the view.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts import api_keys
from chat.models import ChatSession, EvaluationQuestion, EvaluationRun, Message, MessageRole
from documents.models import Document, MediaType, Status, Upload
from tests.documents.tus import PIECE, VERSION, metadata

ANYONE = "anyone"
USER = "whoever is signed in; sees his own"
MODEL = "who may use the model"
PAGE = "a page: whoever is signed in; the others are sent to sign in"
OWNER = "the owner alone, admins excluded"
SELF = "oneself and admins"
ADMIN = "admins"
METHODS = ("get", "post", "put", "patch", "delete")

POLICY: dict[str, dict[str, str]] = {
    "health/live": {"get": ANYONE},
    "health/ready": {"get": ANYONE},
    "api/schema": {"get": USER},
    "api/docs": {"get": PAGE},
    "api/auth/signup": {"post": ANYONE},
    "api/auth/login": {"post": ANYONE},
    "api/auth/refresh": {"post": ANYONE},
    "api/auth/logout": {"post": USER},
    "api/auth/me": {"get": USER},
    "api/auth/password": {"post": USER},
    "api/auth/ws-ticket": {"post": USER},
    "api/auth/api-keys": {"get": USER, "post": USER},
    "api/auth/api-keys/<int:key_id>": {"delete": OWNER},
    "api/users": {"get": ADMIN, "post": ADMIN},
    "api/users/<int:user_id>": {"get": SELF, "patch": SELF, "delete": ADMIN},
    "api/users/<int:user_id>/password": {"post": ADMIN},
    "api/groups": {"get": ADMIN, "post": ADMIN},
    "api/groups/<int:group_id>": {"get": ADMIN, "patch": ADMIN, "delete": ADMIN},
    "api/users/<int:user_id>/limits": {"get": ADMIN, "put": ADMIN},
    "api/groups/<int:group_id>/limits": {"get": ADMIN, "put": ADMIN},
    "api/usage": {"get": USER},
    "api/usage/users": {"get": ADMIN},
    "api/usage/groups": {"get": ADMIN},
    "api/models": {"get": USER, "post": ADMIN},
    "api/models/<int:collection_id>": {"get": MODEL, "patch": ADMIN, "delete": ADMIN},
    "api/models/<int:collection_id>/users": {"get": ADMIN, "post": ADMIN},
    "api/models/<int:collection_id>/test": {"post": ADMIN},
    "api/llm/providers": {"get": ADMIN},
    "api/models/<int:model_id>/search": {"post": MODEL},
    "api/models/<int:collection_id>/documents": {"get": MODEL, "post": ADMIN},
    "api/models/<int:collection_id>/rebuild": {"get": ADMIN, "post": ADMIN, "delete": ADMIN},
    "api/models/<int:collection_id>/documents/bulk": {"post": ADMIN},
    **{
        f"api/models/<int:collection_id>/evaluation/{path}": dict.fromkeys(methods.split(), ADMIN)
        for path, methods in {
            "questions": "get post",
            "questions/keep": "post",
            "questions/import": "post",
            "questions/export": "get",
            "questions/<int:question_id>": "get patch delete",
            "runs": "get post",
            "runs/<int:run_id>": "get delete",
            "runs/<int:run_id>/cancel": "post",
            "runs/<int:run_id>/results": "get",
            "runs/<int:run_id>/export": "get",
            "compare": "get",
        }.items()
    },
    "api/models/<int:collection_id>/feedback": {"get": ADMIN},
    "api/uploads": {"get": USER, "post": MODEL},  # to the model itself admins, to a chat of one's own users
    "api/uploads/<uuid:upload_id>": {"patch": OWNER, "delete": OWNER},
    "api/documents/models/<int:collection_id>/documents": {"get": MODEL, "post": ADMIN},
    **{
        f"api/documents/{prefix}<int:document_id>{suffix}": methods
        for prefix in ("", "documents/")
        for suffix, methods in {
            "": {"get": MODEL, "delete": ADMIN},
            "/replace": {"post": ADMIN},
            "/reprocess": {"post": ADMIN},
            "/cancel": {"post": ADMIN},
            "/chunks": {"get": MODEL},
            "/file": {"get": MODEL},
            "/pages/<int:page>.png": {"get": MODEL},
        }.items()
    },
    "v1/models": {"get": USER},
    "v1/models/<path:model_name>": {"get": MODEL},
    "v1/chat/completions": {"post": MODEL},
    "api/chat/chat": {"post": MODEL},
    "api/chat/stream": {"post": MODEL},
    "api/chat/upload": {"post": MODEL},
    "api/chat/sessions": {"get": USER, "post": MODEL},
    "api/chat/sessions/<uuid:session_id>": {"get": OWNER, "patch": OWNER, "delete": OWNER},
    "api/chat/sessions/<uuid:session_id>/messages": {"get": OWNER},
    "api/chat/sessions/<uuid:session_id>/export": {"get": OWNER},
    "api/chat/history": {"get": USER},
    "api/chat/export": {"get": USER},
    "api/chat/messages/<int:message_id>/stream": {"get": OWNER},
    "api/chat/messages/<int:message_id>/stop": {"post": OWNER},
    "api/chat/messages/<int:message_id>/regenerate": {"post": OWNER},
    "api/chat/messages/<int:message_id>/continue": {"post": OWNER},
    "api/chat/messages/<int:message_id>/edit": {"post": OWNER},
    "api/chat/messages/<int:message_id>/feedback": {"post": OWNER},
    "api/chat/messages/<int:message_id>/trace": {"get": OWNER},
    "api/chat/messages/<int:message_id>/sources/<int:marker>": {"get": OWNER},
    "api/chat/messages/<int:message_id>/sources/<int:marker>/lines": {"get": OWNER},
    "api/chat/messages/<int:message_id>/sources/<int:marker>/pages/<int:page>.png": {"get": OWNER},
}
# What an API key opens, and nothing else: a view that is not here answers it with 403.
KEYS_OPEN: dict[str, str] = {
    "api/usage": "get",
    "api/auth/me": "get",
    "api/models/<int:model_id>/search": "post",
    "v1/models": "get",
    "v1/models/<path:model_name>": "get",
    "v1/chat/completions": "post",
    "api/chat/chat": "post",
    "api/chat/stream": "post",
    "api/chat/upload": "post",
    "api/chat/sessions": "get post",
    "api/chat/sessions/<uuid:session_id>": "get patch delete",
    "api/chat/sessions/<uuid:session_id>/messages": "get",
    "api/chat/sessions/<uuid:session_id>/export": "get",
    "api/chat/history": "get",
    "api/chat/export": "get",
    "api/chat/messages/<int:message_id>/stream": "get",
    "api/chat/messages/<int:message_id>/stop": "post",
    "api/chat/messages/<int:message_id>/regenerate": "post",
    "api/chat/messages/<int:message_id>/continue": "post",
    "api/chat/messages/<int:message_id>/edit": "post",
    "api/chat/messages/<int:message_id>/feedback": "post",
    "api/chat/messages/<int:message_id>/trace": "get",
    "api/chat/messages/<int:message_id>/sources/<int:marker>": "get",
    "api/chat/messages/<int:message_id>/sources/<int:marker>/lines": "get",
    "api/chat/messages/<int:message_id>/sources/<int:marker>/pages/<int:page>.png": "get",
}
CASES = [(route, method) for route, methods in POLICY.items() for method in methods]


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of the API and of operations, as (route, pattern)."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, route)
        elif route.startswith(("api/", "v1/", "health/", "metrics")):
            yield route, entry


def methods_of(pattern: URLPattern) -> set[str]:
    """What a view answers; a plain function may answer anything, so its table entry must be tried."""
    view_class = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
    if view_class is None:
        return {"get"}
    return {method for method in METHODS if hasattr(view_class, method)}


@pytest.fixture
def ids(collection, member) -> dict[str, Any]:
    """A real row for each id in a route: all belong to `collection`, the chats to `member`."""
    document = Document.objects.create(
        collection=collection,
        name="a.txt",
        media_type=MediaType.TEXT,
        size=1,
        sha256="a",
        status=Status.COMPLETED,
        chunk_count=1,
        active_generation=1,
        embedding_model=collection.embedding_model,
    )
    session = ChatSession.objects.create(user=member, collection=collection)
    question = Message.objects.create(session=session, role=MessageRole.USER, content="?")
    answer = Message.objects.create(session=session, role=MessageRole.ASSISTANT, content="!", parent=question)
    upload = Upload.objects.create(user=member, collection=collection, name="a.txt", size=9)
    return {
        "<uuid:upload_id>": upload.pk,
        "<int:key_id>": api_keys.key_create(user=member, name="Script")[0].pk,
        "<path:model_name>": collection.name,
        "<int:user_id>": member.pk,
        "<int:group_id>": Group.objects.create(name="Law").pk,
        "<int:collection_id>": collection.pk,
        "<int:model_id>": collection.pk,
        "<int:document_id>": document.pk,
        "<int:page>": 1,
        "<int:marker>": 1,
        "<uuid:session_id>": session.pk,
        "<int:message_id>": answer.pk,
        "<int:question_id>": EvaluationQuestion.objects.create(collection=collection, question="?").pk,
        "<int:run_id>": EvaluationRun.objects.create(collection=collection).pk,
    }


def ask(client: APIClient, route: str, method: str, ids: dict[str, Any]):
    """Call it with real ids, and a body that would be right where the body names the model."""
    for placeholder, value in ids.items():
        route = route.replace(placeholder, str(value))
    model_id = ids["<int:collection_id>"]
    if route == "api/chat/upload":
        body = {"model_id": model_id, "file": SimpleUploadedFile("a.txt", b"text")}
        return client.post(f"/{route}", body, format="multipart")
    if route.startswith("api/uploads"):
        headers = VERSION | {"Upload-Offset": "0", "Upload-Length": "9"}
        headers["Upload-Metadata"] = metadata(filename="a.txt", model_id=model_id)
        return client.generic(method.upper(), f"/{route}", b"", PIECE, headers=headers)
    if route == "v1/chat/completions":
        body = {"model": str(model_id), "messages": [{"role": "user", "content": "hello"}]}
        return client.post(f"/{route}", body, format="json")
    body = {"model_id": model_id, "message": "hello", "query": "hello"} if method == "post" else {}
    return getattr(client, method)(f"/{route}", None if method == "get" else body, format="json")


def test_every_route_and_method_stands_in_the_table_and_the_table_holds_no_other():
    found = {route: methods_of(pattern) for route, pattern in routes() if not route.endswith("/")}
    assert {route: set(methods) for route, methods in POLICY.items()} == found


def test_every_address_answers_the_same_with_and_without_a_trailing_slash():
    found = {route: pattern.callback for route, pattern in routes()}
    plain = {route for route in found if not route.endswith("/")}
    assert {route.removesuffix("/") for route in found} == plain
    for route in plain:
        twin = found[f"{route}/"]
        assert getattr(twin, "cls", twin) == getattr(found[route], "cls", found[route])


@pytest.mark.parametrize(("route", "method"), CASES)
def test_the_anonymous_get_401_everywhere_but_where_anyone_may(client_for, ids, route, method):
    response = ask(client_for(None), route, method, ids)
    if POLICY[route][method] == ANYONE:
        assert response.status_code != 403
        assert response.json().get("error", {}).get("code") != "not_authenticated"
    elif POLICY[route][method] == PAGE:
        assert response["Location"].startswith("/signin?")
    else:
        assert response.status_code in (401, 403)
        assert "results" not in response.content.decode()


@pytest.mark.parametrize(("route", "method"), CASES)
def test_an_api_key_opens_what_stands_in_its_table_even_a_superadmins_opens_no_more(
    superadmin, ids, route, method
):
    """Looked at before rows and bodies are: what is refused may not depend on what exists."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {api_keys.key_create(user=superadmin, name='Script')[1]}")
    response = ask(client, route, method, ids)
    refused = not response.streaming and b"api_key_not_accepted" in response.content
    if POLICY[route][method] == PAGE:
        assert response["Location"].startswith("/signin?")
    elif POLICY[route][method] != ANYONE:
        assert refused is (method not in KEYS_OPEN.get(route, "").split()), response


@pytest.mark.parametrize(
    ("route", "method"), [case for case in CASES if POLICY[case[0]][case[1]] not in (ANYONE, USER, PAGE)]
)
def test_a_stranger_finds_nothing_of_what_was_not_given_to_him(client_for, stranger, ids, route, method):
    response = ask(client_for(stranger), route, method, ids)
    hides = POLICY[route][method] != ADMIN or "_id>" in route
    allowed = (403, 404) if route.startswith(("api/groups", "api/users")) else (404,) if hides else (403,)
    assert response.status_code in allowed, response.content


@pytest.mark.parametrize(("route", "method"), [case for case in CASES if POLICY[case[0]][case[1]] == ADMIN])
def test_a_member_without_the_right_gets_403_before_his_body_is_looked_at(
    client_for, member, ids, route, method
):
    response = ask(client_for(member), route, method, ids)
    assert response.status_code == 403, response.content
    assert response.json()["error"]["code"] == "permission_denied"


@pytest.mark.parametrize("who", ["admin", "superadmin"])
@pytest.mark.parametrize(("route", "method"), [case for case in CASES if POLICY[case[0]][case[1]] == OWNER])
def test_nobody_reads_another_persons_chats_not_even_a_superadmin(
    client_for, ids, request, who, route, method
):
    response = ask(client_for(request.getfixturevalue(who)), route, method, ids)
    assert response.status_code == 404, response.content
