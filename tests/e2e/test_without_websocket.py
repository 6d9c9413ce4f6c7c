"""The chat page where no WebSocket gets through: it asks, reads, stops and goes back over HTTP."""

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.contracts.servers import words
from tests.e2e.conftest import ARTIFACTS
from tests.e2e.people import PHONE, WIDE, wait_until
from tests.e2e.proxy import Proxy

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

QUESTION = "Who keeps the lighthouse?"
PIECE = 12
SIZES = {
    "wide": WIDE,
    "wide-dark": WIDE | {"color_scheme": "dark"},
    "phone": PHONE,
    "phone-dark": PHONE | {"color_scheme": "dark"},
}


@pytest.fixture
def proxy(product):
    made = Proxy(int(product.url.rpartition(":")[2]))
    yield made
    made.stop()


@pytest.fixture
def open_page(proxy, browser, superadmin_state):
    """A function: open a signed-in page behind the proxy."""
    opened = []

    def make(**options):
        context = browser.new_context(base_url=proxy.url, storage_state=superadmin_state, **(options or WIDE))
        context.set_default_timeout(20_000)
        opened.append(context)
        return context.new_page()

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def model(api, llm_server):
    """A model whose LLM waits after some words, and the gate that lets it go on."""
    name = f"gated-{PIECE}-{PIECE}-{secrets.token_hex(3)}"
    body = {"name": name, "llm_provider": "custom", "llm_base_url": f"{llm_server.url}/v1"}
    made = api.post("/api/models", json=body | {"llm_model_name": name, "answer_mode": "assist"})
    assert made.status_code == 201, made.text
    gate = llm_server.gate(name)
    yield made.json()["id"], gate
    gate.set()
    api.delete(f"/api/models/{made.json()['id']}")


def state(page):
    return page.get_by_test_id("connection-state")


def begin(page, model_id: int) -> None:
    page.goto(f"/chat/?model={model_id}")
    expect(state(page)).to_have_text("connected without WebSocket", timeout=20_000)


def ask(page, question: str = QUESTION) -> None:
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")


def text_of(page):
    return page.get_by_test_id("answer-text").last


def ended(page) -> None:
    page.get_by_test_id("answer").last.get_by_role("button", name="Copy").wait_for()


def messages(api, page) -> list[dict]:
    session = re.search(r"/chat/([0-9a-f-]{36})/", page.url)[1]
    return api.get(f"/api/chat/sessions/{session}/messages").json()["results"]


@pytest.mark.parametrize("size", SIZES)
def test_an_answer_streams_survives_a_reload_and_is_stopped(open_page, api, model, proxy, size):
    model_id, _ = model
    page = open_page(**SIZES[size])
    begin(page, model_id)
    ask(page)
    expect(text_of(page)).to_have_text(words(PIECE))
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"without-websocket-{size}.png")
    page.reload()
    expect(text_of(page)).to_have_text(words(PIECE))
    expect(state(page)).to_have_text("connected without WebSocket")
    page.get_by_role("button", name="Stop").click()
    ended(page)
    asked, answer = messages(api, page)
    assert (asked["content"], answer["status"], answer["content"]) == (QUESTION, "stopped", words(PIECE))
    assert proxy.handshakes > 0


def test_answers_are_regenerated_continued_and_edited(open_page, api, model):
    model_id, gate = model
    page = open_page()
    begin(page, model_id)
    ask(page)
    expect(text_of(page)).to_have_text(words(PIECE))
    page.get_by_role("button", name="Stop").click()
    ended(page)
    page.get_by_role("button", name="Continue").click()
    gate.set()
    expect(text_of(page)).to_contain_text(f"w{2 * PIECE - 1}")
    ended(page)
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_text("2 / 2")).to_be_visible()
    ended(page)
    page.get_by_role("button", name="Edit this question").click()
    page.get_by_label("The question in other words").fill("And who painted it?")
    page.get_by_label("The question in other words").press("Enter")
    expect(page.get_by_test_id("question")).to_have_text("And who painted it?")
    ended(page)
    assert [one["content"] for one in messages(api, page)][0] == "And who painted it?"


def test_the_page_returns_to_the_socket_when_one_opens(open_page, model, proxy):
    model_id, gate = model
    page = open_page()
    begin(page, model_id)
    ask(page)
    expect(text_of(page)).to_have_text(words(PIECE))
    proxy.upgrades = True
    expect(state(page)).to_have_text("connected", timeout=30_000)
    gate.set()
    ended(page)
    expect(text_of(page)).to_have_text(words(2 * PIECE))
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    ask(page, "And who painted it?")
    expect(page.get_by_test_id("answer")).to_have_count(2)
    ended(page)
    assert posted == []


def test_a_question_that_is_lost_on_its_way_is_asked_once_when_the_network_is_back(
    open_page, api, model, proxy
):
    model_id, gate = model
    gate.set()
    page = open_page()
    begin(page, model_id)
    page.context.set_offline(True)
    ask(page)
    expect(state(page)).to_have_text("connection lost, trying again")
    page.wait_for_timeout(1_000)
    page.context.set_offline(False)
    ended(page)
    expect(page.get_by_test_id("question")).to_have_count(1)
    assert [one["role"] for one in messages(api, page)] == ["user", "assistant"]


def test_who_was_signed_out_is_told_and_keeps_the_question(open_page, model, superadmin_state):
    model_id, gate = model
    page = open_page()
    begin(page, model_id)
    page.context.clear_cookies()
    ask(page)
    page.get_by_test_id("link-notice").get_by_text("You have been signed out.").wait_for()
    expect(state(page)).to_have_text("signed out")
    page.context.add_cookies(superadmin_state["cookies"])
    page.reload()
    expect(page.get_by_label("Your question")).to_have_value(QUESTION)
    gate.set()
    expect(state(page)).to_have_text("connected without WebSocket")
    page.get_by_label("Your question").press("Enter")
    ended(page)
    expect(text_of(page)).to_have_text(words(2 * PIECE))


def test_a_refusal_brings_the_question_back(open_page, api, model):
    model_id, _ = model
    page = open_page()
    begin(page, model_id)
    api.delete(f"/api/models/{model_id}").raise_for_status()
    ask(page)
    page.get_by_text("You can no longer ask this model.").wait_for()
    expect(page.get_by_label("Your question")).to_have_value(QUESTION)


def test_where_streams_are_cut_the_page_asks_ever_less_often_and_once(open_page, api, model, proxy):
    model_id, gate = model
    gate.set()
    page = open_page()
    begin(page, model_id)
    proxy.cuts = True
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    ask(page)
    page.wait_for_timeout(8_000)
    assert 2 <= len(posted) <= 6
    proxy.cuts = False
    expect(text_of(page)).to_have_text(words(2 * PIECE), timeout=40_000)
    ended(page)
    assert [one["role"] for one in messages(api, page)] == ["user", "assistant"]


def test_a_stream_on_which_nothing_comes_any_more_is_left(open_page, model, proxy):
    model_id, gate = model
    page = open_page()
    begin(page, model_id)
    ask(page)
    expect(text_of(page)).to_have_text(words(PIECE))
    page.wait_for_timeout(20_000)  # the language model pauses, the server says so
    expect(state(page)).to_have_text("connected without WebSocket")
    silent = []
    page.route("**/api/auth/me", lambda route: silent.append(route), times=1)  # nor does this bring anything
    proxy.silence()
    gate.set()
    expect(state(page)).to_have_text("connection lost, trying again", timeout=20_000)
    ended(page)
    expect(text_of(page)).to_have_text(words(2 * PIECE))
    assert len(silent) == 1


def test_a_late_answer_about_the_session_leaves_a_connected_page_alone(open_page, model, proxy):
    model_id, gate = model
    gate.set()
    page = open_page()
    begin(page, model_id)
    held = []
    page.route("**/api/auth/me", lambda route: held.append(route))
    wait_until(lambda: held, "no socket was tried", page=page)
    page.route("**/api/chat/stream", lambda route: route.abort())
    proxy.upgrades = True
    ask(page)
    expect(state(page)).to_have_text("connected")
    ended(page)
    with page.expect_response("**/api/auth/me"):
        held[0].continue_()
    page.wait_for_timeout(500)
    expect(state(page)).to_have_text("connected")


def refuse_to_stop(page, status: int, code: str) -> None:
    """The next stop is refused with this."""
    error = {"code": code, "message": "That could not be done.", "details": {}}
    page.route("**/stop", lambda route: route.fulfill(status=status, json={"error": error}), times=1)


def test_an_answer_that_is_shown_anew_in_its_middle_has_its_beginning(open_page, model):
    model_id, gate = model
    page = open_page()
    begin(page, model_id)
    ask(page)
    expect(text_of(page)).to_have_text(words(PIECE))
    refuse_to_stop(page, 409, "not_streaming")
    with page.expect_response(re.compile(r"/stream\?after_seq=0$")):
        page.get_by_role("button", name="Stop").click()
    expect(text_of(page)).to_have_text(words(PIECE))
    gate.set()
    ended(page)
    expect(text_of(page)).to_have_text(words(2 * PIECE))


def test_a_stop_that_fails_is_said_and_leaves_the_answer_as_it_is(open_page, api, model):
    model_id, _ = model
    page = open_page()
    begin(page, model_id)
    ask(page)
    expect(text_of(page)).to_have_text(words(PIECE))
    got: list[str] = []
    page.on("request", lambda request: got.append(request.url) if request.method == "GET" else None)
    refuse_to_stop(page, 503, "service_unavailable")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("That could not be done.").wait_for()
    expect(text_of(page)).to_have_text(words(PIECE))
    assert not [url for url in got if "/messages" in url]
    page.get_by_role("button", name="Stop").click()
    ended(page)
    assert messages(api, page)[-1]["status"] == "stopped"


def test_an_answer_that_may_not_be_followed_yet_is_asked_for_ever_less_often(open_page, model):
    model_id, gate = model
    page = open_page()
    begin(page, model_id)
    ask(page)
    expect(text_of(page)).to_have_text(words(PIECE))
    refused: list[str] = []
    error = {"code": "too_many_sockets", "message": "Too many at once.", "details": {}}

    def refuse(route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=429, json={"error": error})

    page.route("**/stream?after_seq=*", refuse)
    page.reload()
    page.wait_for_timeout(4000)
    assert 1 <= len(refused) <= 6
    page.unroute("**/stream?after_seq=*")
    gate.set()
    ended(page)
    expect(text_of(page)).to_have_text(words(2 * PIECE))


@pytest.mark.parametrize("size", SIZES)
def test_admins_are_told_whether_sockets_get_through(open_page, proxy, size):
    page = open_page(**SIZES[size])
    page.goto("/")
    expect(page.get_by_test_id("sockets-missing")).to_be_visible()
    expect(page.get_by_test_id("sockets-fine")).to_be_hidden()
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"sockets-missing-{size}.png")
    proxy.upgrades = True
    page.reload()
    expect(page.get_by_test_id("sockets-fine")).to_be_visible()
    expect(page.get_by_test_id("sockets-missing")).to_be_hidden()
    page.screenshot(path=ARTIFACTS / f"sockets-fine-{size}.png", full_page=True)
    wait_until(lambda: proxy.handshakes == 2, "tried once per visit")
