"""The documents say what the code does: every setting, every error code, no dead link."""

import ast
import re

import pytest
from django.core.management import get_commands

from scripts.document_errors import PAGE, table, with_table
from tests.architecture.source import ROOT, files, read, tree

READERS = {"env_str", "env_bool", "env_int", "env_list", "env_rate", "env_zone"}
READ_BY_OTHERS = {"WEB_CONCURRENCY", "TORCH_INDEX_URL"}  # uvicorn; scripts/install.py and the Dockerfile
NOT_SETTINGS = {"DJANGO_SETTINGS_MODULE"}
NAME_IN_SAMPLE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def readers() -> list[tuple[str, ast.Call]]:
    """Every call of a reader of the environment in the product's own code, with the name that it reads."""
    found = []
    for name in files(".py"):
        if name.startswith("tests/") or name == "config/env.py":
            continue
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READERS:
                assert isinstance(node.args[0], ast.Constant), f"{name}:{node.lineno} reads a computed name"
                found.append((node.args[0].value, node))
    return found


def settings_read() -> set[str]:
    return {name for name, _ in readers()}


def compose_variables() -> set[str]:
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", read("docker-compose.yml")))


def sample() -> dict[str, str]:
    return dict(NAME_IN_SAMPLE.findall(read(".env.example")))


def documented() -> set[str]:
    rows = re.findall(r"^\| (`[A-Z].*?) \|", read("docs/configuration.md"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row)}


def test_the_scan_finds_the_settings():
    assert {"SECRET_KEY", "DATABASE_URL", "BEHIND_TLS", "MAX_FILE_SIZE_MB"} <= settings_read()


def test_every_setting_is_in_the_sample_file_and_nothing_else():
    assert set(sample()) == (settings_read() | compose_variables() | READ_BY_OTHERS) - NOT_SETTINGS


def test_every_setting_is_in_the_configuration_page_and_nothing_else():
    assert documented() == (settings_read() | compose_variables() | READ_BY_OTHERS) - NOT_SETTINGS


def test_the_sample_file_shows_the_real_defaults():
    shown, wrong = sample(), []
    for name, call in readers():
        default = call.args[1] if len(call.args) > 1 else None
        if not isinstance(default, ast.Constant) or default.value in ("", None):
            continue
        expected = str(default.value).lower() if isinstance(default.value, bool) else str(default.value)
        if shown[name] != expected:
            wrong.append(f"{name}: the code says {expected}, .env.example says {shown[name]}")
    assert wrong == []


def test_the_sample_file_holds_no_secret_and_sets_nothing():
    assert [line for line in read(".env.example").splitlines() if line and not line.startswith("#")] == []
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS", "POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert sample()[name] == ""


def test_ranges_of_numbers_are_documented():
    pages = read(".env.example") + read("docs/configuration.md")
    missing = []
    for name, call in readers():
        for keyword in call.keywords:
            if keyword.arg == "high" and name not in ("PORT",):
                high = ast.literal_eval(keyword.value)
                if str(high) not in pages:
                    missing.append(f"{name}: up to {high}")
    assert missing == []


def test_the_error_page_is_what_the_codes_say():
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "run: .venv/bin/python scripts/document_errors.py"


def test_every_error_code_has_a_row():
    from config.error_codes import DEFINITIONS, ErrorCode

    assert set(DEFINITIONS) == set(ErrorCode)
    for code in ErrorCode:
        assert f"| `{code}` |" in table()


@pytest.mark.parametrize("name", files(".md"))
def test_links_between_documents_lead_somewhere(name):
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", read(name)):
        if re.match(r"^[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", goal.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{name} links to {target}"


def test_every_check_is_in_the_deployment_page():
    numbers = set(re.findall(r'"(verbatim\.[EW]\d+)"', read("config/checks.py")))
    described = set(re.findall(r"verbatim\.[EW]\d+", read("docs/deployment.md")))
    assert numbers == described


def test_commands_that_the_documents_name_exist():
    named = {word for name in files(".md") for word in re.findall(r"manage\.py (\w+)", read(name))}
    assert sorted(named - set(get_commands())) == []
    assert {"prepare", "check"} <= named


def test_make_targets_that_the_documents_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = {word for name in files(".md") for word in re.findall(r"(?:`|^)make ([a-z-]+)", read(name), re.M)}
    assert sorted(named - targets) == []
    assert {"run", "test", "lint", "bench"} <= named
