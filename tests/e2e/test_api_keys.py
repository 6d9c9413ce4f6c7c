"""A key is made on the account page, used by the official OpenAI client, and deleted, as a person would."""

import time

import openai
import pytest
from playwright.sync_api import expect

from tests.e2e.people import PHONE, WIDE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

QUESTION = "How many days of annual leave do full-time staff have?"


def client_with(base_url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=base_url, api_key=key, max_retries=0, http_client=openai.DefaultHttpxClient(trust_env=False)
    )


@pytest.fixture(autouse=True)
def _no_keys_left(api):
    """What a failed test has made is not the next one's."""
    yield
    for key in api.get("/api/auth/api-keys").json()["results"]:
        api.delete(f"/api/auth/api-keys/{key['id']}")


@pytest.mark.parametrize("device", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_key_is_made_on_the_page_asks_through_the_clients_protocol_and_ends(
    product, browser, superadmin_state, api, device
):
    deadline = time.monotonic() + 120
    while api.get("/api/documents/1").json()["status"] != "completed":
        assert time.monotonic() < deadline, "the demo's document was not read"
        time.sleep(0.5)
    context = browser.new_context(base_url=product.url, storage_state=superadmin_state, **device)
    context.set_default_timeout(20_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.goto("/account")
    page.get_by_text("You have no keys yet.").wait_for()
    page.get_by_role("button", name="New API key").click()
    page.get_by_label("What is it for?").fill("Editor")
    page.keyboard.press("Enter")
    key = page.get_by_test_id("made-key").input_value()
    page.get_by_role("button", name="I have stored it").click()
    row = page.get_by_test_id("key-row")
    expect(row).to_contain_text("never")
    expect(page.get_by_test_id("made-key")).to_have_count(0)
    assert key not in page.content()

    base_url = page.get_by_test_id("base-url").inner_text()
    with client_with(base_url, key) as client:
        model = client.models.list().data[0].id
        asked = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
        text = "".join(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(**asked, stream=True)
        )
        assert "28 days" in text
        assert "Sources:" in text

        page.reload()
        expect(row.get_by_role("cell").nth(2)).to_contain_text("just now")
        listed = api.get("/api/chat/sessions", params={"page_size": 200}).json()["results"]
        assert QUESTION not in [session["title"] for session in listed]
        page.get_by_role("button", name="Delete Editor").click()
        assert "refused from then on" in page.get_by_role("dialog").inner_text()
        page.get_by_role("button", name="Delete the key").click()
        page.get_by_text("You have no keys yet.").wait_for()
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
        page.wait_for_function(
            "document.activeElement?.id === 'new-key'"
        )  # the row is gone, the keyboard is not
    assert complaints == []
    context.close()
