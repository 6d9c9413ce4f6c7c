"""The main job in a real browser: sign in, make a model, add a report and a table, ask, open the evidence."""

import os
import re
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import ARTIFACTS, CORPORA, EMAIL, PASSWORD, ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

REPORT = CORPORA / "pdfqa" / "company-reports" / "pdfs" / "BESTBUY_2023_10K.pdf"
TABLE = CORPORA / "csv" / "qs__adur-public-toilets.csv"
INGEST_MS = 180_000
ANSWER_MS = 90_000


@pytest.fixture
def page(product, browser):
    """A signed-in page that fails the test when anything is written to the console's error stream."""
    context = browser.new_context(base_url=product.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto("/signin")
    opened.get_by_label("E-mail").fill(EMAIL)
    opened.get_by_label("Password").fill(PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
    opened.wait_for_url("**/")
    yield opened
    ARTIFACTS.mkdir(exist_ok=True)
    opened.screenshot(path=ARTIFACTS / "last-page.png")
    context.close()
    assert complaints == []


def ask(page, question: str) -> None:
    page.get_by_test_id("connection-state").get_by_text("connected").wait_for()
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")


def wait_for_picture(page) -> None:
    """The cited page is drawn. (Polled: waiting in the page would need eval, which the policy forbids.)"""
    image = page.get_by_test_id("evidence-page")
    deadline = time.monotonic() + 30
    while image.evaluate("node => node.naturalWidth") < 300:
        assert time.monotonic() < deadline, "the page's picture did not load"
        time.sleep(0.1)


def last_answer(page):
    return page.get_by_test_id("answer").last


def wait_for_answer(page):
    """The finished answer: its buttons appear when the stream has ended."""
    answer = last_answer(page)
    answer.get_by_role("button", name="Copy").wait_for(timeout=ANSWER_MS)
    return answer


def test_from_an_empty_model_to_checked_answers_about_a_report_and_a_table(page):
    for file in (REPORT, TABLE):
        if not file.exists():
            pytest.skip(f"the shared corpora are not here: {file.name}")
    page.goto("/models/new")
    page.get_by_label("Name", exact=True).fill("Best Buy and Adur")
    page.get_by_role("button", name="Create the model").click()
    page.wait_for_url(re.compile(r"/models/\d+/"))
    model_id = re.search(r"/models/(\d+)", page.url).group(1)
    page.goto(f"/models/{model_id}/")
    page.get_by_test_id("file-input").set_input_files([REPORT, TABLE])
    for name in (REPORT.name, TABLE.name):
        row = page.get_by_role("row").filter(has_text=name)
        row.get_by_text("completed").wait_for(timeout=INGEST_MS)

    page.goto(f"/chat/?model={model_id}")
    ask(page, "When did Best Buy acquire Current Health?")
    answer = wait_for_answer(page)
    text = answer.get_by_test_id("answer-text").inner_text()
    assert "November 2, 2021" in text
    answer.get_by_role("button", name=re.compile("Source 1")).first.click()
    evidence = page.get_by_test_id("evidence")
    image = evidence.get_by_test_id("evidence-page")
    image.wait_for()
    wait_for_picture(page)
    assert REPORT.name in evidence.inner_text()
    assert re.search(r"page \d+", evidence.inner_text())

    ask(page, "What are the opening hours of the public conveniences at Yew Tree Close in Lancing?")
    answer = wait_for_answer(page)
    assert "09:00 - 21:00" in answer.inner_text()
    answer.get_by_role("button", name=re.compile(r"Source \d")).first.click()
    evidence.get_by_text("YEW TREE CLOSE").first.wait_for()
    assert re.search(r"row", evidence.inner_text())

    page.reload()
    page.get_by_test_id("answer").nth(1).wait_for()
    assert "November 2, 2021" in page.get_by_test_id("messages").inner_text()


def test_the_answer_of_the_built_in_llm_grows_on_the_page(page):
    page.goto("/")
    card = page.get_by_test_id("model-card").filter(has_text="toy LLM")
    if card.count() == 0:
        pytest.fail("the demo with the built-in LLM is missing on the overview")
    card.get_by_role("link").first.click()
    page.get_by_label("Your question").wait_for()
    page.evaluate(
        """() => {
            window.lengths = [];
            const seen = () => document.querySelector('[data-testid=answer-text]')?.textContent.length ?? 0;
            new MutationObserver(() => window.lengths.push(seen()))
              .observe(document.querySelector('[data-testid=messages]'),
                       {subtree: true, childList: true, characterData: true});
        }"""
    )
    ask(page, "How many days of annual leave do full-time staff have?")
    answer = wait_for_answer(page)
    assert len(answer.get_by_test_id("answer-text").inner_text()) > 10
    assert len({n for n in page.evaluate("window.lengths") if n > 0}) >= 4
    cards = answer.get_by_test_id("source-card")
    if answer.get_by_test_id("uncited").count():  # a toy may claim anything, on another processor otherwise
        assert answer.get_by_test_id("given-passages").count() == 1
        return
    cards.first.click()
    evidence = page.get_by_test_id("evidence")
    evidence.get_by_text(re.compile("staff-handbook.pdf|branches.csv")).first.wait_for()


def test_the_same_way_with_the_built_in_llm_ends_in_a_citation_or_in_a_plain_warning(page):
    if not TABLE.exists():
        pytest.skip(f"the shared corpora are not here: {TABLE.name}")
    page.goto("/models/new")
    page.get_by_label("Name", exact=True).fill("Adur, toy LLM")
    page.locator("label:has(input[value=builtin])").click()
    page.get_by_label("Longest answer").fill("64")
    page.get_by_role("button", name="Create the model").click()
    page.wait_for_url(re.compile(r"/models/\d+/"))
    model_id = re.search(r"/models/(\d+)", page.url).group(1)
    page.goto(f"/models/{model_id}/")
    page.get_by_test_id("file-input").set_input_files([TABLE])
    page.get_by_role("row").filter(has_text=TABLE.name).get_by_text("completed").wait_for(timeout=INGEST_MS)
    page.goto(f"/chat/?model={model_id}")
    ask(page, "What are the opening hours of the public conveniences at Yew Tree Close in Lancing?")
    answer = wait_for_answer(page)
    assert answer.get_by_test_id("answer-text").inner_text().strip()
    cards = answer.get_by_test_id("source-card")
    if answer.get_by_test_id("uncited").count():  # this model seldom cites; the answer does not pass unmarked
        assert answer.get_by_test_id("given-passages").count() == 1
        return
    cards.first.click()
    page.get_by_test_id("evidence").get_by_text(TABLE.name).first.wait_for()


def test_the_demo_answers_its_suggested_questions_right_and_cited(page, api):
    demo = next(m for m in api.get("/api/models").json()["results"] if m["suggested_questions"])
    expected = ["28 days", "135 euros", "Tomas Lind"]
    wait_until_completed(api, demo["id"])
    for question, words in zip(demo["suggested_questions"], expected, strict=True):
        page.goto(f"/chat/?model={demo['id']}")
        page.get_by_test_id("suggested-question").filter(has_text=question).click()
        answer = wait_for_answer(page)
        assert words in answer.get_by_test_id("answer-text").inner_text()
        assert answer.get_by_role("button", name=re.compile(r"Source \d")).count() >= 1
    keep = os.environ.get("UPDATE_IMAGES")  # the picture in the README; made anew when asked
    take_screenshot(page, (ROOT / "docs" / "images" if keep else ARTIFACTS) / "chat.png")


def take_screenshot(page, path: Path) -> None:
    """An answer with its evidence open."""
    page.goto(page.url)
    page.get_by_test_id("answer").first.wait_for()
    ask(page, "How much may a hotel cost per night?")
    wait_for_answer(page).get_by_role("button", name=re.compile(r"Source \d")).first.click()
    wait_for_picture(page)
    page.wait_for_timeout(400)
    page.screenshot(path=path)


def wait_until_completed(api, model_id: int) -> None:
    """The demo's documents are processed in the first seconds after the start."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        documents = api.get(f"/api/models/{model_id}/documents").json()["results"]
        if documents and all(document["status"] == "completed" for document in documents):
            return
        time.sleep(0.3)
    pytest.fail(f"the demo's documents were not completed: {documents}")
