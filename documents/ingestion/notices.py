"""What parsers noticed, gathered over all parts and said in sentences."""

from collections.abc import Iterable
from typing import Any

MOST_NUMBERS = 20


def for_people(warnings: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    """The contract's [{code, message}]: one entry per code.

    Args:
        warnings: {code, numbers?: [...], message?} from any number of parts.
    """
    numbers: dict[str, list[int]] = {}
    messages: dict[str, str] = {}
    for warning in warnings:
        code = warning["code"]
        numbers.setdefault(code, []).extend(warning.get("numbers", ()))
        if warning.get("message"):
            messages[code] = warning["message"]
    return [
        {"code": code, "message": messages.get(code) or _sentence(code, sorted(set(found)))}
        for code, found in numbers.items()
    ]


def _sentence(code: str, found: list[int]) -> str:
    many = len(found) != 1
    listed = ", ".join(str(number) for number in found[:MOST_NUMBERS])
    if len(found) > MOST_NUMBERS:
        listed += f" and {len(found) - MOST_NUMBERS} more"
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
        return f"Line{'s' if many else ''} {listed} could not be read; what stands there is not included."
    return f"{code}: {listed}"
