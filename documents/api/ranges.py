"""Parts of a file: `Range` with one range, as viewers of PDFs ask for them (RFC 9110, section 14)."""

import re

SINGLE = re.compile(r"^bytes=\s*(\d*)\s*-\s*(\d*)\s*$", re.IGNORECASE)


class NotSatisfiable(Exception):
    """The range lies behind the end: 416."""


def asked_range(header: str, size: int) -> tuple[int, int] | None:
    """The first and last byte to send, or None for the whole file.

    Several ranges at once, other units and what cannot be read are answered with the whole file, as the
    standard allows.

    Args:
        header: `Range`.
        size: of the file, in bytes.

    Raises:
        NotSatisfiable: nothing of the file is in the range.
    """
    found = SINGLE.match(header)
    if found is None or found[1] == found[2] == "":
        return None
    if len(found[1]) > 18 or len(found[2]) > 18:
        raise NotSatisfiable
    if not found[1]:  # the last so many
        length = min(int(found[2]), size)
        if length == 0:
            raise NotSatisfiable
        return size - length, size - 1
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return None  # not a range at all
    if first >= size:
        raise NotSatisfiable
    return first, last
