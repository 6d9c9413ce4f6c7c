"""`config <- accounts <- collections_app <- documents <- chat`: each imports only what stands left of it."""

import pytest

from tests.architecture.source import APPS, files, imported_modules

# Here the parts are put together; these may import all apps.
COMPOSITION_ROOT = ("config/urls.py", "config/asgi.py", "config/celery.py", "config/management/")
# Bytes or text in, frozen dataclasses out.
PURE = ("documents/parsing/", "documents/chunking/")
PURE_EXCEPT = {"documents/parsing/guards.py": "owns the guarded process, whose limits are settings"}
IMPURE = ("django", "rest_framework", "channels", "celery", "redis", "psycopg", "config.settings")
IMPURE_OWN = ("documents.models", "documents.services", "documents.selectors", "documents.tasks")
HTTP_CLIENTS = ("httpx", "requests", "urllib.request", "aiohttp", "http.client", "urllib3")
MAY_CALL_OUT = {
    "config/outbound.py": "the one outbound client",
    "config/embedded/": "starts and asks its own services on loopback",
    "config/management/commands/quickstart.py": "asks its own web server on loopback whether it is up",
    "chat/llm/": "the providers' adapters, through the outbound client",
    "deploy/healthcheck.py": "asks its own web server on loopback",
    "scripts/": "not part of the product",
    "tests/": "not part of the product",
    "bench/": "not part of the product",
}


def top(module: str) -> str:
    return module.split(".")[0]


def within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def modules_of(app: str) -> list[str]:
    return [name for name in files(".py", migrations=True) if name.startswith(f"{app}/")]


@pytest.mark.parametrize("app", APPS)
def test_each_app_imports_only_what_stands_left_of_it(app):
    allowed = APPS[: APPS.index(app) + 1]
    offenders = [
        f"{name}:{line} imports {module}"
        for name in modules_of(app)
        if not name.startswith(COMPOSITION_ROOT)
        for module, line in imported_modules(name)
        if top(module) in APPS and top(module) not in allowed
    ]
    assert offenders == []


@pytest.mark.parametrize("app", APPS)
def test_the_product_imports_neither_tests_nor_benchmarks_nor_scripts(app):
    offenders = [
        f"{name}:{line} imports {module}"
        for name in modules_of(app)
        for module, line in imported_modules(name)
        if top(module) in ("tests", "bench", "scripts", "deploy")
    ]
    assert offenders == []


def test_parsers_and_chunkers_are_pure():
    offenders = [
        f"{name}:{line} imports {module}"
        for name in files(".py")
        if name.startswith(PURE) and name not in PURE_EXCEPT
        for module, line in imported_modules(name)
        if within(module, IMPURE + IMPURE_OWN)
    ]
    assert offenders == []


def test_only_the_outbound_client_and_the_providers_speak_http():
    offenders = [
        f"{name}:{line} imports {module}"
        for name in files(".py")
        if not name.startswith(tuple(MAY_CALL_OUT))
        for module, line in imported_modules(name)
        if within(module, HTTP_CLIENTS)
    ]
    assert offenders == []


def test_the_walk_sees_imports_inside_functions_and_relative_ones(tmp_path, monkeypatch):
    from tests.architecture import source

    (tmp_path / "chat" / "llm").mkdir(parents=True)
    code = "def f():\n    import httpx\n    from ..engine import budget\n"
    (tmp_path / "chat" / "llm" / "odd.py").write_text(code)
    monkeypatch.setattr(source, "ROOT", tmp_path)
    assert ("httpx", 2) in imported_modules("chat/llm/odd.py")
    assert ("chat.engine.budget", 3) in imported_modules("chat/llm/odd.py")
