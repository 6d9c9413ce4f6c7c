"""A PDF page as an image, with the passage that a citation points at marked. Runs in the guarded child."""

import base64
import ctypes
import io
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from documents.parsing.base import ParseError
from documents.parsing.pdf_forms import open_forms
from documents.parsing.pdf_layout import lines_of
from documents.parsing.pdf_lines import Measure
from documents.parsing.pdf_text import characters

MAX_PIXELS = 4_000_000
LEAST_LETTERS = 8  # of a line that is looked for by itself
LEAST_STRETCH = 16  # of the beginning or end of a passage that goes over two pages
LEAST_FOUND = 0.5  # of the passage's letters: less than that, marked here and there, would mislead
MARK = (255, 214, 64)  # multiplied into the page: text stays black


Stretch = Literal["whole", "head", "tail"]


def render(
    path: str, page: int, width: int, highlight: str = "", near: int = 0, stretch: Stretch = "whole"
) -> dict[str, Any]:
    """Draw one page.

    Args:
        page: from 1.
        width: of the image in pixels; less for pages so tall that the image would grow too large.
        highlight: the passage's text; found again by its letters and digits alone.
        near: its offset on the page, which decides when it stands there several times.
        stretch: what of the passage stands on this page: all of it, or its beginning or end.

    Returns:
        {"png": base64, "marked": "all", "part" or "none" of the passage, or "no_text" on a page whose text
        is a picture}.

    Raises:
        ParseError: not_found for a page that is not there, pdf_corrupt.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise ParseError("pdf_corrupt") from error
    open_forms(document)
    with document:
        if not 1 <= page <= len(document):
            raise ParseError("not_found")
        try:
            return _draw(document[page - 1], width, _Wanted(highlight, near, stretch))
        except pypdfium2.PdfiumError as error:
            raise ParseError("pdf_corrupt") from error


def find(characters: list[str], passage: str, near: int) -> tuple[int, int] | None:
    """Where the passage stands: indices of its first and last character, or None.

    Both sides are compared without spaces, punctuation, accents and case: what cleaning changed in the
    passage (ligatures, hyphens at a line's end) does not matter then.
    """
    text, places = _searchable(characters)
    wanted = _letters(passage)
    best, at = None, text.find(wanted) if wanted else -1
    while at >= 0:
        if best is None or abs(places[at] - near) < abs(places[best] - near):
            best = at
        at = text.find(wanted, at + 1)
    if best is None:
        return None
    return places[best], places[best + len(wanted) - 1]


def find_stretch(characters: list[str], passage: str, stretch: Stretch) -> tuple[int, int] | None:
    """Where a passage that goes over two pages stands on one of them: its longest beginning, or end."""
    text, places = _searchable(characters)
    wanted = _letters(passage)

    def piece(length: int) -> str:
        return wanted[:length] if stretch == "head" else wanted[len(wanted) - length :]

    most, least = len(wanted), 0
    while least < most:  # a longer piece is there only if every shorter one is
        middle = (least + most + 1) // 2
        least, most = (middle, most) if piece(middle) in text else (least, middle - 1)
    if least < LEAST_STRETCH:
        return None
    at = text.rfind(piece(least)) if stretch == "head" else text.find(piece(least))
    return places[at], places[at + least - 1]


def find_lines(characters: list[str], passage: str, near: int) -> list[tuple[int, int]]:
    """The passage's lines one by one, each near the end of the one before it; none when too few are there."""
    found, letters = [], 0
    for line in passage.split("\n"):
        place = find(characters, line, near) if len(_letters(line)) >= LEAST_LETTERS else None
        if place is not None:
            found.append(place)
            letters += len(_letters(line))
            near = place[1]
    return found if letters >= LEAST_FOUND * len(_letters(passage)) else []


def _searchable(characters: list[str]) -> tuple[str, list[int]]:
    """The letters and digits of a page, and the index of the character that each comes from."""
    letters: list[str] = []
    places: list[int] = []
    for index, character in enumerate(characters):
        for letter in _letters(character):
            letters.append(letter)
            places.append(index)
    return "".join(letters), places


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c.isalnum())


@dataclass(frozen=True)
class _Wanted:
    """What is to be marked; see `render`."""

    passage: str
    near: int
    stretch: Stretch


def _draw(page: Any, width: int, wanted: _Wanted) -> dict[str, Any]:
    scale = width / max(page.get_width(), 1)
    pixels = page.get_width() * page.get_height() * scale**2
    if pixels > MAX_PIXELS:
        scale *= (MAX_PIXELS / pixels) ** 0.5
    image = page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")
    boxes, marked = _boxes(page, image.size, wanted) if wanted.passage else ([], "none")
    if boxes:
        from PIL import Image, ImageChops, ImageDraw

        layer = Image.new("RGB", image.size, (255, 255, 255))
        pen = ImageDraw.Draw(layer)
        for box in boxes:
            pen.rectangle(box, fill=MARK)
        image = ImageChops.multiply(image, layer)
    out = io.BytesIO()
    image.save(out, "PNG")
    return {"png": base64.b64encode(out.getvalue()).decode(), "marked": marked}


def _boxes(page: Any, size: tuple[int, int], wanted: _Wanted) -> tuple[list[tuple[int, int, int, int]], str]:
    """The passage's rectangles in pixels of the image, and how much of it they are.

    The page's characters are taken in the order in which its text was read (`pdf_layout`). A passage that is
    not found whole (another reader's, or one that goes on in a form's fields) is marked line by line.
    """
    textpage = page.get_textpage()
    raw = characters(textpage)
    if not any(_letters(character) for character in raw):
        return [], "no_text"
    lines = lines_of(raw, Measure(textpage, raw))
    order = [index for line in lines for first, end in line.ranges for index in range(first, end)]
    text = [raw[index] for index in order]
    whole = find(text, wanted.passage, wanted.near)
    if whole is None and wanted.stretch != "whole":
        whole = find_stretch(text, wanted.passage, wanted.stretch)
    places = [whole] if whole else find_lines(text, wanted.passage, wanted.near)
    boxes = []
    for first_place, last_place in places:
        for first, count in _runs(order[first_place : last_place + 1]):
            for index in range(textpage.count_rects(first, count)):
                left, bottom, right, top = textpage.get_rect(index)
                x0, y0 = _to_pixels(page, size, left, top)
                x1, y1 = _to_pixels(page, size, right, bottom)
                boxes.append((min(x0, x1) - 1, min(y0, y1) - 1, max(x0, x1) + 1, max(y0, y1) + 1))
    if not boxes:
        return [], "none"
    return boxes, "all" if whole else "part"


def _runs(indices: list[int]) -> list[tuple[int, int]]:
    """(first, count) of the stretches of characters that follow one another."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and index == sum(runs[-1]):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((index, 1))
    return runs


def _to_pixels(page: Any, size: tuple[int, int], x: float, y: float) -> tuple[int, int]:
    """From the page's points to the image's pixels; the page's own rotation included."""
    from pypdfium2 import raw

    column, row = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, ctypes.byref(column), ctypes.byref(row))
    return column.value, row.value
