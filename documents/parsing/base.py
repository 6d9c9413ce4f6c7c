"""What parsers take and give. Parsers are pure: a path and a span in, frozen results out; no Django.

A parser module offers `split(path, name) -> Structure` (look once, plan the parts) and
`read(path, span) -> Reading` (one part; the span comes with the structure's `reading` merged in). Both run
in the guarded child process (`guards`).
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

MAX_SECTION = 255


class ParseError(Exception):
    """The file cannot be read; `code` is one of `config.error_codes`, `message` may replace its sentence."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Block:
    """A stretch of text that no chunk reaches out of.

    Attributes:
        text: clean text.
        start: where it begins in the source that chunk offsets count in (see `documents.models.Chunk`).
        section: the title over it, if the file has titles.
        headings: (start in `text`, heading) of what looks like one, in order; negative for the one above it.
        page: from 1, for PDFs.
        line: number of its first line, from 1, for texts.
        rows: for tables, [row number from 1, start in `text`] of each row, in order.
        cells: for tables, where in `text` the cells of long rows begin.
    """

    text: str
    start: int = 0
    section: str = ""
    page: int | None = None
    line: int | None = None
    rows: tuple[tuple[int, int], ...] = ()
    cells: tuple[int, ...] = ()
    headings: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Reading:
    """One part's text.

    Attributes:
        warnings: {code, ...facts}, merged over parts by `ingestion.finalise`.
        profile: of a table's rows, see `parsing.profile`; kept with the part until all are there.
    """

    blocks: tuple[Block, ...]
    warnings: tuple[dict[str, Any], ...] = ()
    profile: dict[str, Any] | None = None


@dataclass(frozen=True)
class Structure:
    """A file's plan.

    Attributes:
        spans: one per part, each a JSON-able dict for `read`.
        title: from the file's metadata; "" when there is none worth showing.
        reading: how the file was read: encoding, delimiter, columns. For people, and for `read`.
        gathers: the span of a last part that needs what all the others found; None for no such part.
    """

    spans: tuple[dict[str, Any], ...]
    title: str = ""
    page_count: int | None = None
    row_count: int | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[dict[str, Any], ...] = ()
    gathers: dict[str, Any] | None = None


class Parser(Protocol):
    """A parser module."""

    def split(self, path: str, name: str) -> Structure: ...

    def read(self, path: str, span: dict[str, Any]) -> Reading: ...


def to_json(result: Reading | Structure) -> dict[str, Any]:
    """For the pipe between child and parent."""
    return asdict(result)


def structure_from_json(data: dict[str, Any]) -> Structure:
    """The inverse of `to_json`."""
    return Structure(**data | {"spans": tuple(data["spans"]), "warnings": tuple(data["warnings"])})


def reading_from_json(data: dict[str, Any]) -> Reading:
    """The inverse of `to_json`."""
    blocks = tuple(
        Block(
            **block
            | {
                "rows": tuple((number, start) for number, start in block["rows"]),
                "cells": tuple(block["cells"]),
                "headings": tuple((start, heading) for start, heading in block["headings"]),
            }
        )
        for block in data["blocks"]
    )
    return Reading(blocks=blocks, warnings=tuple(data["warnings"]), profile=data["profile"])
