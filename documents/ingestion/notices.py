"""What parsers noticed, gathered over all parts and said in sentences."""

from collections.abc import Iterable
from typing import Any

MOST_NUMBERS = 20


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
    if code == "pages_without_text":
        return (
            f"Page{'s' if many else ''} {listed} hold{'' if many else 's'} no text; "
            "if scanned, run text recognition (OCR) and upload the result."
        )
    if code == "pages_read_otherwise":
        return (
            f"Page{'s' if many else ''} {listed}: the text was hard to read; check what is cited from there."
        )
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
    return f"{code}: {listed}"
