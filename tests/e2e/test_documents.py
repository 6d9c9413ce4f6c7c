"""Looking after documents in a real browser: order, filters, bulk, rebuilds, the phone's back button."""

import re

import pytest

from tests.e2e.people import (
    INGEST_MS,
    PHONE,
    WIDE,
    new_model,
    row_of,
    wait_until,
    workers_held,
)
from tests.e2e.test_journey import ANSWER_MS, ask, wait_for_answer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def model(api, tmp_path_factory):
    """Five documents: one with a warning, one that failed."""
    made = new_model(api, "Lighthouse")
    folder = tmp_path_factory.mktemp("light")
    texts = {
        "alpha.txt": "The lamp burned whale oil until 1871. " * 3,
        "bravo.txt": "The keeper of the lighthouse was called Ingeborg Thal. " * 9,
        "charlie.txt": "Fog signals were fired every ten minutes. " * 30,
        "delta.csv": "year,ships\n1900,12\n1901,15,7,8,9\n1902,18\n",
        "echo.pdf": "%PDF-1.4\nnothing that a reader could use",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        with (folder / name).open("rb") as file:
            sent = api.post(f"/api/models/{made}/documents", files={"file": (name, file)})
        assert sent.status_code == 201, sent.text
    unfinished = {"queued", "processing"}

    def done() -> bool:
        found = api.get(f"/api/models/{made}/documents").json()["results"]
        return not unfinished & {document["status"] for document in found}

    wait_until(done, "the documents were not read")
    return made


@pytest.fixture
def open_page(product, browser, superadmin_state):
    """A function: context options -> a page of the superadmin."""
    contexts = []

    def make(options: dict):
        context = browser.new_context(base_url=product.url, storage_state=superadmin_state, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def names(page) -> list[str]:
    return page.get_by_test_id("document-row").get_by_role("link").all_inner_texts()


def test_the_list_is_ordered_filtered_and_emptied_many_at_a_time(open_page, api, model):
    page = open_page(WIDE)
    page.goto(f"/models/{model}/")
    order = page.get_by_label("Order of the list")
    everything = ["alpha.txt", "bravo.txt", "charlie.txt", "delta.csv", "echo.pdf"]
    for chosen, expected in {
        "By name": everything,
        "Newest first": everything[::-1],
        "Largest first": ["charlie.txt", "bravo.txt", "alpha.txt"],
    }.items():
        order.select_option(chosen)
        wait_until(
            lambda expected=expected: names(page)[: len(expected)] == expected, f"{chosen}: {names(page)}"
        )
    page.get_by_role("button", name=re.compile("^With warnings")).click()
    wait_until(lambda: names(page) == ["delta.csv"], f"with warnings: {names(page)}")
    page.get_by_role("button", name=re.compile("^Failed")).click()
    wait_until(lambda: names(page) == ["echo.pdf"], f"failed: {names(page)}")
    page.get_by_role("button", name=re.compile("^All")).click()
    wait_until(lambda: len(names(page)) == 5, "all five again")

    for name in ("alpha.txt", "echo.pdf"):
        page.get_by_label(f"Select {name}").check()
    page.get_by_test_id("bulk").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_text("Delete 2 documents?").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("2 documents deleted.").wait_for()
    wait_until(lambda: set(names(page)) == set(everything[1:4]), f"left: {names(page)}")
    left = api.get(f"/api/models/{model}/documents").json()["results"]
    assert {document["name"] for document in left} == set(everything[1:4])


def test_all_documents_are_rebuilt_with_a_changed_cutting_or_it_is_abandoned(product, open_page, api, model):
    page = open_page(WIDE)
    page.goto(f"/models/{model}/settings")
    before = passages(api, model)
    page.get_by_label("Longest passage").fill("40")
    page.get_by_label("Overlap").fill("0")
    page.get_by_role("button", name="Save", exact=True).click()
    hint = page.get_by_test_id("cutting-changed")
    hint.get_by_text("Existing documents keep their passages until they are rebuilt").wait_for()
    section = page.get_by_test_id("rebuild-section")
    with workers_held(product):
        hint.get_by_role("button", name="Rebuild them").click()
        page.get_by_role("dialog").get_by_role("button", name="Rebuild").click()
        section.get_by_role("progressbar").wait_for()
        section.get_by_text(re.compile(r"0 of \d documents")).wait_for()
        section.get_by_role("button", name="Abandon").click()
        page.get_by_role("dialog").get_by_role("button", name="Abandon").click()
        section.get_by_role("button", name="Rebuild all documents").wait_for()
        assert api.get(f"/api/models/{model}/rebuild").json()["running"] is False
    assert passages(api, model) == before

    section.get_by_role("button", name="Rebuild all documents").click()
    page.get_by_role("dialog").get_by_role("button", name="Rebuild").click()
    page.get_by_text("answers come from the new passages now").wait_for(timeout=INGEST_MS)
    assert passages(api, model) > before, "shorter passages are more passages"


def passages(api, model: int) -> int:
    return sum(
        document["progress"]["chunks"]
        for document in api.get(f"/api/models/{model}/documents").json()["results"]
    )


def test_a_document_tells_how_it_was_read_and_follows_its_state(product, open_page, model):
    page = open_page(WIDE)
    page.goto(f"/models/{model}/")
    row_of(page, "delta.csv").get_by_role("link").click()
    facts = page.get_by_test_id("facts")
    for words in ("comma", "year · ships"):
        facts.get_by_text(words).first.wait_for()
    page.get_by_test_id("warnings").wait_for()
    whole = page.get_by_test_id("table-profile")
    whole.get_by_text("What its columns hold").click()
    whole.get_by_text("Sum (total) of ships").wait_for()
    state = page.get_by_test_id("document-state")
    with workers_held(product):
        page.get_by_role("button", name="Reprocess").click()
        state.get_by_text("queued").wait_for()
        state.get_by_text("its present passages answer until this is done").wait_for()
    state.get_by_text("completed").wait_for(timeout=INGEST_MS)
    page.get_by_test_id("chunks").get_by_text("1902").first.wait_for()


def test_on_a_phone_back_closes_the_evidence_and_stays_in_the_chat(open_page, model):
    page = open_page(PHONE)
    page.goto(f"/chat/?model={model}")
    ask(page, "What was the keeper of the lighthouse called?")
    answer = wait_for_answer(page)
    chat = page.url
    answer.get_by_test_id("source-card").first.click(timeout=ANSWER_MS)
    evidence = page.get_by_test_id("evidence")
    evidence.wait_for()
    page.go_back()
    evidence.wait_for(state="hidden")
    assert page.url == chat
    assert answer.is_visible()
    answer.get_by_test_id("source-card").first.click()
    evidence.get_by_role("button", name="Close the evidence").click()
    evidence.wait_for(state="hidden")
    page.go_back()  # the panel's entry is gone: this leaves
    wait_until(lambda: page.url != chat, "closing by the button left an entry behind")


def test_what_is_looked_for_is_found_again_after_looking_into_a_document(open_page, api):
    made = new_model(api, "Found again")
    for name, text in {
        "fire.txt": "The fire of 1904.",
        "broken.pdf": "%PDF-1.4\nnothing",
        "fog.txt": "Fog.",
    }.items():
        api.post(f"/api/models/{made}/documents", files={"file": (name, text.encode())}).raise_for_status()
    page = open_page(WIDE)
    page.goto(f"/models/{made}/")
    row_of(page, "broken.pdf").get_by_text("failed").wait_for(timeout=INGEST_MS)
    page.get_by_role("button", name=re.compile("^Failed")).click()
    page.get_by_label("Order of the list").select_option("By name")
    wait_until(lambda: names(page) == ["broken.pdf"], f"failed: {names(page)}")
    row_of(page, "broken.pdf").get_by_role("link").click()
    page.get_by_test_id("failure").wait_for()
    page.go_back()
    wait_until(lambda: names(page) == ["broken.pdf"], f"after going back: {names(page)}")
    assert page.get_by_role("button", name=re.compile("^Failed")).get_attribute("aria-pressed") == "true"
    assert page.get_by_label("Order of the list").input_value() == "name"
    page.get_by_label("Find a document").fill("fog")
    page.get_by_text("No document in this state has “fog”").wait_for()
    page.reload()
    page.get_by_text("No document in this state has “fog”").wait_for()


def test_the_keyboard_is_not_thrown_out_of_the_list(product, open_page, api):
    made = new_model(api, "By keyboard")
    for number in range(4):
        file = {"file": (f"log {number}.txt", f"Ship number {number} came in at dawn.".encode())}
        api.post(f"/api/models/{made}/documents", files=file).raise_for_status()
    page = open_page(WIDE)
    page.goto(f"/models/{made}/")
    for number in range(4):
        row_of(page, f"log {number}.txt").get_by_text("completed").wait_for(timeout=INGEST_MS)

    def focus_is_on(locator) -> None:
        wait_until(lambda: locator.evaluate("node => node === document.activeElement"), "the focus is lost")

    with workers_held(product):
        page.get_by_role("button", name="Reprocess log 2.txt").press("Enter")
        focus_is_on(page.get_by_role("button", name="Cancel log 2.txt"))
        page.get_by_role("button", name="Cancel log 2.txt").press("Enter")
        focus_is_on(page.get_by_role("button", name="Replace log 2.txt"))
    page.get_by_role("button", name="Delete log 3.txt").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    focus_is_on(page.get_by_role("link", name="log 2.txt"))
    page.get_by_label("All on this page").check()
    page.get_by_test_id("bulk").get_by_role("button", name="Reprocess").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Reprocess").press("Enter")
    page.get_by_text("3 documents queued.").wait_for()
    focus_is_on(page.get_by_label("All on this page"))
