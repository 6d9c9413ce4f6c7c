"""The order of a page's lines: rows of tables whole, columns one after another, words as they are read."""

import pytest

from documents.parsing.pdf_layout import lines_of
from tests.documents.pdf_files import drawn, lines_of_page, read_all

LEFT = [
    "The committee met in the spring of that",
    "year and heard the report of its chair",
    "on the state of the harbour and its two",
    "basins, which had been dredged again in",
    "the months before. It was agreed that a",
    "new quay should be built at the eastern",
    "end, and that the old one be given over",
    "to the fishing boats of the town, whose",
    "owners had asked for it many times over",
    "the years without being heard by anyone",
]
RIGHT = [
    "money for it was to come from the dues",
    "of the port, which had risen by a third",
    "since the war. One member asked whether",
    "they could be raised again without loss",
    "of trade to the neighbours; the harbour",
    "master thought not, and gave figures to",
    "show that ships were leaving for places",
    "further along the coast, where they had",
    "to pay less than half as much for every",
    "day that they lay at anchor in the bay.",
]


@pytest.fixture
def saved(tmp_path):
    """A function: bytes -> a path."""

    def make(content: bytes):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        return path

    return make


def rows(
    *columns: list[str], lefts: list[int], top: int = 700, step: int = 14
) -> list[tuple[float, float, str]]:
    """Texts drawn row by row."""
    return [
        (left, top - step * row, column[row])
        for row in range(len(columns[0]))
        for left, column in zip(lefts, columns, strict=True)
    ]


# --- columns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rotate", "matrix"),
    [
        (0, ""),
        (90, "0 1 -1 0 612 0"),  # turned twice: upright for the reader
        (180, "-1 0 0 -1 612 792"),
        (270, "0 -1 1 0 0 792"),
        (0, "0 1 -1 0 612 0"),  # lies on its side
        (90, ""),
    ],
)
def test_columns_of_prose_that_are_drawn_across_are_read_one_after_another(saved, rotate, matrix):
    page = [(72, 740, "{16}Minutes of the harbour committee"), *rows(LEFT, RIGHT, lefts=[72, 320])]
    content = drawn([page], rotate=rotate, matrix=matrix)
    assert lines_of_page(saved(content)) == ["Minutes of the harbour committee", *LEFT, *RIGHT]


def test_three_columns_under_a_heading_that_runs_over_them(saved):
    first, second, third = ([line[:26] for line in lines] for lines in (LEFT, RIGHT, LEFT[::-1]))
    page = [
        (72, 740, "{16}A heading that is much wider than any column of this page"),
        *rows(first, second, third, lefts=[60, 230, 400]),
    ]
    found = lines_of_page(saved(drawn([page])))
    assert [line.strip() for line in found[1:]] == [line.strip() for line in (*first, *second, *third)]


def test_columns_that_are_drawn_one_after_another_stay_so(saved):
    page = [*rows(LEFT, lefts=[72]), *rows(RIGHT, lefts=[320])]
    assert lines_of_page(saved(drawn([page]))) == [*LEFT, *RIGHT]


def test_one_column_stays_as_it_is(saved):
    lines = [f"{a} {b}" for a, b in zip(LEFT, RIGHT, strict=True)]
    assert lines_of_page(saved(drawn([rows(lines, lefts=[72])]))) == lines


def test_a_table_of_words_is_not_taken_for_columns(saved):
    names = ["Alabama Power", "Boston Gas", "Chicago Rail", "Denver Water", "Erie Canal", "Fargo Mills"] * 2
    kinds = ["Holding company", "Public utility", "Transport", "Public utility", "Navigation", "Food"] * 2
    towns = ["Birmingham", "Boston", "Chicago", "Denver", "Buffalo", "Fargo"] * 2
    page = rows(names, kinds, towns, lefts=[72, 240, 420])
    expected = [" ".join(row) for row in zip(names, kinds, towns, strict=True)]
    assert lines_of_page(saved(drawn([page]))) == expected


# --- rows ------------------------------------------------------------------------------------------


def test_a_row_is_one_line_also_with_a_mark_that_is_set_higher(saved):
    page = []
    for index, name in enumerate(["Inventory", "Goodwill", "Restructuring", "Pensions", "Leases"]):
        bottom = 700 - 16 * index
        page += [(72, bottom, name), (72 + 6 * len(name), bottom + 3, f"{{6}}({index + 1})")]
        page += [(300, bottom, f"{index}12"), (400, bottom, f"(3{index})")]
    assert lines_of_page(saved(drawn([page]))) == [
        "Inventory (1) 012 (30)",
        "Goodwill (2) 112 (31)",
        "Restructuring (3) 212 (32)",
        "Pensions (4) 312 (33)",
        "Leases (5) 412 (34)",
    ]


def test_a_column_of_dates_that_is_drawn_first_joins_its_rows(saved):
    dates = [f"{month:02}/15/2021" for month in range(1, 11)]
    words = [f"Company number {name} Los Angeles closed for good" for name in "abcdefghij"]
    page = [*rows(dates, lefts=[72]), *rows(words, lefts=[160])]
    expected = [f"{date} {word}" for date, word in zip(dates, words, strict=True)]
    assert lines_of_page(saved(drawn([page]))) == expected


def test_a_table_that_is_drawn_from_the_bottom_up_reads_from_the_top(saved):
    lines = [f"Row {n} of the table, 12{n} units" for n in range(20)]
    page = rows(lines, lefts=[72])[::-1]
    assert lines_of_page(saved(drawn([page]))) == lines


def test_the_numbers_of_lines_do_not_mix_with_what_they_number(saved):
    numbers = [str(n) for n in range(1, 11)]
    page = [*rows(numbers, lefts=[50]), *rows(LEFT, lefts=[90])]
    assert lines_of_page(saved(drawn([page]))) == [*numbers, *LEFT]


def test_cells_of_several_lines_stay_together(saved):
    """Headings of columns that are broken into short lines: each is read whole."""
    heads = [
        ["Number of", "shares", "bought", "in all", "so far"],
        ["Average", "price", "paid", "for each", "share"],
    ]
    page = [(72 + 200 * i, 700 - 12 * j, line) for i, head in enumerate(heads) for j, line in enumerate(head)]
    page += rows(
        [f"October {n}" for n in range(12)], ["91,941"] * 12, ["30.11"] * 12, lefts=[20, 90, 280], top=600
    )
    assert lines_of_page(saved(drawn([page])))[:10] == [*heads[0], *heads[1]]


def test_letters_that_are_drawn_one_by_one_make_words(saved):
    widths = {
        "i": 2.22,
        "l": 2.22,
        "t": 2.78,
        "f": 2.78,
        "r": 3.33,
        "s": 5,
        "c": 5,
        " ": 2.78,
        "m": 8.33,
        "w": 7.22,
    }
    page = []
    for row, text in enumerate(LEFT):
        left = 72.0
        for letter in text:
            if letter != " ":
                page.append((left, 700 - 14 * row, letter))
            left += widths.get(letter.lower(), 5.56) + (1.5 if letter == " " else 0)
    assert lines_of_page(saved(drawn([page]))) == LEFT


def test_paragraphs_are_set_apart(saved):
    page = rows(LEFT, lefts=[72]) + rows(RIGHT, lefts=[72], top=700 - 14 * len(LEFT) - 14)
    _, (block,), _ = read_all(saved(drawn([page])))
    assert block.text == "\n".join(LEFT) + "\n\n" + "\n".join(RIGHT) + "\n"


# --- right to left ---------------------------------------------------------------------------------


class Boxes:
    """Characters side by side from the left, as `Measure` gives them."""

    def __init__(self, order: list[int]) -> None:
        self.order = order

    def box(self, index: int):
        left = 10.0 * self.order[index]
        return (left, 0.0, left + 8, 10.0)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("םולש", "שלום"),  # drawn as it looks: the last letter is leftmost
        ("PDF ץבוק", "קובץ PDF"),
        ("the word םולש means peace and more", "the word שלום means peace and more"),
    ],
)
def test_right_to_left_words_that_are_stored_as_they_look_are_turned(stored, read):
    (line,) = lines_of(stored, Boxes(list(range(len(stored)))))
    assert line.text == read
    assert "".join(stored[first:end] for first, end in line.ranges) == read


def test_right_to_left_words_in_reading_order_stay():
    word = "שלום עולם"
    (line,) = lines_of(word, Boxes(list(range(len(word)))[::-1]))
    assert line.text == word
