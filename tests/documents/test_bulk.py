"""Many files at once and zip files: each is judged by itself, and no zip can do harm."""

import io
import struct
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT

from collections_app.services import collection_create
from documents.ingestion import storage
from documents.ingestion.titles import display_title
from documents.models import Document, Upload
from documents.parsing.clean import clean_name
from documents.uploads import archive
from tests.documents.files import make_pdf
from tests.documents.tus import whole

MEBIBYTE = 1024**2


@pytest.fixture
def client(client_for, admin):
    return client_for(admin)


@pytest.fixture
def path(collection) -> str:
    return f"/api/models/{collection.pk}/documents/bulk"


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return out.getvalue()


def send(client, path: str, files: dict[str, bytes], **fields: str):
    """A form as browsers make it: names keep their folders."""
    body = b""
    for name, value in fields.items():
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for name, content in files.items():
        head = f'Content-Disposition: form-data; name="files"; filename="{name}"\r\n'
        body += f"--{BOUNDARY}\r\n{head}Content-Type: x/y\r\n\r\n".encode() + content + b"\r\n"
    return client.generic("POST", path, body + f"--{BOUNDARY}--\r\n".encode(), MULTIPART_CONTENT)


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [document["name"] for document in answer.json()["documents"]]


def refused(answer) -> dict[str, str]:
    assert answer.status_code == 200, answer.content
    return {row["name"]: row["code"] for row in answer.json()["refused"]}


# --- many files -------------------------------------------------------------------------------------


def test_many_files_become_documents_and_one_bad_one_stops_none(client, path):
    answer = send(
        client,
        path,
        {
            "2019/annual.pdf": make_pdf(["Annual report."]),
            "empty.txt": b"",
            "2020/annual.pdf": make_pdf(["Another report."]),
            "setup.exe": b"MZ\x90\x00" + b"\x00" * 99,
            "notes.md": b"# Notes",
            ".DS_Store": b"\x00\x00\x00\x01Bud1",
        },
    )
    assert names(answer) == ["2019/annual.pdf", "2020/annual.pdf", "notes.md"]
    assert refused(answer) == {"empty.txt": "file_empty", "setup.exe": "file_type_unsupported"}
    for row in answer.json()["refused"]:
        assert set(row) == {"name", "code", "message", "next_step"}
        assert row["message"]
        assert row["next_step"]
    assert {row["status"] for row in answer.json()["documents"]} == {"queued"}


def test_identical_files_are_one_document(client, path):
    answer = send(client, path, {"a.txt": b"same", "b/c.txt": b"same"})
    assert names(answer) == ["a.txt"]
    assert names(send(client, path, {"d.txt": b"same"})) == ["a.txt"]
    assert Document.objects.count() == 1


def test_a_name_is_taken_only_by_the_same_folder_and_name(client, path):
    send(client, path, {"2019/annual.txt": b"one"})
    answer = send(client, path, {"2019/annual.txt": b"two", "2020/annual.txt": b"three"}, same_name="refuse")
    assert names(answer) == ["2020/annual.txt"]
    assert refused(answer) == {"2019/annual.txt": "document_name_taken"}


def test_a_form_without_files_or_with_an_odd_wish_is_refused(client, path):
    assert send(client, path, {}).status_code == 400
    answer = send(client, path, {"a.txt": b"words"}, same_name="odd")
    assert "same_name" in answer.json()["error"]["details"]
    assert client.post(path, {"files": "x"}, format="json").status_code == 415


def test_hundreds_of_files_are_taken_at_once(client, path):
    answer = send(client, path, {f"{n}.txt": b"words %d" % n for n in range(300)})
    assert len(names(answer)) == 300


def test_only_managers_upload_many(client_for, path, member, stranger, superadmin):
    def attempt(user):
        return send(client_for(user), path, {"a.txt": b"words of " + str(user).encode()}).status_code

    assert [attempt(member), attempt(stranger), attempt(None), attempt(superadmin)] == [403, 404, 401, 200]
    assert Document.objects.count() == 1


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("2019/annual.pdf", "2019/annual.pdf"),
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/x.csv", "abs/x.csv"),
        ("C:\\Users\\me\\x.txt", "Users/me/x.txt"),
        ("a//./b.txt", "a/b.txt"),
        ("a\x00b\r\n/c.txt", "ab /c.txt".replace(" ", "")),
        ("\u202egpj.txt", "gpj.txt"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("x" * 300 + "/annual.pdf", "x" * 244 + "/annual.pdf"),
    ],
)
def test_names_with_folders_are_cleaned(raw, shown):
    assert clean_name(raw) == shown


def test_folders_are_words_of_the_title_that_passages_are_found_by():
    assert display_title("2019/Q1/annual_report.pdf", "") == "annual report (2019 Q1)"
    assert display_title("2019/annual.pdf", "Annual accounts") == "Annual accounts (2019)"
    assert display_title("annual.pdf", "") == "annual"
    assert len(display_title("f" * 80 + "/" + "n" * 160 + ".pdf", "")) <= 120


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
def test_a_file_with_folders_in_its_name_downloads_under_its_own_name(client, path):
    [document] = send(client, path, {"2019/annual.txt": b"words"}).json()["documents"]
    answer = client.get(f"/api/documents/{document['id']}/file")
    assert answer["Content-Disposition"] == 'attachment; filename="annual.txt"'


# --- zip files --------------------------------------------------------------------------------------


def test_a_zip_is_unpacked_among_other_files(client, path):
    pack = zipped({"deep/er/a.txt": b"alpha", "b.csv": b"x,y\n1,2\n3,4\n"})
    answer = send(client, path, {"loose.txt": b"loose", "pack.zip": pack})
    assert names(answer) == ["loose.txt", "deep/er/a.txt", "b.csv"]
    assert refused(answer) == {}
    stored = Document.objects.get(name="deep/er/a.txt")
    assert storage.path_of(stored.stored_name).read_bytes() == b"alpha"


def test_a_zip_may_come_in_pieces(client, collection):
    pack = zipped({"a.txt": b"alpha", "bad.exe": b"MZ" + b"\x00" * 99})
    answer = whole(client, pack, model_id=collection.pk, filename="pack.zip")
    assert names(answer) == ["a.txt"]
    assert refused(answer) == {"bad.exe": "file_type_unsupported"}
    assert not Upload.objects.exists()


def test_a_broken_zip_in_pieces_is_refused_as_a_whole(client, collection):
    answer = whole(client, zipped({"a.txt": b"alpha" * 100})[:-30], model_id=collection.pk, filename="p.zip")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "zip_unreadable")
    assert not Upload.objects.exists()


@pytest.mark.parametrize("where", ["documents", "documents/models/{id}/documents"])
def test_a_zip_on_the_path_for_one_file_is_refused_with_the_way_to_go(client, collection, where):
    url = f"/api/models/{collection.pk}/documents" if where == "documents" else f"/api/{where}"
    file = SimpleUploadedFile("pack.zip", zipped({"a.txt": b"alpha"}))
    answer = client.post(url.format(id=collection.pk), {"file": file}, format="multipart")
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "file_type_unsupported")
    assert "/documents/bulk" in answer.json()["error"]["details"]["next_step"]


def test_what_systems_leave_behind_folders_and_links_are_left_out(client, path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("docs/", b"")
        made.writestr("docs/a.txt", b"alpha")
        made.writestr("__MACOSX/docs/._a.txt", b"\x00\x05\x16\x07")
        made.writestr("docs/.DS_Store", b"\x00\x00\x00\x01Bud1")
        made.writestr(".git/config", b"[core]")
        made.writestr("docs/Thumbs.db", b"x")
        link = zipfile.ZipInfo("docs/passwords.txt")
        link.external_attr = 0o120777 << 16
        made.writestr(link, b"/etc/passwd")
    answer = send(client, path, {"pack.zip": out.getvalue()})
    assert (names(answer), refused(answer)) == (["docs/a.txt"], {})


def test_names_that_climb_stay_names(client, path, settings):
    pack = zipped({"../../../evil.txt": b"one", "/etc/cron.d/evil": b"two", "c:\\win\\evil.txt": b"three"})
    before = set(settings.DATA_DIR.rglob("*evil*"))
    answer = send(client, path, {"pack.zip": pack})
    assert names(answer) == ["evil.txt", "etc/cron.d/evil", "win/evil.txt"]
    assert set(settings.DATA_DIR.rglob("*evil*")) == before


def test_names_without_the_flag_for_utf8_are_read_as_macos_means_them():
    entry = zipfile.ZipInfo("Übersicht.txt".encode().decode("cp437"))
    assert archive.name_of(entry) == "Übersicht.txt"
    entry.filename = "Ütf.txt"
    assert archive.name_of(entry) == "Ütf.txt"  # cp437 says so, and it is no UTF-8


def test_a_zip_in_a_zip_is_refused_and_an_office_file_too(client, path):
    inner = zipped({"x.txt": b"x"})
    answer = send(client, path, {"p.zip": zipped({"in.zip": inner, "r.docx": inner, "a.txt": b"alpha"})})
    assert names(answer) == ["a.txt"]
    assert refused(answer) == {"in.zip": "zip_nested", "r.docx": "file_type_unsupported"}


def test_encrypted_entries_are_refused_one_by_one(client, path):
    pack = bytearray(zipped({"secret.txt": b"secret words", "a.txt": b"alpha"}))
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = pack.index(signature) + flags_at
        pack[at : at + 2] = struct.pack("<H", 1)
    answer = send(client, path, {"p.zip": bytes(pack)})
    assert (names(answer), refused(answer)) == (["a.txt"], {"secret.txt": "zip_encrypted"})


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packings_are_refused_one_by_one(client, path, method):
    out = io.BytesIO(zipped({"a.txt": b"alpha"}))
    with zipfile.ZipFile(out, "a", method) as made:
        made.writestr("odd.txt", b"odd")
    answer = send(client, path, {"p.zip": out.getvalue()})
    assert (names(answer), refused(answer)) == (["a.txt"], {"odd.txt": "zip_unreadable"})


def test_a_damaged_entry_is_refused_and_the_others_are_taken(client, path):
    pack = bytearray(zipped({"bad.txt": b"words " * 200, "a.txt": b"alpha"}, zipfile.ZIP_STORED))
    pack[pack.index(b"words")] ^= 0xFF
    answer = send(client, path, {"p.zip": bytes(pack)})
    assert (names(answer), refused(answer)) == (["a.txt"], {"bad.txt": "zip_unreadable"})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04" + b"\x00" * 500, "zip_unreadable"),
        (zipped({"a.txt": b"alpha" * 50})[:-10], "zip_unreadable"),
        (zipped({}), "zip_empty"),
        (zipped({"__MACOSX/a": b"x"}), "zip_empty"),
    ],
)
def test_a_zip_that_holds_nothing_readable_is_one_refused_file(client, path, content, code):
    answer = send(client, path, {"bad.zip": content, "a.txt": b"alpha"})
    assert (names(answer), refused(answer)) == (["a.txt"], {"bad.zip": code})


def test_more_than_a_thousand_files_are_refused_before_any_is_unpacked(client, path):
    pack = zipped({f"{n}.txt": b"x" for n in range(archive.MAX_FILES + 1)}, zipfile.ZIP_STORED)
    answer = send(client, path, {"p.zip": pack})
    assert (names(answer), refused(answer)) == ([], {"p.zip": "zip_too_large"})
    assert "1001" in answer.json()["refused"][0]["message"]


def test_a_directory_of_millions_is_not_read_into_memory(client, path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_DIRECTORY_BYTES", 70_000)
    pack = zipped({f"{n:0200}.txt": b"x" for n in range(400)}, zipfile.ZIP_STORED)
    assert refused(send(client, path, {"p.zip": pack})) == {"p.zip": "zip_unreadable"}


def test_each_file_and_all_together_are_bounded_by_what_comes_out(client, path, settings):
    settings.MAX_FILE_SIZE_MB = 1
    noise = [bytes((n * 7 + k) % 90 + 32 for k in range(997)) * 1000 for n in range(5)]
    pack = zipped({"huge.txt": b"words " * 200_000} | {f"{n}.txt": noise[n] for n in range(5)})
    answer = send(client, path, {"p.zip": pack})
    # 1.2 MB is too much for one; of 4 MiB in all, what was inflated of the first counts too
    assert names(answer) == ["0.txt", "1.txt", "2.txt"]
    assert refused(answer) == {
        "huge.txt": "file_too_large", "3.txt": "zip_too_large", "4.txt": "zip_too_large",
    }  # fmt: skip


def test_a_bomb_is_refused_by_its_ratio_and_its_neighbours_are_taken(client, path):
    pack = zipped({"bomb.txt": b" " * (100 * MEBIBYTE), "a.txt": b"alpha"})
    assert len(pack) < MEBIBYTE
    before = list(storage.files_older_than(-60))
    answer = send(client, path, {"p.zip": pack})
    assert (names(answer), refused(answer)) == (["a.txt"], {"bomb.txt": "zip_suspicious"})
    assert len(list(storage.files_older_than(-60))) == len(before) + 1


def test_a_size_that_lies_changes_nothing(client, path, settings):
    settings.MAX_FILE_SIZE_MB = 1
    pack = bytearray(zipped({"liar.txt": b"words " * 400_000, "a.txt": b"alpha"}))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = pack.index(signature) + at
        pack[start : start + 4] = struct.pack("<I", 10)
    answer = send(client, path, {"p.zip": bytes(pack)})
    assert names(answer) == ["a.txt"]
    assert refused(answer)["liar.txt"] in ("file_too_large", "zip_unreadable")


def test_a_full_disk_in_the_middle_refuses_the_rest_and_leaves_nothing_half(client, path, monkeypatch):
    real, calls = storage.require_space, []

    def full(size):
        calls.append(size)
        if len(calls) > 2:
            monkeypatch.setattr(storage, "RESERVE_BYTES", 1 << 60)
        real(size)

    before = len(list(storage.files_older_than(-60)))
    monkeypatch.setattr(storage, "require_space", full)
    answer = send(client, path, {"p.zip": zipped({"a.txt": b"a", "b.txt": b"b", "c.txt": b"c"})})
    assert "a.txt" in names(answer)
    assert refused(answer)["c.txt"] == "storage_full"
    assert len(list(storage.files_older_than(-60))) == before + len(names(answer))


def test_a_zip_goes_to_the_model_alone(client, client_for, admin, member, path, collection):
    other = collection_create(actor=admin, name="Other")
    send(client, path, {"p.zip": zipped({"a.txt": b"alpha"})})
    assert client.get(f"/api/models/{other.pk}/documents").json()["count"] == 0
    assert client_for(member).get(f"/api/models/{collection.pk}/documents").json()["count"] == 1
