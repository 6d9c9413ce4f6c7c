"""The pages keep the Content-Security-Policy, and modules survive hashing."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_inline_script_style_or_handler(path):
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "<style" not in text
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"<[^>]+\son[a-z]+=", text)
    assert "|safe" not in text
    assert "{% autoescape" not in text
    assert not re.search(r"(src|href)=\"(https?:)?//", text), "no third party"


def test_markup_is_parsed_from_text_in_one_place_only():
    dangerous = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    )
    users = [path.name for path in SCRIPTS if dangerous.search(path.read_text())]
    assert users == ["dom.js"]
    assert (ROOT / "static/js/lib/dom.js").read_text().count("innerHTML") == 1


def test_pages_are_strict_and_the_console_gets_what_it_needs(superadmin, page_for):
    client = page_for(superadmin)
    strict = client.get("/")["Content-Security-Policy"]
    assert "unsafe" not in strict
    assert "default-src 'none'" in strict
    assert "'unsafe-eval'" in client.get("/admin/")["Content-Security-Policy"]
    assert "unsafe" not in client.get("/api/docs/")["Content-Security-Policy"]
    browsable = client.get("/api/models?format=api")["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in browsable
    assert "script-src 'self';" in browsable + ";"
    assert "unsafe" not in client.get("/api/models")["Content-Security-Policy"]


def test_personal_pages_are_never_stored_by_caches(member, page_for):
    assert "no-store" in page_for(member).get("/")["Cache-Control"]


def test_unknown_addresses_answer_people_with_a_page_and_programs_with_json(db, page_for):
    page = page_for(None).get("/nothing")
    assert page.status_code == 404
    assert "There is nothing here" in page.content.decode()
    answer = page_for(None).get("/api/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_crash_shows_our_page_without_details(member, page_for, monkeypatch):
    def crash(*args, **kwargs):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("chat.views.collections_with_counts", crash)
    client = page_for(member, raise_request_exception=False)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.content.decode()
    assert "secret detail" not in answer.content.decode()


def test_imports_between_modules_are_rewritten_to_hashed_names(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "config.static_storage.HashedModulesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    hashed = [
        path for path in (tmp_path / "js").rglob("*.js") if re.search(r"\.[0-9a-f]{12}\.js$", path.name)
    ]
    assert len(hashed) == len(SCRIPTS)
    for path in hashed:
        for target in re.findall(r"from\s*\"([^\"]+)\"", path.read_text()):
            assert re.search(r"\.[0-9a-f]{12}\.js$", target), f"{path.name} imports {target}"
            assert (path.parent / target).resolve().exists()


def test_the_api_page_lists_the_operations_of_the_schema(member, page_for):
    text = page_for(member).get("/api/docs/").content.decode()
    for path in ("/api/models", "/api/chat/sessions", "/api/auth/login", "/api/documents/{document_id}"):
        assert path in text
