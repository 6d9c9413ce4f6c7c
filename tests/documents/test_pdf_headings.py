"""Headings of PDF pages that have no outline, and the passages that stand under them."""

import pytest

from documents.chunking.base import ChunkPlan
from documents.chunking.registry import chunk_blocks
from documents.embedding.registry import get_embedder
from documents.parsing.base import Block
from documents.parsing.pdf_headings import headings
from documents.parsing.pdf_lines import Line
from documents.parsing.pdf_text import PageText, assembled
from tests.documents.pdf_files import drawn, read_all

PROSE = "The plan pays for this when a doctor has asked for it and a nurse has agreed."


def page(*lines: str) -> PageText:
    """A page of these lines under one another; an empty one makes room."""
    placed = []
    for index, text in enumerate(lines):
        if text:
            bottom = 700.0 - 14 * index
            placed.append(Line(text, [], left=72, bottom=bottom, right=400, top=bottom + 9))
    return assembled(placed)


def found(*lines: str) -> list[str]:
    return [heading for _, heading in headings(page(*lines), set())]


@pytest.mark.parametrize(
    "heading",
    [
        "Emergency Room Services",
        "CONSOLIDATED BALANCE SHEETS",
        "NOTE 7 — SHORT-TERM BORROWINGS AND CREDIT LINES",
        "Item 7A. Quantitative and Qualitative Disclosures About Market Risk",
        "2.13 Cash Incentive Deferrals",
        "IV. Free Cash Flow",
        "Haftung des Vermieters",
        "What Is Covered?",
    ],
)
def test_capitalised_words_on_a_line_of_their_own_are_a_heading(heading):
    assert found(PROSE, "", heading, PROSE) == [heading]


@pytest.mark.parametrize(
    "line",
    [
        "and the rest of a sentence that began above",
        "and Foreign Affairs",
        "the Ministry",
        "The rest of a sentence that ends here.",
        "Total current assets 7,453 7,659",
        "Gross Profit $ 15,441",
        "Years ended 2022 2021 2020",
        "Contact Person, Purchasing,",
        "Introduction ........ 7",
        "7",
        "A Very Long Line Of Capitalised Words That Goes On And On For More Than Ten",
    ],
)
def test_other_lines_are_none(line):
    assert found(PROSE, "", line, PROSE) == []


def test_a_capitalised_line_within_a_sentence_is_none():
    assert found("This was agreed upon by the ministers of", "Foreign Affairs", PROSE) == []
    assert found(PROSE, "", "Foreign Affairs", "of both countries have agreed upon this.") == []


def test_the_last_line_of_a_page_heads_nothing():
    assert found(PROSE, "", "Emergency Room Services") == []


def test_a_heading_right_under_another_is_one():
    assert found("Benefits", "Emergency Room Services", PROSE) == ["Benefits", "Emergency Room Services"]


def test_running_lines_are_none():
    text = page("Annual Report", "", "Emergency Room Services", PROSE)
    assert [heading for _, heading in headings(text, {0})] == ["Emergency Room Services"]


def chunks(*blocks: Block):
    plan = ChunkPlan(40, 5, "Handbook")
    return chunk_blocks(blocks, strategy="recursive", plan=plan, embedder=get_embedder())


def test_passages_are_embedded_and_shown_with_the_heading_that_they_stand_under():
    first, second = f"{PROSE} " * 4, f"{PROSE} " * 4
    text = f"Emergency Room\n{first}\nDental Care\n{second}"
    at = text.index("Dental Care")
    block = Block(text, page=1, headings=((0, "Emergency Room"), (at, "Dental Care")))
    made = chunks(block)
    assert made[0].content.startswith("Emergency Room")
    assert made[0].section == "", "it says so itself"
    under = [one for one in made[1:] if one.char_start < at]
    assert under
    assert {one.section for one in under} == {"Emergency Room"}
    assert {one.context for one in under} == {"Handbook · Emergency Room"}
    assert made[-1].char_start > at
    assert made[-1].section == "Dental Care"


def test_a_heading_goes_below_the_outlines_title_and_is_not_said_twice():
    over = ((-20, "Dental Care"),)
    [below] = chunks(Block(PROSE, page=1, section="Benefits", headings=over))
    assert below.section == "Benefits › Dental Care"
    [same] = chunks(Block(PROSE, page=1, section="2 DENTAL CARE", headings=over))
    assert same.section == "2 DENTAL CARE"


def test_headings_are_found_in_a_file(tmp_path):
    path = tmp_path / "handbook.pdf"
    lines = [(72, 700, "Emergency Room Services"), *((72, 670 - 12 * n, PROSE) for n in range(3))]
    path.write_bytes(drawn([lines, lines]))
    _, blocks, _ = read_all(path)
    assert [block.headings for block in blocks] == [((0, "Emergency Room Services"),)] * 2
