"""Test questions in a real browser: written, imported, run, read, compared."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.people import PHONE, WIDE, document_named, new_model, wait_until
from tests.e2e.test_journey import ask, wait_for_answer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TEXT = "The lamp of the lighthouse burned whale oil until 1871. Its keeper was called Ingeborg Thal.\n"
QUESTION = "Until when did the lamp burn whale oil?"
NOWHERE = "Who won the football world cup of 1954?"
FILE = (
    "question,answerable,document,page,passage\n"
    f"{NOWHERE},no,,,\n"
    "What was the keeper of the lighthouse called?,yes,lighthouse.txt,,Ingeborg Thal\n"
    "Where to?,,,,\n"
)


@pytest.fixture(scope="module")
def model(api) -> int:
    """A model with one small document that has been read."""
    made = new_model(api, "Lighthouse questions")
    sent = api.post(f"/api/models/{made}/documents", files={"file": ("lighthouse.txt", TEXT.encode())})
    assert sent.status_code == 201, sent.text
    wait_until(lambda: document_named(api, made, "lighthouse.txt")["status"] == "completed", "not read")
    return made


@pytest.fixture
def open_page(product, browser, superadmin_state):
    """A function: context options -> a page of the superadmin, and what its console complained about."""
    contexts = []

    def make(options: dict) -> tuple:
        context = browser.new_context(base_url=product.url, storage_state=superadmin_state, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page, complaints

    yield make
    for context in contexts:
        context.close()


def write_question(page) -> None:
    """By the dialog: first without an expectation, which is refused beside its field."""
    page.get_by_role("button", name="Add a question").click()
    dialog = page.get_by_test_id("question-dialog")
    dialog.get_by_label("Question", exact=True).fill(QUESTION)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Say where the answer stands")).to_be_visible()
    dialog.get_by_label("Document", exact=True).fill("Lighthouse.txt")
    dialog.get_by_label("Words of the passage").fill("whale oil until 1871")
    dialog.get_by_role("button", name="Add another place").click()
    second = dialog.get_by_role("group", name="Place 2")
    expect(second.get_by_label("Document", exact=True)).to_be_focused()
    second.get_by_label("Document", exact=True).fill("no such.pdf")
    dialog.get_by_role("button", name="Save").click()
    expect(second.get_by_text("The model has no document of this name.")).to_be_visible()
    expect(second.get_by_label("Document", exact=True)).to_be_focused()
    second.get_by_label("Document", exact=True).fill("lighthouse.txt")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()


def run_all(page, label: str):
    """Begin a run and wait for its end; its row."""
    page.get_by_label("Name of the run").fill(label)
    page.get_by_role("button", name="Run all 3 questions").click()
    row = page.get_by_test_id("evaluation-run").filter(has_text=label)
    expect(row.get_by_text("done")).to_be_visible(timeout=60_000)
    return row


def test_questions_are_written_imported_run_and_two_runs_compared(open_page, model):
    page, complaints = open_page(WIDE)
    page.goto(f"/models/{model}/evaluate")
    expect(page.get_by_text("No test questions yet")).to_be_visible()
    expect(page.get_by_role("button", name="Run all questions")).to_be_disabled()
    write_question(page)
    assert all("400" in one for one in complaints), complaints  # the browser tells of the refusal itself
    complaints.clear()
    questions = page.get_by_test_id("test-question")
    expect(questions).to_have_count(1)
    places = questions.get_by_role("list", name="Any of these places").get_by_role("listitem")
    expect(places).to_have_count(2)
    expect(places.first.get_by_role("link", name="lighthouse.txt")).to_be_visible()
    page.locator("#import-file").set_input_files(
        {"name": "questions.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    )
    told = page.get_by_test_id("import-result")
    expect(told).to_contain_text("2 added, 1 refused")
    expect(told).to_contain_text("Line 4: Say where the answer stands")
    expect(questions).to_have_count(3)

    row = run_all(page, "As it is")
    expect(row).to_contain_text("1.000")
    page.get_by_role("button", name=f"Edit: {QUESTION}").click()
    dialog = page.get_by_test_id("question-dialog")
    dialog.get_by_role("button", name="Remove this place").last.click()
    dialog.get_by_label("Words of the passage").fill("town gas since 1902")
    dialog.get_by_role("button", name="Save").click()
    expect(questions.filter(has_text="town gas")).to_have_count(1)
    page.get_by_label("Passages").fill("1")
    page.get_by_label("Least similarity").fill("1")
    page.get_by_label("Have the answers written and checked, too").check()
    run_all(page, "Other words")

    row.get_by_role("link", name="As it is").click()
    expect(page).to_have_url(re.compile(r"\?run=\d+$"))
    expect(page.get_by_test_id("measures")).to_contain_text("Recall@5")
    results = page.get_by_test_id("result")
    expect(results).to_have_count(3)
    expect(results.filter(has_text=NOWHERE).get_by_text("refused", exact=True)).to_be_visible()
    found = results.filter(has_text=QUESTION)
    expect(found.get_by_text("rank 1")).to_be_visible()
    found.get_by_text("All that was found").click()
    expect(found.locator("li.fits")).to_contain_text("whale oil")
    page.get_by_role("button", name="Wrong").click()
    expect(page.get_by_text("No question of this kind.")).to_be_visible()

    page.go_back()
    page.get_by_label("Choose As it is").check()
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    page.get_by_label("Choose Other words").check()
    page.get_by_role("button", name="Compare").click()
    sides = page.get_by_test_id("sides")
    expect(sides.get_by_role("row").filter(has_text="least similarity")).to_contain_text("0.31")
    worse = page.get_by_role("button", name=re.compile("^Worse"))
    worse.click()
    pairs = page.get_by_test_id("pair")
    expect(pairs.filter(has_text=QUESTION)).to_contain_text("worse")
    expect(pairs.filter(has_text=NOWHERE)).to_have_count(0)
    assert complaints == []


def test_a_tried_and_an_asked_question_are_kept(open_page, api):
    """From the retrieval preview first, then from an answer's trace: the second adds nothing to the first."""
    own = new_model(api, "Kept questions")
    api.post(f"/api/models/{own}/documents", files={"file": ("lighthouse.txt", TEXT.encode())})
    wait_until(lambda: document_named(api, own, "lighthouse.txt")["status"] == "completed", "not read")
    page, complaints = open_page(WIDE)
    page.goto(f"/models/{own}/try?question={QUESTION}")
    page.get_by_role("button", name="Keep as a test question").click()
    dialog = page.get_by_test_id("keep-dialog")
    expect(dialog.get_by_label("Question", exact=True)).to_have_value(QUESTION)
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Tick the passages")
    dialog.get_by_label("lighthouse.txt").check()
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("Kept as a test question.")).to_be_visible()
    page.get_by_role("link", name="Evaluate").click()
    expect(page.get_by_test_id("test-question")).to_contain_text("whale oil")

    page.goto(f"/chat/?model={own}")
    ask(page, QUESTION)
    wait_for_answer(page)
    page.get_by_role("button", name="Why this answer").click()
    page.get_by_test_id("trace").get_by_role("button", name="Keep as a test question").click()
    expect(dialog.get_by_label("lighthouse.txt")).to_be_checked()
    dialog.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("It was kept already, just like this.")).to_be_visible()
    assert complaints == []


def test_a_run_goes_on_after_a_reload_and_its_questions_have_a_second_page(open_page, api, model):
    lines = "question,passage\n" + "".join(f"Question number {n}?,whale oil\n" for n in range(30))
    sent = api.post(
        f"/api/models/{model}/evaluation/questions/import", files={"file": ("q.csv", lines.encode())}
    )
    assert sent.status_code == 200, sent.text
    page, complaints = open_page(PHONE)
    page.goto(f"/models/{model}/evaluate")
    pager = page.locator("#questions-pager")
    pager.get_by_role("button", name="Next").click()
    expect(pager).to_contain_text(re.compile(r"26–\d+ of 3\d"))
    page.get_by_label("Find a question").fill("number 29")
    expect(page.get_by_test_id("test-question")).to_have_count(1)
    page.get_by_label("Name of the run").fill("Reloaded")
    page.get_by_role("button", name=re.compile(r"Run all 3\d questions")).click()
    page.get_by_test_id("evaluation-run").filter(has_text="Reloaded").wait_for()
    page.reload()
    row = page.get_by_test_id("evaluation-run").filter(has_text="Reloaded")
    expect(row.get_by_text("done")).to_be_visible(timeout=60_000)
    row.get_by_role("link", name="Reloaded").click()
    page.get_by_test_id("measures").wait_for()
    for query in ("", page.url.partition("?")[2]):
        page.goto(f"/models/{model}/evaluate?{query}")
        page.locator(".loading-words").first.wait_for(state="detached")
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0
    assert complaints == []
