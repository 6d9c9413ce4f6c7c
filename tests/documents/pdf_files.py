"""PDFs with text at given places, pictures of pages, and their reading."""

import io
import json
from pathlib import Path

from documents.parsing import pdf
from documents.parsing.base import Block, Reading, Structure, reading_from_json, structure_from_json, to_json

Drawn = list[tuple[float, float, str]]  # left, bottom, text; in the order in which they are drawn


def drawn(
    pages: list[Drawn], *, rotate: int = 0, matrix: str = "", media: tuple[int, int] = (612, 792)
) -> bytes:
    """A PDF whose pages hold texts at places.

    Args:
        pages: a text may begin with `{14}` for another size than 10 points.
        rotate: how viewers turn the page.
        matrix: what the places are turned with, as in `1 0 0 1 0 0`.
    """
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for index, texts in enumerate(pages):
        stream = f"{matrix} cm\n" * bool(matrix) + "".join(_shown(*text) for text in texts)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {media[0]} {media[1]}] /Rotate {rotate} "
            f"/Contents {5 + 2 * index} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    return assembled(objects)


def assembled(objects: list[str]) -> bytes:
    """The PDF of these objects; the first is the catalogue."""
    out, places = io.BytesIO(b"%PDF-1.7\n"), []
    out.seek(0, 2)
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.write("".join(f"{place:010} 00000 n \n" for place in places).encode())
    out.write(f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode())
    return out.getvalue()


def _shown(left: float, bottom: float, text: str) -> str:
    size = 10.0
    if text.startswith("{"):
        given, text = text[1:].split("}", 1)
        size = float(given)
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size} Tf {left} {bottom} Td ({escaped}) Tj ET\n"


def scanned(pages: list[Drawn], *, dpi: int = 150, **options) -> bytes:
    """The same pages as pictures, without text."""
    import pypdfium2

    with pypdfium2.PdfDocument(drawn(pages, **options)) as document:
        images = [page.render(scale=dpi / 72).to_pil().convert("L") for page in document]
    out = io.BytesIO()
    images[0].save(out, "PDF", resolution=dpi, save_all=True, append_images=images[1:])
    return out.getvalue()


def joined(*files: bytes) -> bytes:
    """The pages of several PDFs in one."""
    import pypdf

    writer = pypdf.PdfWriter()
    for file in files:
        writer.append(io.BytesIO(file))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def read_all(path: str | Path) -> tuple[Structure, list[Block], dict[str, list[int]]]:
    """Structure, blocks and warnings ({code: pages}), through JSON as between the processes."""
    structure = structure_from_json(json.loads(json.dumps(to_json(pdf.split(str(path), "a.pdf")))))
    blocks: list[Block] = []
    noticed: dict[str, list[int]] = {}
    for span in structure.spans:
        reading: Reading = pdf.read(str(path), structure.reading | span)
        reading = reading_from_json(json.loads(json.dumps(to_json(reading))))
        blocks += reading.blocks
        for warning in reading.warnings:
            noticed.setdefault(warning["code"], []).extend(warning["numbers"])
    return structure, blocks, noticed


def lines_of_page(path: str | Path, page: int = 1) -> list[str]:
    """The lines of one page that its blocks hold."""
    _, blocks, _ = read_all(path)
    return [line for block in blocks if block.page == page for line in block.text.split("\n") if line]
