"""Test questions in and out as files; every bad line is told with its number."""

import json

import pytest

from chat.evaluation import exchange, intake, selectors, services
from chat.evaluation.rules import Wanted
from config.errors import VerbatimError
from tests.chat.evaluation.conftest import at


@pytest.fixture
def read(tmp_path):
    """A function: text or bytes -> what is read from a file of these."""

    def make(content: str | bytes) -> exchange.Read:
        path = tmp_path / "questions"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return exchange.read(str(path))

    return make


def test_csv_with_all_columns(read):
    found = read(
        "question,answerable,document,page,passage\n"
        'How many days?,yes,handbook.pdf,4,"25 days\nof leave"\n'
        "Who won?,no,,,\n"
    )
    assert found.refused == []
    assert found.questions == [
        (
            2,
            at(
                "How many days?", {"document_name": "handbook.pdf", "page": 4, "passage": "25 days\nof leave"}
            ),
        ),
        (4, Wanted("Who won?", answerable=False)),
    ]


def test_each_bad_line_is_named_and_the_others_are_taken(read):
    found = read(
        "question;answerable;document;page\n"
        "one;perhaps;a.pdf;1\n"
        "two;;;\n"
        "\n"
        "three;;a.pdf;minus\n"
        "four;;a.pdf;2\n"
    )
    assert [number for number, _ in found.refused] == [2, 3, 5]
    assert "yes or no" in found.refused[0][1]
    assert "stands nowhere" in found.refused[1][1]
    assert "page" in found.refused[2][1]
    assert found.questions == [(6, at("four", {"document_name": "a.pdf", "page": 2}))]


def test_lines_of_json(read):
    found = read(
        json.dumps({"question": "one", "document": "a.pdf", "page": 3})
        + "\nnot json\n[1]\n"
        + json.dumps({"question": "two", "answerable": False})
        + '\n{"question": 5}\n{"question": "six", "passage": "x", "page": true}\n'
    )
    assert found.questions == [
        (1, at("one", {"document_name": "a.pdf", "page": 3})),
        (4, Wanted("two", answerable=False)),
    ]
    assert [number for number, _ in found.refused] == [2, 3, 5, 6]


def test_deep_and_huge_json_is_a_bad_line_and_not_a_crash(read):
    deep = '{"question": ' + "[" * 100_000
    found = read(f'{deep}\n{{"question": "q", "passage": "p", "page": {"9" * 6000}}}\n')
    assert [number for number, _ in found.refused] == [1, 2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encodings_of_spreadsheets(read, encoding):
    content = "question;document\nWie hoch ist das Übernachtungsgeld für Gäste?;reise.pdf\n" * 1
    found = read(content.encode(encoding))
    assert found.questions[0][1].question == "Wie hoch ist das Übernachtungsgeld für Gäste?"


@pytest.mark.parametrize("content", ["", "what,where\na,b\n", '[{"question": "q"}]', "question,document\n"])
def test_a_file_without_questions_says_so(read, content):
    with pytest.raises(VerbatimError) as refusal:
        read(content)
    assert refusal.value.details["file"]


def test_a_file_that_is_too_long_is_read_as_far_as_allowed(read, monkeypatch):
    monkeypatch.setattr(exchange, "MAX_LINES", 3)
    found = read("question,document\n" + "q,a.pdf\n" * 9)
    assert len(found.questions) == 4
    assert "not read" in found.refused[-1][1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"places": "a.pdf"}, "list of objects"),
        ({"places": [["a.pdf"]]}, "list of objects"),
        ({"places": [{"document": "a.pdf"}], "page": 3}, "not both"),
        ({"places": [{"document": "a.pdf", "page": "x"}]}, "page"),
        ({"places": []}, "stands nowhere"),
    ],
)
def test_places_in_json_that_cannot_be_read_say_why(read, line, said):
    found = read(json.dumps({"question": "q"} | line))
    assert said in found.refused[0][1]


def test_a_line_of_json_lists_its_places(read):
    line = {"question": "q", "places": [{"document": "a.pdf", "page": 3}, {"expected_text": "words"}]}
    found = read(json.dumps(line))
    assert found.questions == [(1, at("q", {"document_name": "a.pdf", "page": 3}, {"passage": "words"}))]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_goes_out_comes_back_the_same(read, form, admin, collection):
    """Through the database, so that lines of one question come together again."""
    wanted = [
        at("=SUM(A1) is what?", {"passage": '\'-5 and, "more"\nlines', "page": 3}),
        Wanted("nothing", answerable=False),
        at("-", {"document_name": "@home.pdf"}, {"document_name": "b.pdf", "page": 2}, {"passage": "x"}),
    ]
    lines = list(enumerate(wanted, 1))
    intake.questions_import(actor=admin, collection=collection, lines=lines)
    rows = list(selectors.questions_of(collection))
    write = exchange.as_csv if form == "csv" else exchange.as_json_lines
    found = read("".join(write(rows)))
    assert found.refused == []
    for row in rows:
        row.delete()
    intake.questions_import(actor=admin, collection=collection, lines=found.questions)
    back = [
        Wanted(row.question, row.answerable, tuple(services.places_of(row)))
        for row in selectors.questions_of(collection)
    ]
    assert back == wanted


def test_no_cell_goes_out_as_a_formula(admin, collection):
    wanted = at("=HYPERLINK(1)", {"document_name": "+x", "passage": "@y"})
    intake.questions_import(actor=admin, collection=collection, lines=[(1, wanted)])
    text = "".join(exchange.as_csv(selectors.questions_of(collection)))
    assert "\r\n'=HYPERLINK(1),yes,'+x,,'@y\r\n" in text
