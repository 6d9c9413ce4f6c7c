"""What parsers noticed, gathered over all parts and said in sentences."""

from collections.abc import Iterable
from typing import Any

MOST_NUMBERS = 20
PAGES = {
    "pages_without_text": "{pages} {hold} no text.",
    "pages_need_recognition": (
        "{pages} {are} without text, pictures only: what stands there is not included. Install text "
        "recognition (OCR) and read the document again, or run it on the file and upload the result."
    ),
    "pages_not_reached": (
        "{pages} {are} without text, and text recognition did not get to them in time: read the document "
        "again with a higher PARSE_TIMEOUT_SECONDS."
    ),
    "pages_recognised": "{pages} {were} read by text recognition; check what is cited from there.",
    "pages_read_otherwise": "{pages}: hard to read; check what is cited from there.",
}


def for_people(warnings: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    """The contract's [{code, message}]: one entry per code.

    Args:
        warnings: {code, numbers?: [...], count?, message?} from any number of parts; `count` where there are
            more than the numbers listed.
    """
    more: dict[str, int] = {}
    numbers: dict[str, list[int]] = {}
    messages: dict[str, str] = {}
    for warning in warnings:
        code = warning["code"]
        numbers.setdefault(code, []).extend(warning.get("numbers", ()))
        unlisted = warning.get("count", 0) - len(warning.get("numbers", ()))
        more[code] = more.get(code, 0) + max(0, unlisted)
        if warning.get("message"):
            messages[code] = warning["message"]
    return [
        {"code": code, "message": messages.get(code) or _sentence(code, sorted(set(found)), more[code])}
        for code, found in numbers.items()
    ]


def _sentence(code: str, found: list[int], more: int = 0) -> str:
    many = len(found) + more != 1
    listed = ", ".join(str(number) for number in found[:MOST_NUMBERS])
    unsaid = max(0, len(found) - MOST_NUMBERS) + more
    if unsaid:
        listed += f" and {unsaid:,} more"
    if code.startswith("pages_"):
        return _pages(code, found)
    if code == "rows_uneven":
        return f"Line{'s' if many else ''} {listed}: more or fewer cells than the header has; all were kept."
    if code == "rows_rejected":
        return (
            f"Line{'s' if many else ''} {listed}: far more cells than the table has columns; "
            "what stands there is not included."
        )
    if code == "lines_comments":
        return f"Line{'s' if many else ''} {listed}: comments (#), not rows; they are not included."
    if code == "bytes_not_utf8":
        return (
            f"Line{'s' if many else ''} {listed}: bytes that are not UTF-8 were read as Windows-1252; "
            "check the special characters there."
        )
    if code == "encoding_unsure":
        return (
            "The encoding could not be told: each byte was read as a letter of Latin-1. If words look wrong, "
            "save the file as UTF-8 and replace it."
        )
    return f"{code}: {listed}"


def no_text(warnings: Iterable[dict[str, Any]]) -> str:
    """Why a document without any passage has none: the sentence about its pages, or "" for the usual one."""
    found = for_people(w for w in warnings if w["code"] in ("pages_need_recognition", "pages_not_reached"))
    return found[0]["message"] if found else ""


def _pages(code: str, found: list[int]) -> str:
    many = len(found) != 1
    words = (
        {"hold": "hold", "are": "are", "were": "were"}
        if many
        else {"hold": "holds", "are": "is", "were": "was"}
    )
    pages = f"Page{'s' if many else ''} {_ranges(found)}"
    return PAGES.get(code, f"{{pages}}: {code}").format(pages=pages, **words)


def _ranges(numbers: list[int]) -> str:
    """2-5, 9 and so on; no more than `MOST_NUMBERS` stretches."""
    stretches: list[list[int]] = []
    for number in numbers:
        if stretches and number == stretches[-1][-1] + 1:
            stretches[-1] = [stretches[-1][0], number]
        else:
            stretches.append([number])
    said = ", ".join("-".join(map(str, stretch)) for stretch in stretches[:MOST_NUMBERS])
    rest = sum(stretch[-1] - stretch[0] + 1 for stretch in stretches[MOST_NUMBERS:])
    return f"{said} and {rest:,} more" if rest else said
