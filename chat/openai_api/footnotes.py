"""Of an answer other programs show the text: its sources stand below it, and nothing loads by itself."""

import re
from collections.abc import Iterable
from typing import Any

HEADING = "Sources:"
LINE_END = "  \n"  # a line break in Markdown as well as in plain text
ALL_GENERAL = "General knowledge: nothing in this answer comes from the documents."
PARTLY_GENERAL = "General knowledge: parts of this answer come from no document."
BLOCK = re.compile(rf"\n\n{HEADING}(?:\s*\n\[\d+\] [^\n]*)+\s*$")
# What a browser fetches without a click, in Markdown and in HTML; and the beginning of it at a piece's end.
LOADS = re.compile(
    r"!(?=\[)|<(?=(?:img|image|picture|source|video|audio|track|iframe|object|embed|svg|link|style|script"
    r"|input|body|table|td|th|base|meta|form)\b)",
    re.IGNORECASE,
)
BEGINS = re.compile(r"(?:!|<[a-z]{0,8})\Z", re.IGNORECASE)


def footnotes(answer: dict[str, Any]) -> str:
    """What is to be added to an answer's text; "" for nothing.

    `[1] report.pdf, page 3` for each cited or likely source, and a line where general knowledge was used.

    Args:
        answer: `sources` and the facts of the contract; these are missing where the answer is withheld.
    """
    parts = [_sources(answer["sources"])]
    if answer.get("general_knowledge"):
        parts.append(ALL_GENERAL)
    elif answer.get("general_parts"):
        parts.append(PARTLY_GENERAL)
    return "".join(f"\n\n{part}" for part in parts if part)


def _sources(sources: Iterable[dict[str, Any]]) -> str:
    lines = [
        f"[{source['marker']}] {harmless(source['document_name'])}{_place(source)}{_remark(source)}"
        for source in sources
        if source["cited"] or source["likely"]
    ]
    return f"{HEADING}{LINE_END}{LINE_END.join(lines)}" if lines else ""


def without_footnotes(text: str) -> str:
    """An answer as a client sends it back, without what `footnotes` added to it."""
    for line in (ALL_GENERAL, PARTLY_GENERAL):
        if (ended := text.rstrip()).endswith(f"\n\n{line}"):
            text = ended.removesuffix(line).rstrip()
    return BLOCK.sub("", text)


def harmless(text: str) -> str:
    """The text with a backslash before what would load something: an answer that a document has talked into
    an image of somebody else's server would carry away what stands in the image's address.

    Our own pages show no foreign images at all; what other programs do with an answer's text we do not know.
    """
    return LOADS.sub(r"\\\g<0>", text)


class Harmless:
    """The same for a text that comes in pieces, however it is cut."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be shown of what has arrived; what may be the beginning of something waits."""
        whole = self._held + text
        begun = BEGINS.search(whole)
        shown = whole[: begun.start()] if begun else whole
        self._held = whole[len(shown) :]
        return harmless(shown)

    def flush(self) -> str:
        """The rest, at the end."""
        held, self._held = self._held, ""
        return harmless(held)


def _place(source: dict[str, Any]) -> str:
    if source["page"]:
        return f", page {source['page']}"
    if source["rows"]:
        return f", rows {source['rows'][0]}-{source['rows'][1]}"
    return f", lines {source['lines'][0]}-{source['lines'][1]}" if source["lines"] else ""


def _remark(source: dict[str, Any]) -> str:
    if source["supported"] is False:
        return " (not supported by its passage)"
    return " (likely)" if source["likely"] else ""
