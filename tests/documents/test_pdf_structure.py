"""What frames a PDF's text: running lines, the outline, passwords, forms, very many pages."""

import pytest

from documents.parsing import pdf
from documents.parsing.base import ParseError
from documents.parsing.pdf_text import page_text
from tests.documents.files import encrypted, make_pdf
from tests.documents.pdf_files import Drawn, assembled, drawn, joined, read_all, scanned

BODY = [
    "The committee met in the spring of that year and heard the report of its chair.",
    "It was agreed that a new quay should be built at the eastern end of the basin.",
    "The owners of the boats had asked for it many times over the years before.",
    "A vote was taken, and the proposal was carried with two members abstaining.",
]


@pytest.fixture
def saved(tmp_path):
    """A function: bytes -> a path."""

    def make(content: bytes):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        return path

    return make


def page(number: int, *, top: str = "", bottom: str = "", first: str = "") -> Drawn:
    """A page of prose with what stands above and below it."""
    lines: Drawn = [(72, 760, top)] if top else []
    lines += [(72, 720, first)] if first else []
    lines += [(72, 680 - 14 * row, f"{line} ({number}.{row})") for row, line in enumerate(BODY)]
    return lines + ([(300, 40, bottom)] if bottom else [])


def said(blocks) -> str:
    return "\n".join(block.text for block in blocks)


# --- running lines ---------------------------------------------------------------------------------


def test_running_headers_and_page_numbers_are_left_out_and_places_stay_exact(saved):
    pages = [
        page(n, top="Harbour Board - Annual Report 2021", bottom=f"Page {n} of 12") for n in range(1, 13)
    ]
    path = saved(drawn(pages))
    _, blocks, noticed = read_all(path)
    assert "Harbour Board" not in said(blocks)
    assert "Page " not in said(blocks)
    assert [block.page for block in blocks] == list(range(1, 13))
    assert noticed == {}
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        for block in blocks:
            text = page_text(document, block.page)
            assert "Harbour Board" in text
            assert text[block.start : block.start + len(block.text)] == block.text
            assert all(f"({block.page}.{row})" in block.text for row in range(4))


def test_different_headers_on_even_and_odd_pages_are_left_out(saved):
    heads = {0: "The Harbour Board", 1: "Annual Report 2021"}
    pages = [page(n, top=heads[n % 2], bottom=f"{n + 6}") for n in range(1, 17)]
    _, blocks, _ = read_all(saved(drawn(pages)))
    assert not any(head in said(blocks) for head in heads.values())
    assert all(block.text.rstrip().endswith(f"({block.page}.3)") for block in blocks)


def test_a_page_number_right_under_the_text_is_left_out_at_any_height(saved):
    pages = []
    for n in range(1, 11):
        lines = page(n)[: 2 + n % 3]
        pages.append([*lines, (72, 740, "Summary"), (300, lines[-1][1] - 14, str(n))])
    _, blocks, _ = read_all(saved(drawn(pages)))
    lasts = [block.text.rstrip().split("\n") for block in blocks]
    assert not any(str(block.page) in lines for block, lines in zip(blocks, lasts, strict=True))


def test_headings_that_open_every_page_stay(saved):
    """The same but for a number, yet in larger type, or counting otherwise than the pages do."""
    large = [page(n, top=f"{{18}}Chapter {n}") for n in range(1, 13)]
    uneven = [page(n, top=f"Article {n * n}") for n in range(1, 13)]
    for pages, word in ((large, "Chapter"), (uneven, "Article")):
        _, blocks, _ = read_all(saved(drawn(pages)))
        assert said(blocks).count(word) == 12


def test_numbers_at_the_edges_of_a_table_stay(saved):
    pages = []
    for n in range(1, 13):
        lines = [(72, 720 - 14 * row, f"{n * row * 7} {row * 31}") for row in range(1, 20)]
        pages.append([*lines, (72, 720 - 14 * 20, "2021 2020")])
    _, blocks, _ = read_all(saved(drawn(pages)))
    assert said(blocks).count("2021 2020") == 12


def test_a_page_that_is_nothing_but_its_header_keeps_it(saved):
    pages = [page(n, top="Harbour Board") for n in range(1, 10)] + [[(72, 760, "Harbour Board")]]
    _, blocks, _ = read_all(saved(drawn(pages)))
    assert [block.text.strip() for block in blocks if block.page == 10] == ["Harbour Board"]


def test_short_documents_keep_everything(saved):
    pages = [page(n, top="Harbour Board") for n in range(1, 4)]
    _, blocks, _ = read_all(saved(drawn(pages)))
    assert said(blocks).count("Harbour Board") == 3


# --- outline ---------------------------------------------------------------------------------------


def with_outline(content: bytes, entries: list[tuple[str, int, float | None]]) -> bytes:
    """The PDF with an outline of (title, page, height)."""
    import io

    import pypdf
    from pypdf.generic import Fit

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    for title, number, height in entries:
        fit = Fit.fit() if height is None else Fit.xyz(0, height, 0)
        writer.add_outline_item(title, number - 1, fit=fit)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_section_begins_at_its_heading_within_the_page(saved):
    first = [(72, 720, "Remains of the preface."), (72, 690, "1. Risks"), (72, 670, "They are many.")]
    first += [(72, 640, "2. The people of the"), (72, 626, "harbour"), (72, 600, "They are few.")]
    content = drawn([first, [(72, 720, "Still about people.")]])
    path = saved(with_outline(content, [("Risks", 1, None), ("The People of the Harbour", 1, None)]))
    _, blocks, _ = read_all(path)
    assert [(block.section, block.text.split("\n")[0]) for block in blocks] == [
        ("", "Remains of the preface."),
        ("Risks", "1. Risks"),
        ("The People of the Harbour", "2. The people of the"),
        ("The People of the Harbour", "Still about people."),
    ]


def test_a_title_that_the_page_does_not_say_begins_where_it_points(saved):
    lines = [(72, 720, "Above."), (72, 500, "A picture of the quay."), (72, 480, "Taken in May.")]
    _, blocks, _ = read_all(saved(with_outline(drawn([lines]), [("Figure 1", 1, 520.0)])))
    assert [(block.section, block.text.strip().split("\n")[0]) for block in blocks] == [
        ("", "Above."),
        ("Figure 1", "A picture of the quay."),
    ]


def test_sections_go_on_over_parts(saved):
    content = make_pdf([f"This is page {n}." for n in range(1, 40)], outline=[("Risks", 2), ("People", 30)])
    structure, blocks, _ = read_all(saved(content))
    assert len(structure.spans) > 3
    assert [block.section for block in blocks] == [""] + ["Risks"] * 28 + ["People"] * 10


# --- passwords, damage, size -----------------------------------------------------------------------


def test_an_encryption_that_nobody_knows_is_called_so(saved):
    content = encrypted(make_pdf(["secret"]), user="")
    assert b"/Standard" in content
    with pytest.raises(ParseError) as caught:
        pdf.split(str(saved(content.replace(b"/Standard", b"/Notknown"))), "a.pdf")
    assert caught.value.code == "pdf_encrypted"


def test_twenty_thousand_pages_are_split_in_bounded_memory(saved):
    from documents.parsing.guards import ParserChild

    content = make_pdf([f"Page {n} of a long report.\nIt says {n * 7}." for n in range(1, 20_001)])
    child = ParserChild(seconds=120, memory_mb=320)
    try:
        path = saved(content)
        structure = child.split(path, "application/pdf", "a.pdf")
        last = child.read(path, "application/pdf", structure.reading | structure.spans[-1])
    finally:
        child.close()
    assert (structure.page_count, len(structure.spans)) == (20_000, 1250)
    assert "It says 140000." in last.blocks[-1].text


# --- forms -----------------------------------------------------------------------------------------


def form(fields: list[str]) -> bytes:
    """A page `Application` with these field dictionaries."""
    numbers = " ".join(f"{6 + index} 0 R" for index in range(len(fields)))
    stream = "BT /F1 10 Tf 72 720 Td (Application) Tj ET"
    return assembled(
        [
            f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{numbers}] "
            "/DR << /Font << /F1 3 0 R >> >> >> >>",
            "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Annots [{numbers}] "
            "/Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
            *(
                f"<< /Type /Annot /Subtype /Widget /P 4 0 R "
                f"/Rect [72 {600 - 20 * i} 300 {616 - 20 * i}] {field} >>"
                for i, field in enumerate(fields)
            ),
        ]
    )


def test_what_was_filled_into_a_form_is_read(saved):
    content = form(
        [
            "/FT /Tx /T (name) /TU (Full name) /V (Ada Lovelace)",
            "/FT /Tx /T (empty)",
            "/FT /Tx /T (secret) /Ff 8192 /V (hunter2)",
            "/FT /Btn /T (agree) /V /Yes /AS /Yes /AP << /N << /Yes 5 0 R /Off 5 0 R >> >>",
            "/FT /Btn /T (refuse) /V /Off /AS /Off /AP << /N << /Yes 5 0 R /Off 5 0 R >> >>",
            "/FT /Ch /T (town) /Ff 131072 /Opt [(Berlin) (Paris)] /V (Paris)",
        ]
    )
    _, (block,), _ = read_all(saved(content))
    assert block.text.split("\n")[:-1] == [
        "Application",
        "",
        "Full name: Ada Lovelace",
        "agree: Yes",
        "town: Paris",
    ]


# --- characters ------------------------------------------------------------------------------------


def test_compatibility_characters_are_written_out_where_that_changes_no_meaning():
    written = {"ﬁnd oﬃce": "find office", "ﻣﺮﺣﺒﺎ": "مرحبا", "ＰＤＦ１２": "PDF12", "⽇本": "日本"}
    assert {text: pdf.normalise(text) for text in written} == written
    kept = "10² ½ ™ …　（全角）"
    assert pdf.normalise(kept) == kept


def test_scanned_pages_get_small_parts(saved, monkeypatch):
    monkeypatch.setattr("documents.parsing.ocr.available", lambda: True)
    text = drawn([page(n) for n in range(1, 41)])
    scan = scanned([page(n) for n in range(41, 44)], dpi=40)
    structure = pdf.split(str(saved(joined(text, scan, text))), "a.pdf")
    holding = [
        (span["first"], span["last"]) for span in structure.spans if span["last"] > 40 and span["first"] < 44
    ]
    assert all(sum(1 for n in (41, 42, 43) if first <= n <= last) == 1 for first, last in holding)
    assert structure.page_count == 83
    assert [n for span in structure.spans for n in range(span["first"], span["last"] + 1)] == list(
        range(1, 84)
    )
