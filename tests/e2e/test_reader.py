"""What a reader does with an answer in a real browser: check it, see where it comes from and why it is so."""

import re

import pytest
from playwright.sync_api import expect

from tests.documents.files import make_pdf
from tests.documents.pdf_files import scanned
from tests.e2e.conftest import ROOT
from tests.e2e.people import PHONE, WIDE, wait_until
from tests.e2e.saying import SayingLLM
from tests.e2e.test_journey import ask, wait_for_answer, wait_for_picture

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DEMO = ROOT / "chat" / "demo_documents"
PRICES = b"item,price,unit\nrope; thick,12,metre\nanchor,250,piece\nbuoy,40,piece\n"
LOG = "Log of the lighthouse.\n\nThe lamp was cleaned.\n\nThe keeper Adele Quist fell ill in the spring."
SAYS = {
    "annual leave do full-time": "Full-time staff have 28 days of annual leave a year [1]. "
    "They may carry over nine [1].",
    "hotel cost per night?": "A hotel may cost up to 135 euros per night, breakfast included [1].",
    "capital cities": "In capital cities the limit is 170 euros per night [1].",
    "anchor": "An anchor costs 250 per piece [1].",
    "keeper": "The keeper Adele Quist fell ill in the spring [1].",
    "spring fair": "The spring fair opens on 4 May at the old market hall [1].",
    "lost property": "Lost property is kept for eight weeks at the front desk.",
    "tallest mountain": "Mount Everest in the Himalayas is the tallest mountain on Earth.",
    "row of the table": "Use `row[1]` of the [rules 1](https://e.example/1): staff have 28 days of annual"
    " leave [1]. The call `row[2]` is nine [1].",
    "sick leave": "A certificate is needed from the fourth day of an absence [1]. "
    "In most countries employers also keep a copy of such certificates for decades.",
}


@pytest.fixture(scope="module")
def llm():
    saying = SayingLLM()
    saying.says = SAYS
    yield saying
    saying.stop()


@pytest.fixture(scope="module")
def make_model(api, llm):
    """A function: name, mode, files -> the model's id and its documents' ids by name."""

    def make(name: str, mode: str, files: dict[str, bytes]) -> tuple[int, dict[str, int]]:
        body = {"name": name, "answer_mode": mode, "llm_provider": "custom", "api_key": "none"}
        made = api.post("/api/models", json=body | {"llm_model_name": "saying", "llm_base_url": llm.url})
        assert made.status_code == 201, made.text
        model, ids = made.json()["id"], {}
        for file, content in files.items():
            sent = api.post(f"/api/models/{model}/documents", files={"file": (file, content)})
            ids[file] = sent.json()["id"]
        wait_until(lambda: all(status(api, one) == "completed" for one in ids.values()), "not read")
        return model, ids

    return make


def status(api, document: int) -> str:
    return api.get(f"/api/documents/{document}").json()["status"]


def handbook() -> dict[str, bytes]:
    return {"staff-handbook.pdf": (DEMO / "staff-handbook.pdf").read_bytes()}


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained about; a test clears what it expects."""
    return []


@pytest.fixture
def page(product, browser, superadmin_state, complaints):
    context = browser.new_context(base_url=product.url, storage_state=superadmin_state, **WIDE)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def answered(page, question: str):
    ask(page, question)
    page.get_by_test_id("question").filter(has_text=question).last.wait_for()
    return wait_for_answer(page)


def test_a_follow_up_shows_what_was_searched_for_and_its_trace_tells_why(page, make_model):
    model, _ = make_model("Followed", "strict", handbook())
    page.goto(f"/chat/?model={model}")
    first = answered(page, "How much may a hotel cost per night?")
    assert not first.get_by_test_id("searched-for").is_visible()
    answer = answered(page, "And in capital cities?")
    searched = "Searched for: How much may a hotel cost per night in capital cities?"
    assert answer.get_by_test_id("searched-for").inner_text() == searched
    answer.get_by_role("button", name="Why this answer").click()
    trace = page.get_by_test_id("trace")
    trace.get_by_text("How much may a hotel cost per night in capital cities?", exact=True).wait_for()
    assert trace.get_by_test_id("candidate").filter(has_text="used").count() >= 1
    words = trace.inner_text()
    for piece in ("not similar enough", "question to vector", "until the first word", "nothing was left out"):
        assert piece in words, piece
    page.keyboard.press("Escape")
    page.reload()
    page.get_by_text(searched).wait_for()


def test_an_unsupported_sentence_is_underlined_and_tells_why_to_the_finger_and_to_the_ear(page, make_model):
    model, _ = make_model("Doubted", "strict", handbook())
    page.goto(f"/chat/?model={model}")
    for answer in (answered(page, "How many days of annual leave do full-time staff have?"), None):
        if answer is None:  # the same after a reload, from what is stored
            page.reload()
            answer = page.get_by_test_id("answer").last
        marked = answer.get_by_test_id("answer-text").locator(".unsupported-text")
        marked.first.wait_for()
        assert "They may carry over nine" in " ".join(marked.all_inner_texts())
        assert "28 days" not in " ".join(marked.all_inner_texts())
        cites = answer.get_by_test_id("answer-text").locator(".cite")
        doubted = [
            cite.get_attribute("aria-label").endswith("not supported by the passage") for cite in cites.all()
        ]
        assert doubted == [False, True]  # of the same source
        why = answer.get_by_role("button", name="This sentence is not supported by its passage. Why?")
        assert why.get_attribute("aria-expanded") == "false"
        why.press("Enter")
        assert why.get_attribute("aria-expanded") == "true"
        note = page.locator(f"#{why.get_attribute('aria-controls')}")
        assert note.is_visible()
        assert "Not supported." in note.inner_text()
        assert answer.get_by_test_id("unsupported").is_visible()
    answer.get_by_role("button", name="Why this answer").click()
    page.get_by_test_id("trace-sentences").get_by_text("not supported").wait_for()


def test_code_and_links_cite_nothing_and_a_sentence_with_them_is_underlined(page, make_model):
    model, _ = make_model("With code", "strict", handbook())
    page.goto(f"/chat/?model={model}")
    answer = answered(page, "Which row of the table tells the days of annual leave?")
    text = answer.get_by_test_id("answer-text")
    assert text.locator(".cite").all_inner_texts() == ["1", "1"]
    assert text.locator("code").all_inner_texts() == ["row[1]", "row[2]"]
    marked = "".join(text.locator(".unsupported-text").all_inner_texts())
    assert marked.endswith("is nine")
    assert "row[2" in marked


def test_pages_rows_and_lines_are_shown_and_what_became_of_their_documents(api, page, make_model):
    flyer = make_pdf(
        ["The spring fair opens on 4 May at the old market hall.", "Second page.", "Third page."]
    )
    files = {"flyer.pdf": flyer, "prices.csv": PRICES, "log.txt": LOG.encode()}
    model, ids = make_model("Shown", "strict", files)
    page.goto(f"/chat/?model={model}")
    evidence = page.get_by_test_id("evidence")
    answered(page, "When does the spring fair open?")
    wait_for_picture(page)
    assert "highlighted" in evidence.get_by_test_id("evidence-page").get_attribute("alt")
    assert evidence.get_by_test_id("evidence-remark").count() == 0
    evidence.get_by_role("button", name="Next page").click()
    evidence.get_by_text("page 2 of 3 · not the cited page").wait_for()
    page.wait_for_timeout(300)
    assert "highlighted" not in evidence.get_by_test_id("evidence-page").get_attribute("alt")
    evidence.get_by_role("button", name="Previous page").click()
    evidence.get_by_text("page 1 of 3", exact=True).wait_for()

    answered(page, "What does an anchor cost?")
    rows = evidence.get_by_test_id("evidence-rows")
    expect(rows.locator("thead th")).to_have_text(["Row", "item", "price", "unit"])
    assert rows.locator("tbody tr").nth(0).locator("td").all_inner_texts() == ["rope; thick", "12", "metre"]
    assert rows.locator("tr.marked").all_inner_texts() == ["2\tanchor\t250\tpiece"]

    answered(page, "When did the keeper Adele Quist fall ill?")
    lines = evidence.get_by_test_id("evidence-lines")
    lines.locator(".marked").filter(has_text="Adele Quist fell ill in the spring").wait_for()
    chat = page.url

    assert api.delete(f"/api/documents/{ids['flyer.pdf']}").status_code == 204
    newer = api.post(
        f"/api/documents/{ids['prices.csv']}/replace", files={"file": ("prices.csv", b"a,b\n1,2\n")}
    )
    assert newer.status_code == 202, newer.text
    wait_until(lambda: status(api, ids["prices.csv"]) == "completed", "the newer version was not read")
    page.goto(chat)
    cards = page.get_by_test_id("source-card")
    cards.filter(has_text="deleted since").first.click()
    evidence.get_by_text("This document has been deleted since.").wait_for()
    assert "4 May at the old market hall" in evidence.inner_text()
    cards.filter(has_text="replaced since").first.click()
    evidence.get_by_text("This document has been replaced by a newer version since.").wait_for()
    assert evidence.locator("tr.marked").all_inner_texts() == ["2\tanchor\t250\tpiece"]


def test_lines_are_shown_as_they_were_read_whatever_the_browser_knows_of_their_encoding(
    api, page, make_model
):
    rules = [f"第{number}条　これは社内規程の文章です。" for number in range(1, 31)]
    rules[17] = "The keeper Adele Quist fell ill in the spring."
    content = "".join(line + "\n\f"[number % 2] for number, line in enumerate(rules)).encode("cp932")
    model, _ = make_model("Encoded", "strict", {"rules.txt": content})
    api.patch(f"/api/models/{model}", json={"similarity_threshold": 0}).raise_for_status()
    page.goto(f"/chat/?model={model}")
    answered(page, "When did the keeper Adele Quist fall ill?")
    lines = page.get_by_test_id("evidence-lines")
    lines.locator(".marked").filter(has_text="Adele Quist fell ill").wait_for()
    shown = [line.split("\n", 1) for line in lines.locator("div").all_inner_texts()]
    assert [[int(number), text] for number, text in shown if text.strip()] == [
        [number, line] for number, line in enumerate(rules, 1) if any(int(one) == number for one, _ in shown)
    ]
    assert ["18", rules[17]] in shown


def test_a_newer_version_is_not_shown_for_the_cited_one_in_a_tab_that_stays_open(
    api, page, make_model, complaints
):
    files = {"prices.csv": PRICES, "log.txt": LOG.encode()}
    model, ids = make_model("Renewed", "strict", files)
    page.goto(f"/chat/?model={model}")
    evidence = page.get_by_test_id("evidence")
    answered(page, "When did the keeper Adele Quist fall ill?")
    evidence.get_by_test_id("evidence-lines").wait_for()
    answered(page, "What does an anchor cost?")
    evidence.get_by_test_id("evidence-rows").wait_for()
    newer = {"prices.csv": b"unit,item\n1,nothing\n", "log.txt": b"\n\n\n\nThe keeper has retired.\n" * 9}
    for name, content in newer.items():
        sent = api.post(f"/api/documents/{ids[name]}/replace", files={"file": (name, content)})
        assert sent.status_code == 202, sent.text
    wait_until(lambda: all(status(api, one) == "completed" for one in ids.values()), "not read")
    cards = page.get_by_test_id("source-card")
    for name, passage in (("log.txt", "Adele Quist fell ill in the spring"), ("prices.csv", "anchor")):
        cards.filter(has_text=name).first.click()
        evidence.locator("h2").get_by_text(name).wait_for()
        evidence.get_by_text("This document has been replaced by a newer version since.").wait_for()
        assert passage in evidence.inner_text()
        assert "retired" not in evidence.inner_text()


def test_without_its_original_a_text_is_shown_as_its_passage_and_why(
    api, page, product, make_model, complaints
):
    model, _ = make_model("Unkept", "strict", {"log.txt": LOG.encode() + b"\n"})
    page.goto(f"/chat/?model={model}")
    answer = answered(page, "When did the keeper Adele Quist fall ill?")
    evidence = page.get_by_test_id("evidence")
    evidence.get_by_test_id("evidence-lines").wait_for()
    for path in (product.data_dir / "files").rglob("*"):
        if path.is_file() and b"Adele Quist" in path.read_bytes():
            path.unlink()
    answer.get_by_test_id("source-card").first.click()
    remark = evidence.get_by_test_id("evidence-remark")
    remark.get_by_text("The original file was not kept.").wait_for()
    assert "Adele Quist fell ill in the spring" in evidence.locator("blockquote").inner_text()
    assert all("409" in line for line in complaints)
    complaints.clear()


def test_a_document_that_goes_away_while_it_is_read_is_not_drawn_from_memory(
    api, page, make_model, complaints
):
    flyer = make_pdf(["The spring fair opens on 4 May at the old market hall.", "Second page."])
    model, ids = make_model("Taken away", "strict", {"flyer.pdf": flyer})
    page.goto(f"/chat/?model={model}")
    answered(page, "When does the spring fair open?")
    wait_for_picture(page)
    api.delete(f"/api/documents/{ids['flyer.pdf']}")
    evidence = page.get_by_test_id("evidence")
    evidence.get_by_role("button", name="Next page").click()
    gone = evidence.get_by_test_id("evidence-no-page")
    gone.get_by_text("This page cannot be shown.").wait_for()
    assert "deleted since" in gone.inner_text()
    assert all("404" in line for line in complaints)
    complaints.clear()


def test_a_page_that_is_a_picture_says_that_nothing_can_be_marked_on_it(api, page, make_model):
    from documents.parsing import ocr

    if not ocr.available():
        pytest.skip("text recognition is not installed")
    flyer = scanned(
        [[(72, 700, "{24}The spring fair opens on 4 May"), (72, 650, "{24}at the old market hall.")]]
    )
    model, _ = make_model("Scanned", "strict", {"flyer.pdf": flyer})
    page.goto(f"/chat/?model={model}")
    answered(page, "When does the spring fair open?")
    evidence = page.get_by_test_id("evidence")
    evidence.get_by_test_id("evidence-remark").get_by_text("This page is a picture").wait_for()
    assert "4 May" in evidence.locator("blockquote").inner_text()  # opened by itself
    assert "highlighted" not in evidence.get_by_test_id("evidence-page").get_attribute("alt")


def test_an_answer_that_cites_nothing_lists_what_it_was_given_and_general_knowledge_is_marked(
    page, api, make_model
):
    model, _ = make_model("Uncited", "strict", handbook())
    page.goto(f"/chat/?model={model}")
    given = answered(page, "How long is lost property kept?").get_by_test_id("given-passages")
    assert given.get_by_test_id("source-card").filter(has_text="likely").count() >= 1
    model, _ = make_model("Assisting", "assist", handbook())
    page.goto(f"/chat/?model={model}")
    answer = answered(page, "What is the tallest mountain on Earth?")
    assert answer.get_by_test_id("general-knowledge").is_visible()
    assert answer.get_by_test_id("uncited").count() == 0
    answer = answered(page, "When is a certificate needed on sick leave?")
    marked = answer.get_by_test_id("answer-text").locator(".general-text").all_inner_texts()
    assert "decades" in " ".join(marked)
    assert "fourth day" not in " ".join(marked)
    assert answer.get_by_test_id("general-parts").is_visible()
    session = re.search(r"/chat/([0-9a-f-]+)/", page.url).group(1)
    stored = api.get(f"/api/chat/sessions/{session}/messages").json()["results"]
    assert [one["general_knowledge"] for one in stored] == [False, True, False, False]


def test_the_retrieval_preview_shows_every_candidate_its_fate_and_the_time(page, make_model):
    model, _ = make_model("Previewed", "strict", handbook())
    page.goto(f"/models/{model}/try")
    page.locator("#query").fill("How much may a hotel cost per night?")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_test_id("hit").first.wait_for()
    how = page.get_by_test_id("how")
    assert how.get_by_test_id("candidate").filter(has_text="not similar enough").count() >= 1
    assert (
        how.get_by_test_id("candidate").filter(has_text="used").count() == page.get_by_test_id("hit").count()
    )
    for piece in (
        "Least similarity",
        "Passages wanted",
        "every passage compared",
        "question to vector",
        " ms",
    ):
        assert piece in how.inner_text(), piece


def test_on_a_phone_the_evidence_of_a_marked_sentence_is_opened_and_closed(
    product, browser, superadmin_state, make_model
):
    model, _ = make_model("Phoned", "strict", handbook())
    context = browser.new_context(base_url=product.url, storage_state=superadmin_state, **PHONE)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"/chat/?model={model}")
    answer = answered(page, "How many days of annual leave do full-time staff have?")
    answer.get_by_test_id("doubt").tap()
    assert answer.locator(".doubt-why").is_visible()
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
    answer.get_by_test_id("source-card").first.tap()
    wait_for_picture(page)
    page.get_by_role("button", name="Close the evidence").tap()
    page.get_by_test_id("evidence").wait_for(state="hidden")
    context.close()
