"""Where a file of the corpora is read otherwise than its manifest says: rules, each with its reason.

A rule looks at what was found and expected, never at a file's name.
"""

from typing import Any

SAME_ENCODING = (
    {"ascii", "utf-8"},
    {"latin-1", "cp1252"},
    {"shift_jis", "cp932"},
    {"mac-roman", "mac_roman"},
)


def same_encoding(found: str, expected: str) -> bool:
    """Whether two names mean the same characters for what is in the file (ASCII is UTF-8, …)."""
    return found == expected or any({found, expected} == names for names in SAME_ENCODING)


def table_differences(expected: dict[str, str], found: dict[str, Any]) -> list[tuple[str, str]]:
    """(what differs, why) for a table; the reason is "" when there is none.

    Args:
        expected: a row of csv/manifest.csv.
        found: {"reading": …, "row_count": …, "warnings": codes}, or {"error": code}.
    """
    rows = int(expected["data_rows"])
    if "error" in found:
        why = "a header alone has no rows" if found["error"] == "csv_empty" and rows == 0 else ""
        return [] if why else [(f"failed: {found['error']}", "")]
    reading, differences = found["reading"], []
    careful = expected["careful_reading"]
    if not same_encoding(reading["encoding"], expected["encoding"]):
        damaged = "damaged" in careful and reading["encoding"] == "cp1252"
        why = "the only bytes beyond ASCII are damaged: nothing tells the encoding" if damaged else ""
        differences.append((f"encoding {reading['encoding']} for {expected['encoding']}", why))
    delimiter = expected["delimiter"].strip("'").replace("\\t", "\t")
    if reading["delimiter"] != delimiter:
        why = (
            "letters as delimiter are not looked for: the lines are read whole" if delimiter.isalpha() else ""
        )
        differences.append((f"delimiter {reading['delimiter']!r} for {delimiter!r}", why))
    if reading["header_records"] != int(expected["header_records"]):
        differences.append((f"{reading['header_records']} header rows for {expected['header_records']}", ""))
    if reading["width"] != int(expected["columns"]):
        why = "follows from the delimiter" if delimiter.isalpha() else ""
        differences.append((f"{reading['width']} columns for {expected['columns']}", why))
    if found["row_count"] != rows:
        differences.append((f"{found['row_count']} rows for {rows}", _why_rows(expected, found)))
    return differences


def _why_rows(expected: dict[str, str], found: dict[str, Any]) -> str:
    careful = expected["careful_reading"]
    missing = int(expected["data_rows"]) - found["row_count"]
    if "comment lines" in careful and missing > 0 and "lines_comments" in found["warnings"]:
        return "comment lines are not counted as rows"
    if missing > 0 and (blank := _blank_records(found["path"], found["reading"]["delimiter"])) >= missing:
        return f"{blank} record{'s' if blank > 1 else ''} of empty cells: blank lines are no rows"
    if missing < 0 and ("unclosed" in careful or "stray quote" in careful):
        return "an unclosed quote swallows no line here: every line is a row"
    return ""


def _blank_records(path: str, delimiter: str) -> int:
    with open(path, "rb") as file:
        lines = file.read().replace(b"\r", b"\n").split(b"\n")
    return sum(bool(line) and not line.strip(delimiter.encode() + b" \t") for line in lines)


def text_differences(expected: dict[str, str], found: dict[str, Any]) -> list[tuple[str, str]]:
    """(what differs, why) for a text, as `table_differences`."""
    if "error" in found:
        return [(f"failed: {found['error']}", "")]
    if found["media_type"] == "application/pdf":
        pdf = expected["first_40_chars"].startswith("%PDF")
        return [("read as PDF", "its content is a PDF, whatever its name")] if pdf else [("read as PDF", "")]
    if same_encoding(found["reading"]["encoding"], expected["encoding"]):
        return []
    return [(f"encoding {found['reading']['encoding']} for {expected['encoding']}", "")]


LEAST_SHARE, MOST_SHARE = 0.7, 1.3  # of poppler's count of characters


def pdf_differences(expected: dict[str, str], found: dict[str, Any]) -> list[tuple[str, str]]:
    """(what differs, why) for a PDF, as `table_differences`; expected is what poppler makes of the file."""
    pages, letters = int(expected["pages_pdfinfo"] or 0), int(expected["nonspace_chars"] or 0)
    readable = expected["poppler_status"].startswith("ok")
    if "error" in found:
        return _why_failed(found, expected, pages, letters)
    if found["media_type"] != "application/pdf":
        why = "its content is no PDF, whatever its name" if not readable else ""
        return [(f"read as {found['media_type']}", why)]
    differences = []
    if expected["without_password"]:
        differences.append((f"opened without its password: {expected['without_password']}", ""))
    if pages and found["page_count"] != pages:
        why = "" if readable else "poppler cannot read all of it"
        differences.append((f"{found['page_count']} pages for {pages}", why))
    share = found["characters"] / letters if letters else 1.0
    if letters > 50 and not LEAST_SHARE <= share <= MOST_SHARE:
        differences.append((f"{found['characters']} characters for {letters}", _why_length(found, letters)))
    return differences


def _why_failed(
    found: dict[str, Any], expected: dict[str, str], pages: int, letters: int
) -> list[tuple[str, str]]:
    error, readable = found["error"], expected["poppler_status"].startswith("ok")
    if error == "pdf_encrypted" and (expected["without_password"] or expected["encrypted"] == "yes"):
        return []
    if letters == 0 and error in ("no_text", "pdf_no_pages"):
        return []
    if error in ("pdf_corrupt", "file_type_unsupported") and not readable:
        return []
    why = _stamped(found, letters) if error == "no_text" else ""
    return [(f"failed: {error}, poppler has {pages} pages with {letters} characters", why)]


def _why_length(found: dict[str, Any], letters: int) -> str:
    warnings = set(found["warnings"])
    if found["characters"] > letters:
        more = warnings & {"pages_recognised"}
        return "pictures of text are recognised here; poppler does not" if more else ""
    if warnings & {
        "pages_without_text", "pages_read_otherwise", "pages_need_recognition", "pages_not_reached"
    }:  # fmt: skip
        return "what cannot be read is told in a warning"
    return _stamped(found, letters)


def _stamped(found: dict[str, Any], letters: int) -> str:
    """A reason, if buttons, signatures and the like say the rest: drawn over the page, not in it."""
    import pypdfium2
    from pypdfium2 import raw

    seen = 0
    with pypdfium2.PdfDocument(found["path"]) as document:
        for number in range(len(document)):
            page = document[number]
            raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            page.close()
            page = document[number]
            textpage = page.get_textpage()
            seen += len("".join(textpage.get_text_range().split()))
            textpage.close()
            page.close()
    enough = seen > found.get("characters", 0) and seen >= LEAST_SHARE * letters
    return "the rest are captions of buttons and stamps of signatures, not the page's text" if enough else ""
