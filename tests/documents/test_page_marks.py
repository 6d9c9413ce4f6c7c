"""A cited passage is marked where it stands on its page, or it is said that it is not."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from documents.parsing.render import MAX_PIXELS, render
from tests.documents.pdf_files import drawn, joined, lines_of_page, scanned
from tests.documents.test_pdf_layout import LEFT as LEFT_TEXT
from tests.documents.test_pdf_layout import RIGHT as RIGHT_TEXT

WIDTH = 1200
NEAR = 14  # pixels by which the marks may be larger than the ink: ascenders and descenders
LEFT = [(72, 700 - 14 * row, text) for row, text in enumerate(LEFT_TEXT)]
RIGHT = [(330, 700 - 14 * row, text) for row, text in enumerate(RIGHT_TEXT)]
UPRIGHT = [  # how the page is turned, and the text on it
    (0, ""),
    (90, "0 1 -1 0 792 0"),
    (180, "-1 0 0 -1 612 792"),
    (270, "0 -1 1 0 -180 792"),
    (90, ""),
    (0, "0 1 -1 0 792 0"),
]


def written(tmp_path, content: bytes) -> str:
    path = tmp_path / "page.pdf"
    path.write_bytes(content)
    return str(path)


def pixels(answer: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["png"]))).convert("RGB")).astype(int)


def box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def marks(image: np.ndarray) -> np.ndarray:
    """Where paper is coloured."""
    return (image[:, :, 0] > 200) & (image[:, :, 2] < 120)


def assert_marked_there(tmp_path, texts, cited, *, page: int = 1, near: int = 0, **options) -> None:
    """The marks lie over the ink of the cited texts, and over no other."""
    path = written(tmp_path, drawn([texts], **options))
    lines = {text for _, _, text in cited}
    read = dict.fromkeys(lines_of_page(path))  # in the order in which it was read
    passage = "\n".join(line for line in read if line in lines)
    answer = render(path, page, WIDTH, passage, near)
    assert answer["marked"] == "all"
    found = box(marks(pixels(answer)))
    alone = pixels(render(written(tmp_path, drawn([cited], **options)), 1, WIDTH))
    wanted = box(alone.max(axis=2) < 128)
    assert all(abs(one - two) <= NEAR for one, two in zip(found, wanted, strict=True)), (found, wanted)


@pytest.mark.parametrize(("rotate", "matrix"), [*UPRIGHT, (0, "0.5 0 0 0.5 40 60")])
def test_the_marks_turn_with_the_page_and_with_the_text_on_it(tmp_path, rotate, matrix):
    assert_marked_there(tmp_path, LEFT, LEFT[4:6], rotate=rotate, matrix=matrix)


@pytest.mark.parametrize("rotate", [0, 90])
def test_the_marks_lie_within_the_part_of_the_page_that_is_shown(tmp_path, rotate):
    import pypdf

    def cropped(texts) -> bytes:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(drawn([texts], rotate=rotate)))
        writer.pages[0].cropbox = pypdf.generic.RectangleObject((40, 500, 440, 740))
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    cited = LEFT[4:6]
    answer = render(written(tmp_path, cropped(LEFT)), 1, WIDTH, "\n".join(text for _, _, text in cited))
    found = box(marks(pixels(answer)))
    wanted = box(pixels(render(written(tmp_path, cropped(cited)), 1, WIDTH)).max(axis=2) < 128)
    assert all(abs(one - two) <= 2 * NEAR for one, two in zip(found, wanted, strict=True)), (found, wanted)


def test_in_two_columns_the_passage_of_one_leaves_the_other_unmarked(tmp_path):
    interleaved = [text for pair in zip(LEFT, RIGHT, strict=True) for text in pair]
    assert_marked_there(tmp_path, interleaved, RIGHT[3:8])
    assert_marked_there(tmp_path, interleaved, LEFT[3:8])


def test_of_two_equal_lines_the_one_near_the_passages_place_is_marked(tmp_path):
    texts = [(60, 700 - 20 * row, f"Filler line number {row}") for row in range(12)]
    for row in (2, 9):
        texts[row] = (60, 700 - 20 * row, "The total was approved")
    assert_marked_there(tmp_path, texts, [texts[9]], near=9 * 23)
    assert_marked_there(tmp_path, texts, [texts[2]], near=2 * 23)


def test_a_passage_over_two_pages_is_marked_on_both(tmp_path):
    first = [(60, 120 - 16 * row, f"End of page one, sentence {row} goes on") for row in range(3)]
    second = [(60, 740 - 16 * row, f"Top of page two, sentence {row} ends it") for row in range(3)]
    above, below = (60, 700, "Something else entirely"), (60, 400, "And another thing altogether")
    path = written(tmp_path, joined(drawn([[above, *first]]), drawn([[*second, below]])))
    passage = "\n".join(text for _, _, text in first + second)
    for page, stretch, lines in ((1, "head", first), (2, "tail", second)):
        answer = render(path, page, WIDTH, passage, 0, stretch)
        assert answer["marked"] == "all"
        alone = joined(drawn([lines]))
        wanted = box(pixels(render(written(tmp_path / "..", alone), 1, WIDTH)).max(axis=2) < 128)
        found = box(marks(pixels(answer)))
        assert all(abs(one - two) <= NEAR for one, two in zip(found, wanted, strict=True)), (found, wanted)


def test_a_passage_that_is_not_on_the_page_leaves_it_unmarked(tmp_path):
    path = written(tmp_path, drawn([LEFT]))
    answer = render(path, 1, WIDTH, "Nothing of the kind is written anywhere on this page.")
    assert answer["marked"] == "none"
    assert not marks(pixels(answer)).any()
    few = LEFT[0][2] + "\n" + "\n".join(f"an invented line {row} of some length" for row in range(8))
    assert render(path, 1, WIDTH, few)["marked"] == "none"  # one line of nine would mislead


def test_a_passage_of_which_most_is_found_is_marked_in_part(tmp_path):
    path = written(tmp_path, drawn([LEFT]))
    passage = "\n".join([LEFT[2][2], "a line of another reader's", LEFT[3][2], LEFT[4][2]])
    answer = render(path, 1, WIDTH, passage)
    assert answer["marked"] == "part"
    assert marks(pixels(answer)).any()


def test_on_a_picture_of_a_page_nothing_is_marked_and_the_reason_is_told(tmp_path):
    answer = render(written(tmp_path, scanned([LEFT])), 1, WIDTH, LEFT[4][2])
    assert answer["marked"] == "no_text"
    assert not marks(pixels(answer)).any()


@pytest.mark.parametrize("media", [(14400, 14400), (200, 14400), (14400, 200)])
def test_a_huge_page_is_drawn_within_bounds_and_marked_where_the_passage_is(tmp_path, media):
    texts = [
        (20, media[1] - 60, "{40}" + "Abc"),
        (20, media[1] - 150, "{40}A line on a huge page"),
    ]
    path = written(tmp_path, drawn([texts], media=media))
    answer = render(path, 1, WIDTH, "A line on a huge page")
    image = pixels(answer)
    assert image.shape[0] * image.shape[1] <= 1.01 * MAX_PIXELS
    assert answer["marked"] == "all"
    assert marks(image).any()
