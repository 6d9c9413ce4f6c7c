"""A PDF page as an image, with the passage that a citation points at marked. Runs in the guarded child."""

import base64
import ctypes
import io
import unicodedata
from typing import Any

from documents.parsing.base import ParseError

MAX_PIXELS = 4_000_000
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
    image = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
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
    """The passage's rectangles in pixels of the image."""
    from pypdfium2 import raw

    textpage = page.get_textpage()
    codes = (raw.FPDFText_GetUnicode(textpage, index) for index in range(textpage.count_chars()))
    place = find([chr(code) if code < 0x110000 else " " for code in codes], passage, near)
    if place is None:
        return []
    first, last = place
    boxes = []
    for index in range(textpage.count_rects(first, last - first + 1)):
        left, bottom, right, top = textpage.get_rect(index)
        x0, y0 = _to_pixels(page, size, left, top)
        x1, y1 = _to_pixels(page, size, right, bottom)
        boxes.append((min(x0, x1) - 1, min(y0, y1) - 1, max(x0, x1) + 1, max(y0, y1) + 1))
    return boxes


def _to_pixels(page: Any, size: tuple[int, int], x: float, y: float) -> tuple[int, int]:
    """From the page's points to the image's pixels; the page's own rotation included."""
    from pypdfium2 import raw

    column, row = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, ctypes.byref(column), ctypes.byref(row))
    return column.value, row.value
