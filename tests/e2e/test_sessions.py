"""Many chats in a real browser: found by words, opened at the message, kept by the tab, cleared away."""

import pytest

from tests.e2e.people import PHONE, WIDE, new_model, wait_until, workers_held
from tests.e2e.test_journey import wait_for_answer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TEXT = "The ferry Aurora leaves at 7:40 from pier four.\n\nThe ferry master is Ines Duarte.\n"


@pytest.fixture(scope="module")
def model(api):
    made = new_model(api, "Ferries")
    sent = api.post(f"/api/models/{made}/documents", files={"file": ("ferries.txt", TEXT.encode())}).json()
    done = lambda: api.get(f"/api/documents/{sent['id']}").json()["status"] == "completed"  # noqa: E731
    wait_until(done, "ferries.txt was not read")
    return made


@pytest.fixture
def open_page(product, browser, superadmin_state):
    """A function: how the window is -> a page of the superadmin."""
    contexts = []

    def make(**window):
        context = browser.new_context(
            base_url=product.url, storage_state=superadmin_state, **(window or WIDE)
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def test_a_chat_is_found_by_its_words_opened_at_the_message_and_kept_by_its_tab(open_page, api, model):
    told = api.post(
        "/api/chat/chat", json={"model_id": model, "message": "When does the ferry Aurora leave?"}
    )
    for _ in range(101):
        api.post("/api/chat/sessions", json={"model_id": model})
    page = open_page()
    page.goto("/chat/")
    links = page.locator("#sessions li a")
    links.first.wait_for()
    assert links.count() == 100
    page.get_by_test_id("older-chats").click()
    wait_until(lambda: links.count() > 100, "no older chats", 20, page)

    field = page.get_by_role("searchbox")
    field.fill("pier fou")
    found = page.get_by_test_id("found-chat")
    found.wait_for()
    assert found.locator("mark").all_inner_texts() == ["pier", "four"]
    field.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/chat/{told.json()['session_id']}/#m{told.json()['message_id']}")
    page.locator(".a.found").wait_for()
    assert page.evaluate("document.activeElement.id") == f"m{told.json()['message_id']}"
    assert page.get_by_role("searchbox").input_value() == "pier fou"  # for the next finding

    page.reload()
    page.locator(".a.found").wait_for()
    page.get_by_role("searchbox").fill("quagga")
    page.get_by_text("No chat of yours holds “quagga”.").wait_for()
    page.get_by_role("searchbox").press("Escape")
    links.nth(5).wait_for()

    page.goto("/")
    page.get_by_role("link", name="My chats").click()
    page.wait_for_url(f"**/chat/{told.json()['session_id']}/")
    page.goto("/")  # deleted meanwhile, elsewhere
    api.delete(f"/api/chat/sessions/{told.json()['session_id']}")
    page.get_by_role("link", name="My chats").click()
    page.wait_for_url("**/chat/")
    page.get_by_test_id("connection-state").get_by_text("connected").wait_for()


def test_on_a_phone_a_finding_closes_the_drawer_and_shows_the_message(open_page, api, model):
    api.post("/api/chat/chat", json={"model_id": model, "message": "Who is the ferry master?"})
    page = open_page(**PHONE)
    page.goto("/chat/")
    page.get_by_role("button", name="Open the list of chats").click()
    page.get_by_role("searchbox").fill("duarte")
    page.get_by_test_id("found-chat").first.locator("a").click()
    page.locator(".a.found").wait_for()
    assert not page.locator("body.drawer-open").count()


def test_a_question_need_not_wait_for_a_file_and_the_answer_says_what_it_lacks(
    product, open_page, api, model, tmp_path
):
    note = tmp_path / "tides.txt"
    note.write_text("High tide is at noon.")
    page = open_page()
    page.goto(f"/chat/?model={model}")
    with workers_held(product):
        page.locator("#attach-file").set_input_files(note)
        page.get_by_test_id("attachment").get_by_text("waits").wait_for()
        page.locator("#question").fill("When does the ferry Aurora leave?")
        page.keyboard.press("Enter")
        page.get_by_test_id("ask-now").click()
        page.get_by_test_id("not-ready").get_by_text("tides.txt").wait_for()
        page.reload()
        page.get_by_test_id("not-ready").get_by_text("tides.txt").wait_for()
    page.get_by_test_id("attachment").get_by_text("ready").wait_for(timeout=60_000)
    page.get_by_role("button", name="Regenerate").click()
    page.get_by_test_id("not-ready").wait_for(state="detached")
    assert "7:40" in wait_for_answer(page).inner_text()
    page.get_by_role("button", name="Remove tides.txt").click()
    page.get_by_test_id("attachment").wait_for(state="detached")
    page.wait_for_timeout(1000)
    page.reload()
    page.get_by_test_id("connection-state").get_by_text("connected").wait_for()
    assert page.get_by_test_id("attachment").count() == 0


def test_all_chats_are_saved_and_then_deleted_from_the_account_page(open_page, api, model):
    api.post("/api/chat/sessions", json={"model_id": model})
    page = open_page()
    page.goto("/account")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save all as a zip").click()
    assert download.value.suggested_filename.startswith("verbatim-chats-")
    page.get_by_label("To delete all of them").fill("delete")
    page.get_by_role("button", name="Delete all my chats").click()
    page.get_by_text("Nothing was deleted.").wait_for()
    page.get_by_label("To delete all of them").fill("delete all my chats")
    page.get_by_role("button", name="Delete all my chats").click()
    page.get_by_text("chats were deleted.").or_(page.get_by_text("chat was deleted.")).wait_for()
    assert api.get("/api/chat/sessions").json()["count"] == 0
