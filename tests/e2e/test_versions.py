"""Going back in a conversation in the browser: edit, regenerate, continue, choose; also on a phone."""

import re

import pytest

from tests.e2e.people import PHONE, WIDE, wait_until
from tests.e2e.saying import SayingLLM
from tests.e2e.test_journey import ask, wait_for_answer
from tests.e2e.test_reader import handbook, status

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SAYS = {
    "annual leave": "Full-time staff have 27 days of annual leave [1].",
    "hotel": "A hotel may cost at most 120 euros per night [1].",
    "sick leave": "A certificate is needed from the fourth day [1], and…",
    "cut off": "and it is handed to the line manager.",
}


@pytest.fixture(scope="module")
def llm():
    saying = SayingLLM()
    saying.says = SAYS
    yield saying
    saying.stop()


@pytest.fixture(scope="module")
def model(api, llm) -> int:
    body = {
        "name": "Versions of a chat",
        "answer_mode": "strict",
        "llm_provider": "custom",
        "api_key": "none",
    }
    made = api.post("/api/models", json=body | {"llm_model_name": "saying", "llm_base_url": llm.url})
    assert made.status_code == 201, made.text
    ((name, content),) = handbook().items()
    sent = api.post(f"/api/models/{made.json()['id']}/documents", files={"file": (name, content)})
    wait_until(lambda: status(api, sent.json()["id"]) == "completed", "not read")
    return made.json()["id"]


@pytest.fixture
def open_page(product, browser, superadmin_state):
    """A function: size -> a page of a context of its own; nothing may complain in its console."""
    contexts, complaints = [], []

    def opened(size=WIDE):
        context = browser.new_context(base_url=product.url, storage_state=superadmin_state, **size)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def answered(page, question: str):
    ask(page, question)
    page.get_by_test_id("question").filter(has_text=question).last.wait_for()
    return wait_for_answer(page)


def said(page) -> list[str]:
    """The questions that are shown."""
    return [node.inner_text() for node in page.get_by_test_id("question").all()]


def edit(page, question: str):
    """Open the box of a question."""
    asked = page.locator(".asked").filter(has=page.get_by_test_id("question").filter(has_text=question))
    asked.get_by_role("button", name="Edit this question").click()
    return page.get_by_label("The question in other words")


def test_a_question_is_edited_by_keys_and_its_versions_are_turned_over(open_page, model):
    page = open_page()
    page.goto(f"/chat/?model={model}")
    answered(page, "How much may a hotel cost?")
    answered(page, "How many days of annual leave do I get?")
    box = edit(page, "How much may a hotel cost?")
    assert box.input_value() == "How much may a hotel cost?"
    box.fill("What about sick leave?")
    page.keyboard.press("Escape")
    assert said(page)[0] == "How much may a hotel cost?"
    page.keyboard.press("Enter")  # the focus is back on the button, and what was typed is kept
    assert box.input_value() == "What about sick leave?"
    page.keyboard.press("Control+Enter")
    page.get_by_text("A certificate is needed").wait_for()
    wait_for_answer(page)
    assert said(page) == ["What about sick leave?"]
    versions = page.get_by_role("group", name="Versions of the question: 2 of 2")
    versions.get_by_role("button", name="Previous version").press("Enter")
    page.get_by_text("27 days of annual leave").wait_for()
    assert said(page) == ["How much may a hotel cost?", "How many days of annual leave do I get?"]
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "Next version of the question; 1 of 2 is shown"
    page.reload()
    page.get_by_text("27 days of annual leave").wait_for()
    elsewhere = open_page(PHONE)
    elsewhere.goto(page.url)
    elsewhere.get_by_text("27 days of annual leave").wait_for()
    page.get_by_role("button", name="Next version of the question").click()
    page.get_by_text("A certificate is needed").wait_for()
    elsewhere.get_by_text("A certificate is needed").wait_for()  # the other device is told


def test_an_answer_in_the_middle_is_regenerated_and_the_rest_comes_back(open_page, model):
    page = open_page()
    page.goto(f"/chat/?model={model}")
    answered(page, "How much may a hotel cost?")
    answered(page, "How many days of annual leave do I get?")
    first = page.get_by_test_id("answer").first
    first.get_by_role("button", name="Regenerate").click()
    page.get_by_role("group", name="Versions of the answer: 2 of 2").wait_for()
    assert said(page) == ["How much may a hotel cost?"]
    page.get_by_role("button", name="Previous version of the answer").click()
    page.get_by_text("27 days of annual leave").wait_for()
    assert len(said(page)) == 2


def test_an_answer_that_was_cut_goes_on(open_page, model, llm):
    page = open_page(PHONE)
    page.goto(f"/chat/?model={model}")
    answer = answered(page, "What about sick leave?")
    answer.get_by_text("reached its length limit").wait_for()
    answer.get_by_role("button", name="Continue this answer").click()
    page.get_by_text("handed to the line manager").wait_for()
    answer = wait_for_answer(page)
    text = re.sub(r"\s+", " ", answer.get_by_test_id("answer-text").inner_text())
    assert "fourth day" in text
    assert text.count("and it is handed") == 1
    assert "and and" not in text
    assert page.get_by_role("button", name="Continue this answer").count() == 0
    assert page.get_by_test_id("branch").count() == 0
    page.reload()
    page.get_by_text("handed to the line manager").wait_for()
    assert page.get_by_test_id("answer").count() == 1
    page.get_by_role("button", name="Why this answer").click()
    page.get_by_test_id("trace").get_by_text("from the same passages").wait_for()


def test_going_on_that_brings_nothing_says_so(open_page, model, llm):
    page = open_page()
    page.goto(f"/chat/?model={model}")
    answer = answered(page, "What about sick leave?")
    llm.says = SAYS | {"cut off": SAYS["sick leave"]}  # it repeats itself: that is left out
    try:
        answer.get_by_role("button", name="Continue this answer").click()
        page.get_by_text("The language model had nothing to add.").first.wait_for()
    finally:
        llm.says = SAYS
    assert page.get_by_test_id("answer").count() == 1


def test_while_an_answer_is_written_nothing_above_it_can_be_changed(open_page, model, llm):
    page = open_page()
    page.goto(f"/chat/?model={model}")
    answered(page, "How much may a hotel cost?")
    with llm.held():
        ask(page, "How many days of annual leave do I get?")
        page.get_by_test_id("question").nth(1).wait_for()
        for name in ("Edit this question", "Regenerate"):
            assert page.get_by_role("button", name=name).first.is_disabled()
    wait_for_answer(page)
    assert page.get_by_role("button", name="Edit this question").first.is_enabled()


def test_two_tabs_that_edit_at_once_lose_neither_words_nor_history(open_page, model, llm):
    one = open_page()
    one.goto(f"/chat/?model={model}")
    answered(one, "How much may a hotel cost?")
    two = open_page()
    two.goto(one.url)
    two.get_by_text("at most 120 euros").wait_for()
    mine, other = edit(one, "How much may a hotel cost?"), edit(two, "How much may a hotel cost?")
    mine.fill("How many days of annual leave do I get?")
    other.fill("What about sick leave?")
    with llm.held():
        one.get_by_role("button", name="Ask anew").click()
        one.get_by_test_id("question").filter(has_text="annual leave").wait_for()
        two.get_by_test_id("question").filter(has_text="annual leave").wait_for()  # it shows what is stored
    one.get_by_text("27 days of annual leave").wait_for()
    wait_for_answer(two)
    two.get_by_role("button", name="Previous version of the question").click()
    assert two.get_by_label("The question in other words").input_value() == "What about sick leave?"
    two.get_by_role("button", name="Ask anew").click()
    two.get_by_role("group", name="Versions of the question: 3 of 3").wait_for()
