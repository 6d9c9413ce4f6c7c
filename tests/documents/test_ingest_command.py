"""`manage.py ingest`: what it takes, what it says, and its exit codes."""

import io
import json
import os
import subprocess
import sys

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command

from config.api.health import WORKER_HEARTBEAT_KEY
from documents.ingestion import storage
from documents.models import Document, Status
from documents.uploads import watch
from tests.documents.files import make_pdf
from tests.documents.test_api import process
from tests.documents.test_bulk import zipped
from tests.worker import ROOT, test_database_url


@pytest.fixture
def ingest(superadmin, collection):
    """A function: arguments -> (exit code, lines)."""

    def run(*arguments, model=None, **options) -> tuple[int, list[str]]:
        out = io.StringIO()
        options = {"stdout": out, "stderr": io.StringIO()} | options
        code = 0
        try:
            call_command("ingest", *map(str, arguments), model=model or collection.name, **options)
        except CommandError as error:
            code = error.returncode
            out.write(f"{error}\n")
        return code, out.getvalue().splitlines()

    return run


@pytest.fixture
def folder(tmp_path):
    """A folder of files, some of them nobody's documents."""
    root = tmp_path / "reports"
    for name, content in {
        "b.txt": b"bravo",
        "2019/annual.pdf": make_pdf(["Annual report."]),
        "2020/annual.pdf": make_pdf(["Another report."]),
        ".hidden/x.txt": b"hidden",
        "2019/.DS_Store": b"Bud1",
        "pack.zip": zipped({"in/a.txt": b"alpha", "bad.exe": b"MZ" + b"\x00" * 99}),
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def names() -> set[str]:
    return set(Document.objects.values_list("name", flat=True))


def test_folders_zips_and_files_become_documents_in_order(ingest, folder, tmp_path, superadmin):
    single = tmp_path / "single.md"
    single.write_text("# One")
    code, lines = ingest(folder, single)
    assert code == 1  # the .exe
    assert [line.split()[0:2] for line in lines[:6]] == [
        ["queued", "b.txt"],
        ["queued", "pack/in/a.txt"],
        ["refused", "pack/bad.exe:"],
        ["queued", "2019/annual.pdf"],
        ["queued", "2020/annual.pdf"],
        ["queued", "single.md"],
    ]
    assert "PDF, CSV, TXT and Markdown" in lines[2]
    assert lines[6] == "Handbook: 5 queued, 1 refused."
    assert names() == {"b.txt", "pack/in/a.txt", "2019/annual.pdf", "2020/annual.pdf", "single.md"}
    assert set(Document.objects.values_list("uploaded_by", flat=True)) == {superadmin.pk}
    assert (folder / "b.txt").read_bytes() == b"bravo"


def test_the_original_is_a_copy(ingest, tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"before")
    assert ingest(file)[0] == 0
    with file.open("r+b") as opened:
        opened.write(b"AFTER!")
    assert storage.path_of(Document.objects.get().stored_name).read_bytes() == b"before"


def test_a_zip_that_is_given_is_like_its_folder(ingest, tmp_path):
    pack = tmp_path / "pack.zip"
    pack.write_bytes(zipped({"2019/a.txt": b"alpha"}))
    assert ingest(pack)[0] == 0
    assert names() == {"2019/a.txt"}


def test_again_only_what_has_changed_is_read(ingest, folder):
    (folder / "pack.zip").unlink()
    assert ingest(folder)[0] == 0
    for document in Document.objects.all():
        process(document)
    (folder / "2019/annual.pdf").write_bytes(make_pdf(["Annual report, corrected."]))
    code, lines = ingest(folder)
    assert code == 0
    assert [line.split("  ")[0] for line in lines[:3]] == ["already there", "new version", "already there"]
    assert Document.objects.count() == 3


@pytest.mark.parametrize(("choice", "code", "count"), [("keep", 0, 2), ("refuse", 1, 1), ("replace", 0, 1)])
def test_new_bytes_under_a_known_name(ingest, tmp_path, choice, code, count):
    file = tmp_path / "a.txt"
    file.write_bytes(b"first")
    ingest(file)
    process(Document.objects.get())
    file.write_bytes(b"second")
    assert ingest(file, same_name=choice)[0] == code
    assert Document.objects.count() == count


def test_two_files_of_one_name_in_one_call_are_two(ingest, tmp_path):
    for year in ("2019", "2020"):
        (tmp_path / year).mkdir()
        (tmp_path / year / "annual.txt").write_text(f"Report of {year}")
    assert ingest(tmp_path / "2019", tmp_path / "2020")[0] == 0
    assert Document.objects.filter(name="annual.txt").count() == 2


def test_links_out_of_the_folder_and_what_is_no_file_are_left_out(ingest, folder, tmp_path):
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    (folder / "link.txt").symlink_to(outside)
    (folder / "linked").symlink_to(tmp_path)
    (folder / "inside.txt").symlink_to(folder / "b.txt")
    os.mkfifo(folder / "pipe.txt")
    (folder / "pack.zip").unlink()
    code, lines = ingest(folder)
    assert code == 0
    assert names() == {"b.txt", "2019/annual.pdf", "2020/annual.pdf"}  # inside.txt has the bytes of b.txt
    assert not any("secret" in line or "pipe" in line for line in lines)


def test_a_file_that_cannot_be_opened_stops_none(ingest, folder, monkeypatch):
    (folder / "pack.zip").unlink()
    real = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("b.txt"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(io, "open", lambda path, *a, **k: io.FileIO(refuse(path, os.O_RDONLY)))
    code, lines = ingest(folder)
    assert code == 1
    assert "Permission denied" in lines[0]
    assert len(names()) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"arguments": ["/nowhere/at-all"]},
        {"model": "No such model"},
        {"model": "99999"},
        {"email": "nobody@example.com"},
        {"email": "mia@example.com"},  # a member manages nothing
    ],
)
def test_wrong_use_is_2_and_takes_nothing(ingest, folder, member, wrong):
    code, _ = ingest(*wrong.pop("arguments", [folder]), **wrong)
    assert code == 2
    assert not Document.objects.exists()


def test_the_model_may_be_an_id_and_the_person_somebody_else(ingest, folder, collection, admin):
    (folder / "pack.zip").unlink()
    assert ingest(folder, model=str(collection.pk), email=admin.email.upper())[0] == 0
    assert set(Document.objects.values_list("uploaded_by", flat=True)) == {admin.pk}


def test_json_is_one_object(ingest, folder, collection):
    code, lines = ingest(folder, json=True)
    assert code == 1
    answer = json.loads(lines[0])
    assert answer["model"] == {"id": collection.pk, "name": "Handbook"}
    assert {row["outcome"] for row in answer["documents"]} == {"queued"}
    assert [(row["name"], row["code"]) for row in answer["refused"]] == [
        ("pack/bad.exe", "file_type_unsupported")
    ]


def test_waiting_tells_that_no_worker_runs(ingest, tmp_path, monkeypatch):
    cache.delete(WORKER_HEARTBEAT_KEY)
    (tmp_path / "a.txt").write_text("words")
    rounds = []

    def rest(seconds):
        rounds.append(seconds)
        if len(rounds) == 2:
            process(Document.objects.get())

    monkeypatch.setattr(watch.time, "sleep", rest)
    err = io.StringIO()
    code, lines = ingest(tmp_path / "a.txt", wait=True, stderr=err)
    assert code == 0
    assert err.getvalue().count("No ingestion worker is running") == 1
    assert lines[-1].startswith("completed      a.txt: 1 passage")


def test_the_real_command_waits_for_the_real_worker(celery_worker, superadmin, collection, folder, settle):
    (folder / "scan.pdf").write_bytes(make_pdf([""]))
    (folder / "pack.zip").unlink()
    done = subprocess.run(
        [sys.executable, "manage.py", "ingest", str(folder), "--model", "Handbook", "--wait"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": test_database_url()},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 1, done.stderr
    assert "completed      2019/annual.pdf: 1 passage" in done.stdout
    assert "failed         scan.pdf: No text was found" in done.stdout
    assert "0 refused, 1 failed." in done.stderr
    statuses = set(Document.objects.values_list("name", "status"))
    assert ("b.txt", Status.COMPLETED) in statuses
