"""Texts and Markdown in, clean text out: places to cut, headings, what the database refuses."""

import pytest

from documents.parsing import text
from documents.parsing.base import ParseError
from documents.parsing.clean import clean_line, clean_text
from tests.documents.reading import read_all


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_a_text_is_read_in_its_encoding(saved, encoding):
    words = "Die Größe der Straße – “café” naïve\n" * 40
    _, blocks, _ = read_all(text, saved(words.encode(encoding)), "a.txt")
    assert "".join(block.text for block in blocks) == words


def test_a_late_bad_byte_does_not_break_the_guess(saved):
    content = b"plain ascii\n" * 20_000 + "Größe\n".encode("cp1252")
    _, blocks, _ = read_all(text, saved(content), "a.txt")
    assert blocks[-1].text.endswith("Größe\n")


def test_a_long_text_is_cut_at_paragraphs_and_nothing_is_lost(saved):
    source = "".join(f"Paragraph {n} of many.\r\nIts second line.\r\n\r\n" for n in range(6000))
    structure, blocks, _ = read_all(text, saved(source.encode()), "a.txt")
    whole = source.replace("\r\n", "\n")
    assert len(structure.spans) > 3
    assert "".join(block.text for block in blocks) == whole
    for block in blocks:
        assert whole[block.start : block.start + len(block.text)] == block.text
        assert block.text.endswith("\n\n")
        assert whole.count("\n", 0, block.start) + 1 == block.line


@pytest.mark.parametrize("filler", ["x" * 120_001, "é" * 90_000, "x\r" * 50_000, "e\u0301" * 60_000])
def test_a_text_without_good_places_to_cut_is_still_read_whole(saved, filler):
    _, blocks, _ = read_all(text, saved(filler.encode()), "a.txt")
    assert "".join(block.text for block in blocks) == clean_text(filler)


def test_markdown_headings_become_sections_across_parts(saved):
    source = (
        "# Guide\n\nIntro.\n\n## Setup\n\n"
        + "Step. " * 9000
        + "\n\n```\n# no heading\n```\n\n## Use\n\nText.\n"
    )
    structure, blocks, _ = read_all(text, saved(source.encode()), "guide.md")
    assert structure.title == "Guide"
    assert [block.section for block in blocks][:2] == ["Guide", "Guide › Setup"]
    assert blocks[-1].section == "Guide › Use"
    assert {block.section for block in blocks} == {"Guide", "Guide › Setup", "Guide › Use"}


def test_a_blank_text_says_so(saved):
    with pytest.raises(ParseError) as caught:
        text.split(saved(b" \n\n \t "), "a.txt")
    assert caught.value.code == "no_text"


def test_cleaning_removes_what_the_database_refuses():
    assert clean_text("a\x00b\ud800c\ufeff\r\nd\re\u0301") == "abc\nd\né"
    assert clean_line("  a\u202e b\n\tc  ") == "a b c"
    assert len(clean_line("x" * 999)) == 255


def sections(saved, source: str, name: str = "a.md") -> list[tuple[str, str]]:
    _, blocks, _ = read_all(text, saved(source.encode()), name)
    return [(block.section, block.text.strip()) for block in blocks]


def test_underlined_headings_become_sections(saved):
    source = "Guide\n=====\n\nIntro.\n\nSetup\n-----\n\nSteps.\n\n## Use ##\n\nText.\n"
    assert sections(saved, source) == [
        ("Guide", "Guide\n=====\n\nIntro."),
        ("Guide › Setup", "Setup\n-----\n\nSteps."),
        ("Guide › Use", "## Use ##\n\nText."),
    ]


def test_rules_lists_tables_code_and_settings_are_no_headings(saved):
    source = (
        "---\ntitle: x\ntags: y\n---\n\nPlain.\n\n---\n\n- item\n---\n\na | b\n--- | ---\n1 | 2\n\n"
        "Two lines\nof text\n---\n\n~~~\n# code\nCode\n====\n~~~\n\n    Done\n"
    )
    assert {section for section, _ in sections(saved, source)} == {""}


def test_plain_text_has_no_headings(saved):
    assert {section for section, _ in sections(saved, "# A\n\nB\n=\n\nC.\n", "a.txt")} == {""}


def test_one_endless_line_is_read_in_parts_that_end_between_words(saved):
    source = "wordy " * 50_000
    structure, blocks, _ = read_all(text, saved(source.encode()), "a.txt")
    assert len(structure.spans) > 5
    assert "".join(block.text for block in blocks) == source
    assert all(block.text.endswith(" ") and block.text.startswith("wordy") for block in blocks)
