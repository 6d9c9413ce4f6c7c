"""Which parser reads which kind of file. Modules are imported on use: pandas alone takes half a second."""

from importlib import import_module
from typing import cast

from documents.parsing import sniff
from documents.parsing.base import Parser

MODULES = {sniff.PDF: "pdf", sniff.CSV: "csv", sniff.TEXT: "text", sniff.MARKDOWN: "text"}


def parser_for(media_type: str) -> Parser:
    """The parser module of a media type."""
    return cast(Parser, import_module(f"documents.parsing.{MODULES[media_type]}"))
