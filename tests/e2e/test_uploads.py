"""Uploads in a real browser: cut off, carried on after a reload, whole folders, the same name again."""

import hashlib
import os
import zipfile

import pytest

from tests.e2e.people import (
    INGEST_MS,
    WIDE,
    document_named,
    new_model,
    process_of,
    row_of,
    wait_until,
    workers_held,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SLICE = 8 * 1024 * 1024
SLOW = 6_000_000  # bytes per second


@pytest.fixture(scope="module")
def big_file(tmp_path_factory):
    """30 MB that are called PDF and are none: taken as such, and refused by the reader at once."""
    path = tmp_path_factory.mktemp("big") / "atlas.pdf"
    path.write_bytes(b"%PDF-1.7\n" + os.urandom(30_000_000))
    return path


@pytest.fixture
def page(product, browser, superadmin_state):
    context = browser.new_context(base_url=product.url, storage_state=superadmin_state, **WIDE)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())  # leaving while something is sent asks back
    yield page
    context.close()


@pytest.fixture
def slow_page(page):
    """Sends no faster than a good line at home."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SLOW},
    )
    return page


@pytest.fixture
def offsets(page):
    """Where each slice that the page sent began, in order."""
    seen: list[int] = []
    page.on(
        "request",
        lambda request: (
            seen.append(int(request.headers["upload-offset"])) if request.method == "PATCH" else None
        ),
    )
    return seen


def uploads_of(api, model: int) -> list:
    return api.get("/api/uploads", params={"model_id": model}).json()


def begin(page, file) -> None:
    """Choose a file, and agree to the time that reading it takes, when that is asked."""
    page.get_by_test_id("file-input").set_input_files(file)
    question = page.get_by_test_id("reading-time")
    page.get_by_test_id("upload").or_(question).first.wait_for()
    if question.count():
        question.get_by_role("button", name="Upload").click()


def test_before_a_long_reading_begins_its_rows_and_hours_are_told(api, page, tmp_path):
    table = tmp_path / "sales.csv"
    with table.open("w") as file:
        file.write("number,port,crowns\n")
        file.writelines(f"{number:07d},Harbour {number % 90:02d},12.50\n" for number in range(2_000_000))
    model = new_model(api, "Long")
    page.goto(f"/models/{model}/")
    page.get_by_test_id("file-input").set_input_files(table)
    question = page.get_by_test_id("reading-time")
    question.get_by_text("about 2,000,000 rows; reading will take about").wait_for()
    question.get_by_role("button", name="Cancel").click()
    assert page.get_by_test_id("upload").count() == 0
    assert uploads_of(api, model) == []


def test_an_upload_goes_on_by_itself_after_the_server_was_killed(product, api, slow_page, offsets, big_file):
    page = slow_page
    model = new_model(api, "Cut off")
    page.goto(f"/models/{model}/")
    begin(page, big_file)
    upload = page.get_by_test_id("upload")
    upload.get_by_text("of 30 MB").wait_for()
    wait_until(lambda: SLICE in offsets, "the second slice was not begun", page=page)
    before = len(offsets)
    process_of(product, "uvicorn").kill()
    upload.get_by_text("goes on by itself").wait_for()
    row_of(page, big_file.name).get_by_text("failed").wait_for(timeout=INGEST_MS)
    assert offsets[before] >= SLICE, "it began again instead of going on"
    document = document_named(api, model, big_file.name)
    assert document["sha256"] == hashlib.sha256(big_file.read_bytes()).hexdigest()
    assert upload.count() == 0


def test_a_reload_loses_nothing_when_the_file_is_chosen_again(api, slow_page, offsets, big_file):
    page = slow_page
    model = new_model(api, "Reloaded")
    page.goto(f"/models/{model}/")
    begin(page, big_file)
    wait_until(lambda: SLICE in offsets, "the second slice was not begun", page=page)
    page.reload()
    left = page.get_by_test_id("unfinished-upload")
    left.get_by_text("are here; choose the file again to go on").wait_for()
    offsets.clear()
    with page.expect_file_chooser() as chooser:
        left.get_by_role("button", name="Choose atlas.pdf again").click()
    chooser.value.set_files(big_file)
    row_of(page, big_file.name).wait_for()
    assert offsets[0] >= SLICE, "it began again instead of going on"
    assert left.count() == 0
    assert uploads_of(api, model) == []
    assert document_named(api, model, big_file.name)["size"] == big_file.stat().st_size


def test_a_paused_upload_waits_and_a_cancelled_one_leaves_nothing(api, slow_page, big_file):
    page = slow_page
    model = new_model(api, "Paused")
    page.goto(f"/models/{model}/")
    begin(page, big_file)
    page.get_by_role("button", name="Pause atlas.pdf").click()
    page.get_by_text("paused at").wait_for()
    wait_until(lambda: len(uploads_of(api, model)) == 1, "it was not created")
    page.get_by_role("button", name="Continue atlas.pdf").click()
    page.get_by_text("MB/s").wait_for()
    page.get_by_role("button", name="Cancel atlas.pdf").click()
    wait_until(lambda: not uploads_of(api, model), "the upload is still there")
    assert page.get_by_test_id("upload").count() == 0
    assert api.get(f"/api/models/{model}/documents").json()["count"] == 0


@pytest.mark.parametrize("hold", ["Pause", "Cancel"])
def test_an_upload_held_while_it_is_being_created_leaves_no_second_one(api, slow_page, big_file, hold):
    page = slow_page
    model = new_model(api, f"{hold} while created")
    held = []
    page.route("**/api/uploads", lambda route: held.append(route))
    page.goto(f"/models/{model}/")
    begin(page, big_file)
    wait_until(lambda: held, "it was not begun", page=page)
    page.get_by_role("button", name=f"{hold} atlas.pdf").click()
    if hold == "Pause":
        page.get_by_text("paused at").wait_for()
    with page.expect_response("**/api/uploads"):
        held[0].continue_()
    page.unroute("**/api/uploads")
    if hold == "Pause":
        page.get_by_role("button", name="Continue atlas.pdf").click()
        page.get_by_text("MB/s").wait_for()
        page.get_by_role("button", name="Cancel atlas.pdf").click()
    page.get_by_test_id("upload").wait_for(state="detached")
    wait_until(lambda: not uploads_of(api, model), "the upload is still there", page=page)


def test_a_folder_is_taken_and_each_bad_file_named(api, page, tmp_path):
    model = new_model(api, "Folder")
    folder = tmp_path / "reports"
    (folder / "older").mkdir(parents=True)
    (folder / "harbour.txt").write_text("The harbour was dredged in 1911 by the firm of Adele Quist.")
    (folder / "older" / "prices.csv").write_text("item,price\nrope,12\nanchor,250\n")
    (folder / "notes.md").write_text("# Notes\n\nThe crane stands on the east mole.\n")
    for number in range(4):
        (folder / f"log {number}.txt").write_text(f"Ship number {number} came in at dawn.")
    with zipfile.ZipFile(folder / "old.zip", "w") as archive:
        archive.writestr("pilots.txt", "The pilots' house was sold in 1938.")
        archive.writestr("setup.exe", b"MZ" + bytes(200))
    (folder / "empty.txt").touch()
    (folder / "program.pdf").write_bytes(b"\x7fELF" + bytes(200))
    (folder / "photo.png").write_bytes(b"\x89PNG" + bytes(200))
    (folder / ".hidden.txt").write_text("not for anybody")
    page.goto(f"/models/{model}/")
    page.get_by_test_id("folder-input").set_input_files(folder)
    page.get_by_test_id("upload").filter(has_text="reports/empty.txt").get_by_text("is empty").wait_for()
    page.get_by_test_id("upload").filter(has_text="reports/program.pdf").get_by_text("Only PDF").wait_for()
    skipped = page.get_by_test_id("skipped-files")
    skipped.get_by_text("2 files skipped").wait_for()
    skipped.get_by_text("Which").click()
    assert {"reports/photo.png", "reports/.hidden.txt"} == set(
        skipped.get_by_role("listitem").all_inner_texts()
    )
    inner = page.get_by_test_id("upload").filter(has_text="setup.exe, in reports/old.zip")
    inner.get_by_text("Only PDF").wait_for()
    row_of(page, "pilots.txt").wait_for()
    row_of(page, "reports/older/prices.csv").get_by_text("completed").wait_for(timeout=INGEST_MS)
    assert page.get_by_test_id("document-row").count() == 8
    page.get_by_role("button", name="Dismiss all messages").click()
    assert page.get_by_test_id("upload").count() == skipped.count() == 0
    assert page.evaluate("document.activeElement.id") == "choose"


def test_a_file_for_a_document_that_is_being_read_waits_and_says_for_what(product, api, page, tmp_path):
    model = new_model(api, "Busy")
    file = tmp_path / "tides.txt"
    file.write_text("High water at six.")
    page.goto(f"/models/{model}/")
    with workers_held(product):
        for words in ("High water at six.", "High water at half past six."):
            file.write_text(words)
            page.get_by_test_id("file-input").set_input_files(file)
            if words.startswith("High water at half"):
                page.get_by_test_id("same-name").get_by_role("button", name="Replace").click()
            row_of(page, "tides.txt").get_by_text("queued").wait_for()
        upload = page.get_by_test_id("upload")
        upload.get_by_text("is being processed right now. It is tried again by itself.").wait_for()
    row_of(page, "version 2").get_by_text("completed").wait_for(timeout=INGEST_MS)
    assert upload.count() == 0


def test_a_newer_file_of_the_same_name_replaces_keeps_or_is_skipped(product, api, page, tmp_path):
    model = new_model(api, "Versions")
    file = tmp_path / "tariff.txt"
    page.goto(f"/models/{model}/")

    def send(words: str, choice: str | None) -> None:
        file.write_text(words)
        page.get_by_test_id("file-input").set_input_files(file)
        if choice:
            dialog = page.get_by_test_id("same-name")
            dialog.get_by_role("heading", name="tariff.txt is already here").wait_for()
            dialog.get_by_text("Version 1, ").wait_for()
            dialog.get_by_role("button", name=choice).click()

    send("A day at the quay costs 40 crowns.", None)
    row = row_of(page, "tariff.txt")
    row.get_by_text("completed").wait_for(timeout=INGEST_MS)
    send("A day at the quay costs 40 crowns.", None)
    page.get_by_text("“tariff.txt” is already here, nothing to do.").wait_for()
    send("A day at the quay costs 55 crowns now.", "Skip")
    with workers_held(product):
        send("From May on, a day at the quay costs 60 crowns.", "Replace")
        row.get_by_text("version 1 answers until version 2 is complete").wait_for()
        (chunk,) = api.get(f"/api/documents/{row.get_attribute('data-id')}/chunks").json()["results"]
        assert "40 crowns" in chunk["content"]
    row.get_by_text("version 2").wait_for(timeout=INGEST_MS)
    row.get_by_text("completed").wait_for(timeout=INGEST_MS)
    (chunk,) = api.get(f"/api/documents/{row.get_attribute('data-id')}/chunks").json()["results"]
    assert "60 crowns" in chunk["content"]
    assert page.get_by_test_id("document-row").count() == 1


def test_a_failed_document_is_repaired_by_replacing_it(api, page, tmp_path):
    model = new_model(api, "Repaired")
    bad, good = tmp_path / "ledger.pdf", tmp_path / "ledger.txt"
    bad.write_bytes(b"%PDF-1.4\nnothing that a reader could use")
    good.write_text("The ledger of 1902 lists four schooners.")
    page.goto(f"/models/{model}/")
    page.get_by_test_id("file-input").set_input_files(bad)
    row = row_of(page, "ledger")
    row.get_by_text("failed").wait_for(timeout=INGEST_MS)
    with page.expect_file_chooser() as chooser:
        row.get_by_role("button", name="Replace").click()
    chooser.value.set_files(good)
    row.get_by_text("completed").wait_for(timeout=INGEST_MS)
    row.get_by_role("link", name="ledger").click()
    page.get_by_test_id("chunks").get_by_text("four schooners").wait_for()
    page.get_by_test_id("facts").get_by_text("2", exact=True).wait_for()  # its version


def test_a_large_file_for_a_new_chat_goes_on_after_a_reload_of_that_chat(api, slow_page, offsets, big_file):
    page = slow_page
    model = new_model(api, "Attached")
    page.goto(f"/chat/?model={model}")
    page.get_by_test_id("connection-state").get_by_text("connected").wait_for()
    page.get_by_label("Attach a file to this chat").set_input_files(big_file)
    wait_until(lambda: SLICE in offsets, "the second slice was not begun", page=page)
    page.reload()
    chip = page.get_by_test_id("attachment")
    chip.get_by_text("of 30 MB are here").wait_for()
    offsets.clear()
    with page.expect_file_chooser() as chooser:
        chip.get_by_role("button", name="Choose atlas.pdf again").click()
    chooser.value.set_files(big_file)
    chip.get_by_text("damaged").wait_for(timeout=INGEST_MS)  # stored, and read as far as it can be
    assert offsets[0] >= SLICE, "it began again instead of going on"
    assert api.get(f"/api/models/{model}/documents").json()["count"] == 0, "it belongs to the chat alone"
