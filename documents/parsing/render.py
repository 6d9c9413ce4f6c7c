"""A PDF page as an image, with the passage that a citation points at marked. Runs in the guarded child."""

import base64
import ctypes
import io
import unicodedata
from typing import Any

from documents.parsing.base import ParseError
from documents.parsing.pdf_forms import open_forms
from documents.parsing.pdf_layout import lines_of
from documents.parsing.pdf_lines import Measure
from documents.parsing.pdf_text import characters

MAX_PIXELS = 4_000_000
LEAST_LETTERS = 8  # of a line that is looked for by itself
MARK = (255, 214, 64)  # multiplied into the page: text stays black


def render(path: str, page: int, width: int, highlight: str = "", near: int = 0) -> dict[str, Any]:
    """Draw one page.

    Args:
        page: from 1.
        width: of the image in pixels; less for pages so tall that the image would grow too large.
        highlight: the passage's text; found again by its letters and digits alone.
        near: its offset on the page, which decides when it stands there several times.

    Returns:
        {"png": base64, "marked": whether the passage was found}.

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
            return _draw(document[page - 1], width, highlight, near)
        except pypdfium2.PdfiumError as error:
            raise ParseError("pdf_corrupt") from error


def find(characters: list[str], passage: str, near: int) -> tuple[int, int] | None:
    """Where the passage stands: indices of its first and last character, or None.

    Both sides are compared without spaces, punctuation, accents and case: what cleaning changed in the
    passage (ligatures, hyphens at a line's end) does not matter then.
    """
    letters: list[str] = []
    places: list[int] = []
    for index, character in enumerate(characters):
        for letter in _letters(character):
            letters.append(letter)
            places.append(index)
    text, wanted = "".join(letters), "".join(_letters(passage))
    best, at = None, text.find(wanted) if wanted else -1
    while at >= 0:
        if best is None or abs(places[at] - near) < abs(places[best] - near):
            best = at
        at = text.find(wanted, at + 1)
    if best is None:
        return None
    return places[best], places[best + len(wanted) - 1]


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c.isalnum())


def _draw(page: Any, width: int, highlight: str, near: int) -> dict[str, Any]:
    scale = width / max(page.get_width(), 1)
    pixels = page.get_width() * page.get_height() * scale**2
    if pixels > MAX_PIXELS:
        scale *= (MAX_PIXELS / pixels) ** 0.5
    image = page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")
    boxes = _boxes(page, image.size, highlight, near) if highlight else []
    if boxes:
        from PIL import Image, ImageChops, ImageDraw

        layer = Image.new("RGB", image.size, (255, 255, 255))
        pen = ImageDraw.Draw(layer)
        for box in boxes:
            pen.rectangle(box, fill=MARK)
        image = ImageChops.multiply(image, layer)
    out = io.BytesIO()
    image.save(out, "PNG")
    return {"png": base64.b64encode(out.getvalue()).decode(), "marked": bool(boxes)}


def _boxes(page: Any, size: tuple[int, int], passage: str, near: int) -> list[tuple[int, int, int, int]]:
    """The passage's rectangles in pixels of the image.

    The page's characters are taken in the order in which its text was read (`pdf_layout`). A passage that is
    not found whole (another reader's, or one that goes on in a form's fields) is marked line by line.
    """
    textpage = page.get_textpage()
    raw = characters(textpage)
    lines = lines_of(raw, Measure(textpage, raw))
    order = [index for line in lines for first, end in line.ranges for index in range(first, end)]
    text = [raw[index] for index in order]
    places = [find(text, passage, near)]
    if places == [None]:
        pieces = [piece for piece in passage.split("\n") if len(_letters(piece)) >= LEAST_LETTERS]
        places = [find(text, piece, near) for piece in pieces]
    boxes = []
    for place in places:
        for first, count in _runs(order[place[0] : place[1] + 1]) if place else ():
            for index in range(textpage.count_rects(first, count)):
                left, bottom, right, top = textpage.get_rect(index)
                x0, y0 = _to_pixels(page, size, left, top)
                x1, y1 = _to_pixels(page, size, right, bottom)
                boxes.append((min(x0, x1) - 1, min(y0, y1) - 1, max(x0, x1) + 1, max(y0, y1) + 1))
    return boxes


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
