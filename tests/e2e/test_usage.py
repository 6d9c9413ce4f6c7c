"""Limits as people meet them: an admin sets one, a question over it stays in the box, the page tells."""

import pytest

from tests.e2e.people import new_model, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

NOTHING = {"messages_per_minute": None, "tokens_per_day": None}


@pytest.fixture
def me(api) -> dict:
    """The superadmin, whose own limit is taken away again."""
    found = api.get("/api/auth/me").json()
    yield found
    api.put(f"/api/users/{found['id']}/limits", json={"own": NOTHING}).raise_for_status()


@pytest.fixture
def page(product, browser, superadmin_state):
    context = browser.new_context(base_url=product.url, storage_state=superadmin_state)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [one for one in complaints if "status of 400" not in one] == []  # a refused form is no fault


def ask(page, question: str) -> None:
    page.get_by_test_id("connection-state").get_by_text("connected").wait_for()
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")


def asked_in_the_last_minute(api) -> int:
    return next(
        one["used"] for one in api.get("/api/usage").json()["limits"] if one["what"] == "messages_per_minute"
    )


def test_a_question_over_the_limit_stays_in_the_box_and_the_page_says_why(page, api, me):
    wait_until(lambda: asked_in_the_last_minute(api) == 0, "what other tests asked still counts")
    page.goto("/users/")
    page.get_by_role("button", name=f"Limits of {me['full_name'] or me['email']}").click()
    dialog = page.get_by_test_id("limits-dialog")
    dialog.get_by_label("Questions per minute").fill("1")
    dialog.get_by_role("button", name="Save the limits").click()
    dialog.wait_for(state="detached")

    page.goto(f"/chat/?model={new_model(api, 'Limited')}")
    ask(page, "Is there anything?")
    page.get_by_test_id("answer").get_by_role("button", name="Why this answer").wait_for()
    ask(page, "And anything else?")
    page.get_by_text("You have asked 1 question within a minute").wait_for()
    assert page.get_by_label("Your question").input_value() == "And anything else?"
    assert page.get_by_test_id("answer").count() == 1

    five = {"messages_per_minute": 5, "tokens_per_day": None}
    api.put(f"/api/users/{me['id']}/limits", json={"own": five}).raise_for_status()
    page.get_by_label("Your question").press("Enter")
    page.get_by_role("button", name="Why this answer").nth(1).wait_for()
    assert page.get_by_test_id("chat-error").count() == 0  # the refusal went with the question

    page.goto("/usage/")
    minute = page.get_by_test_id("limit").filter(has_text="Questions in the last minute")
    assert "2 of 5" in minute.inner_text()
    assert "Your own limit" in minute.inner_text()


def test_what_cannot_be_a_limit_is_said_beside_its_field(page, me):
    page.goto("/usage/people/")
    page.get_by_role("button", name=f"Limits of {me['full_name'] or me['email']}").click()
    dialog = page.get_by_test_id("limits-dialog")
    tokens = dialog.get_by_label("Tokens per day")
    tokens.fill("-5")
    dialog.get_by_role("button", name="Save the limits").click()
    dialog.locator(".error").wait_for()
    assert tokens.get_attribute("aria-invalid") == "true"
    assert tokens.evaluate("node => node === document.activeElement")


def test_sums_are_sorted_by_any_column_with_the_keyboard(page):
    page.goto("/usage/people/")
    page.get_by_test_id("usage-row").first.wait_for()
    head = page.get_by_role("columnheader", name="Tokens today")
    assert head.get_attribute("aria-sort") is None
    head.get_by_role("button").press("Enter")
    page.locator('th[aria-sort="descending"]').filter(has_text="Tokens today").wait_for()
    assert page.evaluate("document.activeElement.dataset.column") == "tokens_today"
