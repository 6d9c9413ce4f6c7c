"""The chat page when its connection breaks, its session ends, or too many tabs are open."""

import json
import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.contracts.servers import words
from tests.e2e.conftest import ARTIFACTS, EMAIL, PASSWORD
from tests.e2e.people import PHONE, WIDE, new_model, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

QUESTION = "Who keeps the lighthouse of Verbatim Bay?"
PIECE = 12
KEEPER = b"The lighthouse of Verbatim Bay is kept by Ines Duarte.\n"


@pytest.fixture(scope="module")
def model_id(api) -> int:
    made = new_model(api, "Lighthouses")
    answer = api.post(f"/api/models/{made}/documents", files={"file": ("keepers.txt", KEEPER)})
    document = answer.json()["id"]
    wait_until(lambda: api.get(f"/api/documents/{document}").json()["status"] == "completed", "completed")
    return made


@pytest.fixture
def open_page(product, browser, superadmin_state):
    """A function: open a signed-in page of its own."""
    opened = []

    def make(**options):
        context = browser.new_context(
            base_url=product.url, storage_state=superadmin_state, **(options or WIDE)
        )
        context.set_default_timeout(20_000)
        opened.append(context)
        return context.new_page()

    yield make
    for context in opened:
        context.close()


def connected(page) -> None:
    page.get_by_test_id("connection-state").get_by_text("connected", exact=True).wait_for()


def ask(page, question: str = QUESTION) -> None:
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")


def questions(api, model_id: int) -> list[str]:
    found = api.get("/api/chat/history", params={"model_id": model_id, "page_size": 200}).json()["results"]
    return [message["content"] for message in found if message["role"] == "user"]


@pytest.mark.parametrize("arrives", [True, False])
def test_a_question_whose_connection_breaks_before_it_is_confirmed_is_asked_once(
    open_page, api, model_id, arrives
):
    page = open_page()
    asked: list[dict] = []
    question = f"{QUESTION} {'(arrived)' if arrives else '(lost)'}"

    def between(socket) -> None:
        server = socket.connect_to_server()

        def from_page(text) -> None:
            frame = json.loads(text)
            if frame["type"] != "chat":
                server.send(text)
                return
            asked.append(frame)
            if len(asked) > 1 or arrives:
                server.send(text)
            if len(asked) == 1:
                socket.close(code=4000)

        socket.on_message(from_page)

    page.route_web_socket(re.compile("/api/chat/ws"), between)
    page.goto(f"/chat/?model={model_id}")
    connected(page)
    ask(page, question)
    page.get_by_test_id("answer").get_by_role("button", name="Copy").wait_for()
    assert "Ines Duarte" in page.get_by_test_id("answer").inner_text()
    assert page.get_by_test_id("answer").count() == 1
    assert len(asked) == 2
    assert asked[0]["client_id"] == asked[1]["client_id"]
    assert questions(api, model_id).count(question) == 1
    assert re.search(r"/chat/[0-9a-f-]{36}/$", page.url)


def test_credentials_that_ran_out_while_the_session_is_good_cost_nothing(open_page, model_id):
    page = open_page()
    opened = []

    def between(socket) -> None:
        opened.append(socket)
        if len(opened) == 1:
            socket.close(code=4401)
        else:
            socket.connect_to_server()

    page.route_web_socket(re.compile("/api/chat/ws"), between)
    page.goto(f"/chat/?model={model_id}")
    connected(page)
    assert len(opened) == 2
    assert page.get_by_test_id("link-notice").is_hidden()


def test_credentials_that_run_out_in_mid_answer_cost_nothing(open_page, api, llm_server):
    name = f"gated-{PIECE}-{PIECE}-{secrets.token_hex(3)}"
    gate = llm_server.gate(name)
    body = {"name": name, "llm_provider": "custom", "llm_base_url": f"{llm_server.url}/v1"}
    made = api.post("/api/models", json=body | {"llm_model_name": name, "answer_mode": "assist"}).json()
    page = open_page()
    said: list[dict] = []
    heard: list[list[dict]] = []
    sockets = []

    def between(socket) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)
        heard.append([])
        frames = heard[-1]

        def from_page(text) -> None:
            said.append(json.loads(text))
            server.send(text)

        def from_server(text) -> None:
            frames.append(json.loads(text))
            socket.send(text)

        socket.on_message(from_page)
        server.on_message(from_server)

    page.route_web_socket(re.compile("/api/chat/ws"), between)
    page.goto(f"/chat/?model={made['id']}")
    connected(page)
    ask(page)
    text = page.get_by_test_id("answer-text")
    expect(text).to_have_text(words(PIECE))
    asked_who: list[str] = []
    page.on("request", lambda request: asked_who.append(request.url.rpartition("/api/")[2]))
    sockets[0].close(code=4401)
    wait_until(lambda: len(sockets) == 2, "not connected again", page=page)
    connected(page)
    assert asked_who[0] == "auth/me"
    expect(text).to_have_text(words(PIECE))  # nothing of it is shown twice
    gate.set()
    page.get_by_test_id("answer").get_by_role("button", name="Copy").wait_for()
    expect(text).to_have_text(words(2 * PIECE))
    assert page.get_by_test_id("link-notice").is_hidden()
    assert page.get_by_test_id("answer").count() == page.get_by_test_id("question").count() == 1
    [resumed] = [frame for frame in said if frame["type"] == "resume"]
    assert [frame["type"] for frame in said if frame["type"] != "ping"] == ["chat", "resume"]
    last = max(frame["seq"] for frame in heard[0] if "seq" in frame)
    assert (resumed["message_id"], resumed["after_seq"]) == (heard[0][0]["message_id"], last)
    assert min(frame["seq"] for frame in heard[1] if "seq" in frame) == last + 1
    api.delete(f"/api/models/{made['id']}").raise_for_status()


def test_only_what_refuses_a_stop_is_taken_for_its_refusal(open_page, api, llm_server):
    name = f"gated-{PIECE}-{PIECE}-{secrets.token_hex(3)}"
    llm_server.gate(name)
    body = {"name": name, "llm_provider": "custom", "llm_base_url": f"{llm_server.url}/v1"}
    made = api.post("/api/models", json=body | {"llm_model_name": name, "answer_mode": "assist"}).json()
    page = open_page()
    said: list[dict] = []
    sockets = []
    refusals: list[dict] = []  # of the stops to come, one each

    def between(socket) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def from_page(text) -> None:
            frame = json.loads(text)
            said.append(frame)
            if frame["type"] == "stop" and refusals:
                socket.send(json.dumps(failure(frame["message_id"]) | refusals.pop()))
            else:
                server.send(text)

        socket.on_message(from_page)

    def failure(message_id: int) -> dict:
        error = {"code": "service_unavailable", "message": "That could not be done.", "retryable": True}
        return {"type": "error", "message_id": message_id} | error

    page.route_web_socket(re.compile("/api/chat/ws"), between)
    page.goto(f"/chat/?model={made['id']}")
    connected(page)
    ask(page)
    text = page.get_by_test_id("answer-text")
    expect(text).to_have_text(words(PIECE))
    refusals.append({"refused": "stop"})
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("That could not be done.").wait_for()
    assert [frame["type"] for frame in said if frame["type"] != "ping"] == ["chat", "stop"]
    refusals.append({})  # the stop was accepted, then reading the answer failed
    with page.expect_response(re.compile("/messages")):
        page.get_by_role("button", name="Stop").click()
    wait_until(lambda: said[-1]["type"] == "resume", "not read on", page=page)
    expect(text).to_have_text(words(PIECE))
    page.get_by_role("button", name="Stop").click()
    page.get_by_test_id("answer").get_by_role("button", name="Copy").wait_for()
    session = page.url.rstrip("/").rpartition("/")[2]
    stored = api.get(f"/api/chat/sessions/{session}/messages").json()["results"]
    assert stored[-1]["status"] == "stopped"
    api.delete(f"/api/models/{made['id']}").raise_for_status()


def test_reasoning_that_came_as_text_is_gone_as_soon_as_that_is_known(open_page, api, llm_server):
    body = {"name": "Half a thought", "llm_provider": "custom", "llm_base_url": f"{llm_server.url}/v1"}
    made = api.post(
        "/api/models", json=body | {"llm_model_name": "half-think", "answer_mode": "assist"}
    ).json()
    page = open_page()
    arrived: list[dict] = []
    sockets = []

    def between(socket) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def from_server(text) -> None:
            frame = json.loads(text)
            if "seq" in frame:
                arrived.append(frame)  # the test lets it go on
            else:
                socket.send(text)

        server.on_message(from_server)

    def let_through(until) -> None:
        while arrived and not until(arrived[0]):
            sockets[0].send(json.dumps(arrived.pop(0)))

    page.route_web_socket(re.compile("/api/chat/ws"), between)
    page.goto(f"/chat/?model={made['id']}")
    connected(page)
    ask(page)
    wait_until(lambda: arrived and arrived[-1]["type"] == "message_saved", "not answered", page=page)
    text = page.get_by_test_id("answer-text")
    let_through(lambda frame: frame.get("reset"))
    expect(text).to_contain_text("Let me")
    let_through(lambda frame: frame["type"] == "stream_chunk")
    expect(text).to_have_text("")
    page.get_by_text("The language model is thinking").wait_for()
    let_through(lambda frame: frame["type"] == "stream_end")
    expect(text).to_contain_text("The office opens at nine")
    expect(text).not_to_contain_text("Let me")
    expect(page.get_by_text("The language model is thinking")).to_be_hidden()
    let_through(lambda frame: False)
    page.get_by_test_id("answer").get_by_role("button", name="Copy").wait_for()
    expect(text).to_contain_text("The office opens at nine")
    api.delete(f"/api/models/{made['id']}").raise_for_status()


def test_who_was_signed_out_is_told_and_comes_back_to_his_chat_and_his_draft(product, browser, model_id):
    context = browser.new_context(base_url=product.url, **WIDE)
    page = context.new_page()
    sign_in_here(page, "/signin")
    page.wait_for_url("**/")
    page.goto(f"/chat/?model={model_id}")
    connected(page)
    ask(page)
    page.get_by_test_id("answer").get_by_role("button", name="Copy").wait_for()
    chat = page.url
    page.get_by_label("Your question").fill("And since when")
    other = context.new_page()
    other.goto("/")
    other.evaluate(
        """() => fetch("/signout", {method: "POST", headers: {"X-CSRFToken":
            document.cookie.split("; ").find((one) => one.startsWith("csrftoken=")).slice(10)}})"""
    )
    notice = page.get_by_test_id("link-notice")
    notice.get_by_text("You have been signed out.").wait_for()
    assert page.get_by_label("Your question").input_value() == "And since when"
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "signed-out-wide.png")
    notice.get_by_role("link", name="Sign in").click()
    sign_in_here(page)
    page.wait_for_url(chat)
    connected(page)
    assert page.get_by_label("Your question").input_value() == "And since when"
    assert "Ines Duarte" in page.get_by_test_id("answer").inner_text()
    context.close()


def sign_in_here(page, path: str = "") -> None:
    if path:
        page.goto(path)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("options", [WIDE, PHONE | {"color_scheme": "dark"}], ids=["wide", "phone"])
def test_too_many_tabs_are_said_and_tried_again_only_when_asked(open_page, model_id, options):
    page = open_page(**options)
    opened = []

    def between(socket) -> None:
        opened.append(socket)
        if len(opened) == 1:
            socket.close(code=4429)
        else:
            socket.connect_to_server()

    page.route_web_socket(re.compile("/api/chat/ws"), between)
    page.goto(f"/chat/?model={model_id}")
    notice = page.get_by_test_id("link-notice")
    notice.get_by_text("too many tabs").wait_for()
    page.wait_for_timeout(1500)  # longer than the first retry of a lost connection
    assert len(opened) == 1
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"too-many-tabs-{options['viewport']['width']}.png")
    notice.get_by_role("button", name="Try again").click()
    connected(page)
    assert notice.is_hidden()
