"""Where in a file something went wrong, for the sentence that a person reads."""

from typing import Any

from config.errors import VerbatimError


def placed(error: VerbatimError, span: dict[str, Any]) -> VerbatimError:
    """The same error, its sentence with the place: pages, rows or the line that the part begins at.

    Args:
        error: ended a part; what names its place already stays as it is.
        span: the part's (see `documents.parsing`).
    """
    place = place_of(span)
    if not place or error.message.endswith(place):
        return error
    return type(error)(
        error.code,
        f"{error.message} {place}",
        details=error.details,
        next_step=error.next_step,
        retry_after=error.retry_after,
    )


def place_of(span: dict[str, Any]) -> str:
    """A sentence, or "" for a part that is no stretch of the file."""
    if "first" in span:
        return f"It happened on {_range('page', span['first'], span['last'])}."
    if "row" in span:
        rows = _range("row", span["row"], span["row"] + span["count"] - 1)
        return f"It happened in {rows}, from line {span['line']:,} of the file on."
    if "line" in span:
        return f"It happened from line {span['line']:,} on."
    return ""


def _range(what: str, first: int, last: int) -> str:
    return f"{what} {first:,}" if first == last else f"{what}s {first:,} to {last:,}"
