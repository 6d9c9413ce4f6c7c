"""Pages that are pictures: read where text recognition is installed, named where it is not."""

import pytest

from documents.ingestion import part, split
from documents.ingestion.part import part_process
from documents.ingestion.split import document_split
from documents.models import Document, MediaType, Status
from documents.parsing import ocr, pdf
from documents.parsing.guards import ParserChild
from tests.documents.pdf_files import drawn, joined, read_all, scanned
from tests.documents.test_pdf_layout import LEFT, RIGHT

HARBOUR = [
    "The harbour board met in spring",
    "A new quay will be built in 1937",
    "It costs 48,250 pounds altogether",
]
BAKERY = [
    "The bakery opens before sunrise",
    "Bread is sold at seven o'clock",
    "Flour comes from the water mill",
]
WORDS = {1: ["harbour", "quay", "1937", "48,250"], 2: ["bakery", "sunrise", "Flour", "water mill"]}

installed = pytest.mark.skipif(not ocr.available(), reason="text recognition is not installed")


def lines(texts: list[str], *, left: int = 60, top: int = 700, size: int = 22):
    """A page of them."""
    return [(left, top - 3 * size * row, f"{{{size}}}{text}") for row, text in enumerate(texts)]


@pytest.fixture
def saved(tmp_path):
    """A function: bytes -> a path."""

    def make(content: bytes):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        return path

    return make


@pytest.fixture(scope="module")
def child():
    """A reader with the limits that are usual."""
    child = ParserChild(seconds=120, memory_mb=1024)
    yield child
    child.close()


def read_by(child: ParserChild, path):
    """Blocks and warnings ({code: pages}) of all parts, read in the guarded process."""
    structure = child.split(path, MediaType.PDF, "a.pdf")
    readings = [child.read(path, MediaType.PDF, structure.reading | span) for span in structure.spans]
    noticed: dict[str, list[int]] = {}
    for reading in readings:
        for warning in reading.warnings:
            noticed.setdefault(warning["code"], []).extend(warning["numbers"])
    return [block for reading in readings for block in reading.blocks], noticed


def said(blocks, page: int) -> str:
    return "\n".join(block.text for block in blocks if block.page == page)


# --- installed -------------------------------------------------------------------------------------


@installed
def test_a_scan_is_read_page_by_page(child, saved):
    blocks, noticed = read_by(child, saved(scanned([lines(HARBOUR), lines(BAKERY)])))
    for page, words in WORDS.items():
        assert [word for word in words if word not in said(blocks, page)] == []
    assert [line for line in said(blocks, 1).split("\n") if line] == HARBOUR
    assert noticed == {"pages_recognised": [1, 2]}


@installed
def test_only_the_scanned_pages_of_a_mixed_file_are_recognised(child, saved):
    text = drawn([[(72, 700, "This page holds its text."), (72, 686, "It is read as it stands.")]])
    blocks, noticed = read_by(child, saved(joined(text, scanned([lines(HARBOUR)]), text, scanned([[]]))))
    assert said(blocks, 1) == said(blocks, 3) == "This page holds its text.\nIt is read as it stands.\n"
    assert all(word in said(blocks, 2) for word in WORDS[1])
    assert noticed == {"pages_recognised": [2], "pages_without_text": [4]}


@installed
@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_page_that_was_scanned_the_wrong_way_round_is_read(child, saved, rotate):
    """The picture itself is turned, and nothing in the file says so."""
    blocks, noticed = read_by(child, saved(scanned([lines(HARBOUR)], rotate=rotate)))
    assert noticed == {"pages_recognised": [1]}
    assert [word for word in WORDS[1] if word not in said(blocks, 1)] == []


@installed
def test_two_scanned_columns_are_read_one_after_the_other(child, saved):
    columns = lines(LEFT, left=40, size=12) + lines(RIGHT, left=320, size=12)
    blocks, _ = read_by(child, saved(scanned([columns])))
    text = said(blocks, 1)
    order = ["committee met", "fishing boats", "anyone", "money for it", "neighbours", "anchor"]
    assert [text.find(words) for words in order] == sorted(text.find(words) for words in order)
    assert -1 not in [text.find(words) for words in order]


@installed
def test_a_page_of_any_size_is_recognised_within_the_memory(child, saved):
    huge = scanned([lines(HARBOUR, left=600, top=7000, size=230)], media=(6120, 7920), dpi=20)
    blocks, noticed = read_by(child, saved(huge))
    assert noticed == {"pages_recognised": [1]}
    assert [word for word in WORDS[1] if word not in said(blocks, 1)] == []


@installed
def test_pages_that_are_not_reached_in_time_are_named(saved):
    text = drawn([[(72, 700, "This page holds its text.")]])
    hasty = ParserChild(seconds=10, memory_mb=1024)
    try:
        blocks, noticed = read_by(hasty, saved(joined(text, scanned([lines(HARBOUR), lines(BAKERY)]))))
    finally:
        hasty.close()
    assert {block.page for block in blocks} == {1}
    assert noticed == {"pages_not_reached": [2, 3]}


@installed
def test_a_scan_becomes_passages_that_name_their_page_and_ask_for_care(db, upload):
    document = processed(upload(scanned([lines(HARBOUR), lines(BAKERY)]), "scan.pdf"))
    assert document.status == Status.COMPLETED
    pages = {chunk.page_from: chunk.content for chunk in document.chunks.all()}
    assert "48,250" in pages[1]
    assert "water mill" in pages[2]
    assert [warning["message"] for warning in document.warnings] == [
        "Pages 1-2 were read by text recognition; check what is cited from there."
    ]


# --- not installed ---------------------------------------------------------------------------------


class Reader:
    """The reader in this process, where it can be told what is installed."""

    def split(self, path, media_type, name):
        return pdf.split(str(path), name)

    def read(self, path, media_type, span):
        return pdf.read(str(path), span)


def processed(document: Document) -> Document:
    """Everything that the workers would do."""
    waiting = document_split(document_id=document.pk)
    while waiting:
        waiting += part_process(part_id=waiting.pop(0))
    document.refresh_from_db()
    return document


@pytest.fixture
def without(monkeypatch):
    """Text recognition is not installed."""
    monkeypatch.setattr(ocr, "find_spec", lambda name: None)
    for module in (part, split):
        monkeypatch.setattr(module, "parser_child", Reader)


NEED = (
    "without text, pictures only: what stands there is not included. Install text recognition (OCR) and read "
    "the document again, or run it on the file and upload the result."
)


def test_without_it_a_mixed_document_is_completed_and_names_the_pages(db, without, upload):
    text = drawn([[(72, 700, "This page holds its text.")]])
    scan = scanned([lines(HARBOUR), lines(BAKERY)])
    document = processed(upload(joined(text, scan, text, scanned([[]]), drawn([[]])), "mixed.pdf"))
    assert (document.status, document.page_count) == (Status.COMPLETED, 6)
    assert {chunk.page_from for chunk in document.chunks.all()} == {1, 4}
    assert {warning["code"]: warning["message"] for warning in document.warnings} == {
        "pages_need_recognition": f"Pages 2-3, 5 are {NEED}",
        "pages_without_text": "Page 6 holds no text.",
    }


def test_without_it_a_scan_fails_and_names_the_pages(db, without, upload):
    document = processed(upload(scanned([lines(HARBOUR), lines(BAKERY)]), "scan.pdf"))
    assert (document.status, document.error_code) == (Status.FAILED, "no_text")
    assert document.error_message == f"Pages 1-2 are {NEED}"


# --- guards ----------------------------------------------------------------------------------------


class Page:
    """A page of a size, drawn with noise or not at all."""

    def __init__(self, width: float, height: float, *, blank: bool = False) -> None:
        self.size, self.blank = (width, height), blank
        self.pixels = 0

    def get_size(self):
        return self.size

    def render(self, scale: float):
        import numpy as np

        shape = (max(1, round(self.size[1] * scale)), max(1, round(self.size[0] * scale)), 3)
        self.pixels = shape[0] * shape[1]
        image = np.full(shape, 255, dtype=np.uint8)
        if not self.blank:
            image[::3] = 0
        return type("Bitmap", (), {"to_numpy": lambda self: image})()


class Seen:
    txts, boxes = None, None


@pytest.mark.parametrize("size", [(612, 792), (14_400, 14_400), (20, 14_400), (1, 1)])
def test_pictures_of_pages_stay_small(monkeypatch, size):
    monkeypatch.setattr(ocr, "_engine", lambda: lambda image: Seen)
    page = Page(*size)
    assert ocr.read_page(page) == []
    assert 0 < page.pixels <= 1.01 * ocr.MOST_PIXELS


def test_recognition_is_not_even_started_for_an_empty_page(monkeypatch):
    def started():
        raise AssertionError

    monkeypatch.setattr(ocr, "_engine", started)
    assert ocr.read_page(Page(612, 792, blank=True)) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Failed to allocate memory for requested buffer of size 12", MemoryError),
        ("std::bad_alloc", MemoryError),
        ("the model file is not there", RuntimeError),
    ],
)
def test_want_of_memory_is_told_from_other_faults(monkeypatch, message, expected):
    def failing(image):
        raise RuntimeError(message)

    monkeypatch.setattr(ocr, "_engine", lambda: failing)
    with pytest.raises(expected):
        ocr.read_page(Page(612, 792))


def test_the_clock_goes_by_the_slowest_page_and_by_both_limits(monkeypatch):
    now = {"wall": 0.0, "left": 100.0}
    monkeypatch.setattr(ocr.time, "monotonic", lambda: now["wall"])
    monkeypatch.setattr(ocr, "_processor_seconds_left", lambda: now["left"])
    clock = ocr.Clock()
    assert clock.enough()
    clock.took(2.0)
    now["left"] = 10.0
    assert clock.enough()
    clock.took(8.0)
    assert not clock.enough()
    now |= {"left": 90.0, "wall": 95.0}
    assert not clock.enough()


def test_a_recognised_page_is_kept_only_if_it_says_more(saved, monkeypatch):
    """A page's own text, however poor, is not given up for less."""
    from documents.parsing.pdf_lines import Line

    poor = drawn([[(72, 700 - 14 * row, "xq" * 30) for row in range(9)]])
    seen: list[str] = []

    def read_page(page):
        return [Line(text, []) for text in seen]

    monkeypatch.setattr(ocr, "find_spec", lambda name: object())
    monkeypatch.setattr(ocr, "read_page", read_page)
    path = saved(poor)
    _, blocks, noticed = read_all(path)
    assert "xqxq" in said(blocks, 1)
    assert noticed == {"pages_read_otherwise": [1]}
    seen[:] = ["The harbour board met in spring and agreed that a new quay should be built there."] * 4
    _, blocks, noticed = read_all(path)
    assert "xqxq" not in said(blocks, 1)
    assert noticed == {"pages_recognised": [1]}
