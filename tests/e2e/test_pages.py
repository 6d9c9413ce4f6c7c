"""Every page in a real browser: narrow screens, a clean console, and the keyboard alone."""

import re
import time

import pytest

from tests.e2e.conftest import EMAIL, PASSWORD
from tests.e2e.test_journey import ANSWER_MS, wait_for_answer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WIDE = {"viewport": {"width": 1440, "height": 900}}
USER_PASSWORD = "four unrelated words here"
LONG_NAME = "Maximiliane-Wilhelmine-von-und-zu-Oberschleissheim-Hinterwald"
LONG_ADDRESS = f"a.person.whose.address.is.longer.than.any.phone.is.wide@{'sub.' * 12}example.com"
QUESTION = "How many days of annual leave do full-time staff have?"
FOR_ALL = ("/", "/chat/", "/models/1/", "/models/1/try", "/documents/1/", "/account", "/api/docs/")
FOR_ADMINS = (
    "/models/",
    "/models/new",
    "/models/1/access",
    "/models/1/evaluate",
    "/models/1/settings",
    "/users/",
    "/groups/",
)


@pytest.fixture(scope="module")
def accounts(api):
    """Sign-ins by role; the user has the first demo model, and a name and an address wider than a phone."""
    made = api.post(
        "/api/users", json={"email": LONG_ADDRESS, "full_name": LONG_NAME, "password": USER_PASSWORD}
    )
    assert made.status_code == 201, made.text
    group = api.post("/api/groups", json={"name": LONG_NAME, "user_ids": [made.json()["id"]]})
    given = api.post("/api/models/1/users", json={"user_ids": [], "group_ids": [group.json()["id"]]})
    assert given.status_code == 200, given.text
    deadline = time.monotonic() + 120
    while api.get("/api/documents/1").json()["status"] != "completed":
        assert time.monotonic() < deadline, "the demo's document was not read"
        time.sleep(0.5)
    return {"superadmin": (EMAIL, PASSWORD), "user": (LONG_ADDRESS, USER_PASSWORD)}


@pytest.fixture
def open_page(product, browser, accounts):
    """A function: role, context options -> a signed-in page, with everything its console complained about."""
    contexts = []

    def make(role: str, options: dict) -> tuple:
        context = browser.new_context(base_url=product.url, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        complaints: list[str] = []
        page.on(
            "console", lambda m: complaints.append(f"{page.url}: {m.text}") if m.type == "error" else None
        )
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.goto("/signin")
        email, password = accounts[role]
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        return page, complaints

    yield make
    for context in contexts:
        context.close()


@pytest.mark.parametrize("role", ["superadmin", "user"])
def test_no_page_scrolls_sideways_on_a_phone_or_complains_in_the_console(open_page, role):
    page, complaints = open_page(role, PHONE)
    for path in FOR_ALL + (FOR_ADMINS if role == "superadmin" else ()):
        page.goto(path)
        page.locator(".loading-words").first.wait_for(state="detached")
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{path} is {wider} px wider than the screen"
    assert complaints == []


def test_on_a_phone_the_open_drawer_holds_the_focus_and_gives_it_back(open_page):
    page, _ = open_page("user", PHONE)
    opener = page.get_by_role("button", name="Open the navigation")
    opener.click()
    inside = "document.getElementById('nav').contains(document.activeElement)"
    assert page.evaluate(inside)
    assert page.evaluate("document.getElementById('main').inert")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.hasAttribute('data-drawer')")
    assert not page.evaluate("document.getElementById('main').inert")


def test_a_question_is_asked_and_its_citation_opened_and_closed_with_the_keyboard_alone(open_page):
    page, complaints = open_page("user", WIDE)
    page.goto("/chat/?model=1")
    page.get_by_test_id("connection-state").get_by_text("connected").wait_for()
    page.keyboard.type(QUESTION)  # the box has the focus from the start
    page.keyboard.press("Enter")
    answer = wait_for_answer(page)
    evidence = page.get_by_test_id("evidence")
    evidence.wait_for(timeout=ANSWER_MS)
    page.keyboard.press("Escape")
    evidence.wait_for(state="hidden")
    name = "document.activeElement.getAttribute('aria-label') ?? ''"
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if re.match(r"Source \d", page.evaluate(name)):
            break
    cited = page.evaluate(name)
    assert re.match(r"Source \d", cited), "no citation could be reached from the box"
    page.keyboard.press("Enter")
    evidence.wait_for()
    page.keyboard.press("Escape")
    evidence.wait_for(state="hidden")
    assert page.evaluate(name) == cited, "the focus goes back to the citation"
    assert answer.is_visible()
    assert complaints == []


def test_a_question_typed_before_the_modules_have_loaded_is_kept(open_page):
    page, _ = open_page("user", WIDE)
    held = []
    page.route(re.compile(r"/js/(pages|components|lib)/"), lambda route: held.append(route))
    page.goto("/chat/?model=1", wait_until="commit")
    page.get_by_label("Your question").fill(QUESTION)
    page.get_by_label("Your question").press("Enter")
    assert page.get_by_role("button", name="Ask", exact=True).is_disabled()
    assert page.get_by_label("Your question").input_value().strip() == QUESTION
    assert held, "the modules were to be held back"
